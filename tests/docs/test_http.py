"""The curl examples of the HTTP guide, run in order in one shell each against a service started as the guide says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alloy_lua.secrets import new_key

from .pages import page

_BLOCKS = re.compile(r"^```bash\n(?P<command>.*?)^```$(?:\n\n^```json\n(?P<reply>.*?)^```$)?", re.M | re.S)


@pytest.fixture
def around(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of the examples: $URL and $TOKEN."""
    command = [sys.executable, "-m", "alloy_lua.cli.main", "serve", "--port", "0"]
    environment = {**os.environ, "ALLOY_DATABASE": f"sqlite:///{tmp_path / 'guide.db'}", "ALLOY_SECRETS_KEY": new_key()}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    token = process.stderr.readline().rpartition(": ")[2].strip()
    served = re.search(r"http://[\d.:]+", process.stderr.readline())
    assert served is not None
    yield {**os.environ, "URL": served[0], "TOKEN": token}
    process.terminate()
    process.communicate(timeout=20)


def holds(wanted: Any, found: Any) -> bool:
    """Returns whether ``found`` has all that ``wanted`` shows; … stands for anything."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and holds(v, found[name]) for name, v in wanted.items())
    if isinstance(wanted, list):
        pairs = zip(wanted, found, strict=False)
        return isinstance(found, list) and len(wanted) == len(found) and all(holds(w, f) for w, f in pairs)
    return bool(wanted in ("…", found))


def last_json(text: str) -> Any:
    """Returns the last of the JSON texts that follow each other."""
    found, rest = None, text.strip()
    while rest.startswith("{"):
        found, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].strip()
    return found


def test_the_examples_show_what_the_guide_says(around: dict[str, str]) -> None:
    blocks = list(_BLOCKS.finditer(page("http.md")))
    assert len(blocks) > 15
    for block in blocks:
        done = subprocess.run(["bash", "-c", block["command"]], env=around, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (block["command"], done.stderr)
        if block["reply"] is not None:
            wanted, found = json.loads(block["reply"]), last_json(done.stdout)
            assert holds(wanted, found), (block["command"], done.stdout)
        else:
            assert '{"error"' not in done.stdout, (block["command"], done.stdout)


def test_the_table_of_errors_is_the_services_own() -> None:
    from alloy_lua.api.errors import STATUS_OF

    table = page("http.md").partition("| status | codes |")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| ([\d, ]+) \| (.*) \|$", table, re.M):
        statuses = {int(number) for number in row[0].split(", ")}
        for code in re.findall(r"`([a-z_]+)`", row[1]):
            assert STATUS_OF[code] in statuses, code
    assert {code for code in STATUS_OF if f"`{code}`" not in table} == set()
