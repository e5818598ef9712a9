"""The installed command, started as a process of its own in an empty folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(sysconfig.get_path("scripts")) / "alloy-lua"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "ALLOY_DATABASE"}


@dataclass(frozen=True)
class Result:
    """What a process printed and returned."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def done(self) -> Result:
        """Returns itself if the command ended well and had nothing to complain about."""
        assert (self.code, self.err) == (0, ""), self
        return self


@dataclass(frozen=True)
class Cli:
    """Runs ``alloy-lua`` in a folder."""

    folder: Path

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Result:
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.folder,
            env={**ENVIRONMENT, **environment},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def paste(self, line: str) -> Result:
        """Runs a line as a shell in the folder does."""
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=ENVIRONMENT, capture_output=True, encoding="utf-8", timeout=60
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts the command and leaves it running; Ctrl-C reaches it even if it does not reach the tests."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def write(self, name: str, text: str) -> str:
        """Returns ``name`` after writing a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)
