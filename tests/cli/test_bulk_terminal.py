"""The command bulk on a terminal, and when it is interrupted: real processes on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from .conftest import COMMAND, ENVIRONMENT, Cli

ROWS = 400_000
SLOW = "local n = 0 for i = 1, 2000 do n = n + i % 7 end entity.total = n"


@pytest.fixture
def folder(cli: Cli) -> Path:
    (cli.folder / "price.lua").write_text("entity.total = entity.qty * 2")
    (cli.folder / "slow.lua").write_text(SLOW)
    table = pa.table({"qty": pa.array(range(ROWS), pa.int32()), "total": pa.nulls(ROWS, pa.float64())})
    parquet.write_table(table, cli.folder / "in.parquet", row_group_size=20_000)
    return cli.folder


def start(cli: Cli, script: str, terminal: int) -> subprocess.Popen[bytes]:
    """Returns ``bulk`` on its way, with the terminal for what it says beside its result."""
    files = "--file", script, "--in", "in.parquet", "--out", "out.parquet"
    return subprocess.Popen(
        [COMMAND, "bulk", "order.before_create", *files],
        cwd=cli.folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def shown(terminal: int, wanted: bytes, seconds: float = 60.0) -> bytes:
    """Returns what the terminal showed, once ``wanted`` is among it or nothing more can come."""
    found, until = b"", time.monotonic() + seconds
    while wanted not in found and time.monotonic() < until:
        try:
            found += os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
    return found


def test_a_bar_shows_how_far_it_is_and_goes(cli: Cli, folder: Path) -> None:
    ours, theirs = pty.openpty()
    process = start(cli, "price.lua", theirs)
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    text = shown(ours, b"never there")
    os.close(ours)
    assert process.returncode == 0
    assert f" of {ROWS:,} rows".encode() in text
    assert b"[#" in text or b"[." in text
    assert text.endswith(b"\r\x1b[K"), text[-80:]
    assert f"{ROWS} rows in".encode() in out


def test_an_interrupt_leaves_the_file_as_it_was(cli: Cli, folder: Path) -> None:
    (folder / "out.parquet").write_bytes(b"as it was")
    ours, theirs = pty.openpty()
    process = start(cli, "slow.lua", theirs)
    os.close(theirs)
    assert b" of " in shown(ours, b" of ")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    os.close(ours)
    assert process.returncode == 130
    assert b"rows in" not in out
    assert (folder / "out.parquet").read_bytes() == b"as it was"
    assert sorted(path.name for path in folder.iterdir() if "out" in path.name) == ["out.parquet"]
