"""Runs the benchmarks: ``python -m benchmarks [GROUP …] [--write]``."""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
from pathlib import Path

from .paired import Pair

MODULES = (
    "fire",
    "models",
    "workers",
    "metering",
    "loading",
    "startup",
    "budgets",
    "http",
    "background",
    "tables",
    "clusters",
)
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Each figure is a ratio of two things measured in turns in the same run, so that a slow moment of the machine hits
both. The middle column is the median of the rounds, with the lowest and highest beside it. `make bench` repeats
them and rewrites this page.

"""


def main() -> int:
    """Prints a line for each claim as it is measured; returns 1 if one does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("group", nargs="*", help="only groups whose name contains one of these")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    given = parser.parse_args()
    sections = []
    failed = False
    for name in MODULES:
        module = importlib.import_module(f"benchmarks.{name}")
        for group in module.GROUPS:
            if given.group and not any(part in f"{name}.{group.__name__}" for part in given.group):
                continue
            pairs = list(group())
            for pair in pairs:
                failed |= not pair.holds
                mark = "ok " if pair.holds else "NO "
                span = f"({pair.low:.3f} to {pair.high:.3f})"
                print(
                    f"{mark} {pair.name:58} {pair.ratio:8.3f} {span}  wanted {pair.target}; {pair.detail}", flush=True
                )
            if pairs:
                sections.append((group.__doc__ or group.__name__, pairs))
    if given.write:
        write([section(title, pairs) for title, pairs in sections])
    return 1 if failed else 0


def write(measured: list[str]) -> None:
    """Puts sections in their places on the page; those that were not measured stay as they are."""
    old = PAGE.read_text().split("\n## ")[1:] if PAGE.exists() else []
    found = {each.partition("\n")[0]: f"## {each.rstrip()}\n" for each in old}
    found |= {each.partition("\n")[0].removeprefix("## "): each for each in measured}
    titles = [
        (group.__doc__ or group.__name__).splitlines()[0]
        for name in MODULES
        for group in importlib.import_module(f"benchmarks.{name}").GROUPS
    ]
    PAGE.write_text("\n".join([HEAD.rstrip() + "\n", *(found[title] for title in titles if title in found)]))


def machine() -> str:
    """Returns the paragraph that says where and when this was measured."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return (
        f"Measured on {datetime.date.today().isoformat()}: {model}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}.\n\n"
    )


def section(title: str, pairs: list[Pair]) -> str:
    """Returns one group as a Markdown table."""
    rows = "".join(
        f"| {p.name} | {p.ratio:.2f} ({p.low:.2f} to {p.high:.2f}) | {p.target} | {'yes' if p.holds else 'no'} "
        f"| {p.detail} |\n"
        for p in pairs
    )
    return (
        f"## {title.splitlines()[0]}\n\n{machine()}"
        f"| claim | ratio | wanted | holds | medians |\n|---|---|---|---|---|\n{rows}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
