"""Turns what the demo counted into a report for a terminal: plain text, aligned columns, 100 characters wide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 100
VALUE_WIDTH = 36
FIELDS_PER_EXAMPLE = 14
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class HookStats:
    """How one script did: counts of runs, latencies in microseconds, fuel as the average per run."""

    name: str
    event: str
    runs: int
    changed: int
    rejected: int
    failed: int
    p50_us: float
    p99_us: float
    fuel: float


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after the scripts; None means that the record has no such field."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Example:
    """What the scripts made of one record."""

    title: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """All that `render` shows. ``open_failures`` counts failures that let the record pass (on_failure: open)."""

    database: str
    orders: int
    customers: int
    fires: int
    seconds: float
    hooks: Sequence[HookStats]
    examples: Sequence[Example] = ()
    rejections: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    open_failures: int = 0
    effects: Mapping[str, int] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[str] = ()


def render(summary: Summary) -> str:
    """Returns the whole report, sections divided by blank lines, ending in a newline."""
    sections = (
        _headline(summary),
        _section("Scripts (p50 and p99 in µs, fuel: average of a run)", _hooks(summary.hooks)),
        _section("Before and after", _examples(summary.examples)),
        _section("Rejected, by reason", _counts(summary.rejections)),
        _section("Failed, by error", _failures(summary)),
        _section("What scripts did through the platform", _counts(summary.effects)),
        _section("Nightly report", _report(summary.report)),
        _next(summary),
    )
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _headline(summary: Summary) -> list[str]:
    runs = sum(hook.runs for hook in summary.hooks)
    rate = summary.fires / summary.seconds if summary.seconds > 0 else 0.0
    return [
        f"{number(summary.orders)} orders and {number(summary.customers)} customers "
        f"went through {number(len(summary.hooks))} scripts.",
        f"{number(summary.fires)} events, {number(runs)} script runs in {summary.seconds:.2f} s "
        f"({number(rate)} events a second, platform included).",
    ]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [title, "-" * len(title), *(clip(line, WIDTH) for line in lines)] if lines else []


def _hooks(hooks: Sequence[HookStats]) -> list[str]:
    header = ("script", "event", "runs", "changed", "rejected", "failed", "p50", "p99", "fuel")
    rows = [_hook_row(hook) for hook in hooks]
    return table(header, rows, left=2, widths={0: 18, 1: 22}) if rows else []


def _hook_row(hook: HookStats) -> tuple[str, ...]:
    counts = (hook.runs, hook.changed, hook.rejected, hook.failed)
    return (hook.name, hook.event, *map(number, counts), *map(number, (hook.p50_us, hook.p99_us, hook.fuel)))


def _examples(examples: Sequence[Example]) -> list[str]:
    lines: list[str] = []
    for example in examples:
        lines.append(example.title)
        shown = example.changes[:FIELDS_PER_EXAMPLE]
        width = max((len(change.name) for change in shown), default=0)
        lines += [f"  {change.name:<{width}}  {value(change.old)} -> {value(change.new)}" for change in shown]
        if left := len(example.changes) - len(shown):
            lines.append(f"  {ELLIPSIS} and {left} more")
    return lines


def _counts(counts: Mapping[str, int]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    width = max((len(number(count)) for count in counts.values()), default=0)
    return [f"{number(count):>{width}}  {name}" for name, count in ordered]


def _failures(summary: Summary) -> list[str]:
    lines = _counts(summary.failures)
    if summary.open_failures:
        lines.append(f"{number(summary.open_failures)} more failed but let the record pass (on_failure: open).")
    return lines


def _report(report: Mapping[str, Any]) -> list[str]:
    width = max(map(len, report), default=0)
    return [f"{name:<{width}}  {value(content, WIDTH - width - 2)}" for name, content in sorted(report.items())]


def _next(summary: Summary) -> list[str]:
    # Not clipped: a command has to be whole to be copied.
    return [f"The scripts are in {summary.database}. Next:", *(f"  {command}" for command in summary.commands)]


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int, widths: Mapping[int, int] | None = None
) -> list[str]:
    """Returns the lines of a table with two blanks between its columns.

    Args:
        header: The columns' titles.
        rows: Their cells, as many as titles.
        left: How many columns, from the first, align left; the others align right.
        widths: The most characters of a column, by index; longer cells are clipped.
    """
    limits = widths or {}
    cells = [[clip(cell, limits.get(i, WIDTH)) for i, cell in enumerate(row)] for row in (header, *rows)]
    spans = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return [
        "  ".join(
            f"{cell:{'<' if i < left else '>'}{span}}" for i, (cell, span) in enumerate(zip(row, spans, strict=True))
        )
        for row in cells
    ]


def number(amount: float) -> str:
    """Returns a number for reading: one decimal below ten, none above, blanks between thousands, ``-`` for none."""
    if not math.isfinite(amount):
        return "-"
    if isinstance(amount, float) and abs(amount) < 10 and not amount.is_integer():
        return f"{amount:.1f}"
    return f"{amount:,.0f}".replace(",", " ")


def value(content: Any, width: int = VALUE_WIDTH) -> str:
    """Returns a field's value for reading, at most ``width`` characters."""
    if content is None:
        return "(none)"
    if isinstance(content, str):
        return clip(repr(content), width)
    if isinstance(content, Mapping):
        inside = ", ".join(f"{key}: {value(item, width)}" for key, item in content.items())
        return clip("{" + inside + "}", width)
    if isinstance(content, Sequence):
        return clip(f"[{', '.join(value(item, width) for item in content)}]", width)
    return clip(str(content), width)


def clip(text: str, width: int) -> str:
    """Returns ``text``, cut to ``width`` characters with an ellipsis where it was longer."""
    return text if len(text) <= width else text[: width - 1] + ELLIPSIS
