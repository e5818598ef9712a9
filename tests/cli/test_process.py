"""The command as a process: version, help, interrupts, closed pipes, speed of start, and the README's example."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import alloy_lua
from alloy_lua.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = ("demo", "check", "run", "fire", "scripts", "scripts update", "runs", "runs list", "migrate", "functions")


def test_the_version_is_the_packages(cli: Any) -> None:
    assert cli("--version").done().out == f"alloy-lua {alloy_lua.__version__}\n"


def test_the_help_tells_the_exit_codes(cli: Any) -> None:
    assert re.search(r"3 +a script rejected", cli("--help").done().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"alloy-lua {command}" in capsys.readouterr().out


@pytest.mark.parametrize("lines", [1, 2])
def test_an_interrupt_ends_the_process_quietly_with_130(cli: Any, lines: int) -> None:
    with cli.start("demo", "--orders", "5000") as process:
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


def test_a_closed_pipe_ends_the_process_quietly(cli: Any) -> None:
    with cli.start("functions", "--json") as process:
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (141, "")


def python_blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)


def test_the_readmes_example_does_what_its_comment_says(tmp_path: Path) -> None:
    (block,) = python_blocks()
    assert len(block.splitlines()) <= 10
    told = re.findall(r"print\(.*\)  # (.*)", block)
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert (done.stdout.splitlines(), done.stderr) == (told, "")


def test_the_readmes_limits_are_the_profiles() -> None:
    row = next(line for line in README.splitlines() if line.startswith("| fuel"))
    assert [int(cell.replace(",", "")) for cell in row.split("|")[2:-1]] == [
        limits.fuel for limits in alloy_lua.PROFILES.values()
    ]


def test_every_link_of_the_readme_leads_somewhere() -> None:
    missing = [path for path in re.findall(r"\]\(([^)#:]+)\)", README) if not (ROOT / path).exists()]
    assert missing == []


def test_the_package_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alloy_lua", "functions", "str.trim"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert done.stdout.startswith("str.trim(s) -> string")


def test_a_port_in_use_is_told_before_a_token_is_made(cli: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = cli("serve", "--port", str(taken.getsockname()[1]))
    assert (found.code, found.err.count("\n")) == (1, 1)
    assert found.err.startswith("error: config_error: cannot listen on 127.0.0.1:")
    assert cli("tokens", "list").done().out == "no tokens\n"


def test_the_page_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    ([a-z-]+)  ", capsys.readouterr().out, re.M)
    rows = [line for line in (ROOT / "docs" / "cli.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(commands) > 15
    assert [name for name in commands if not any(re.match(rf"\| `{name}\b", row) for row in rows)] == []
