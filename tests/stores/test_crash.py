"""A process killed while it writes leaves whole transactions and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from alloy_lua.ports import ScriptQuery
from alloy_lua.stores import open_store

WRITER = """
import sys
from datetime import UTC, datetime
from alloy_lua.model import FailurePolicy, Revision, Script, Status
from alloy_lua.stores import open_store

store = open_store(sys.argv[1])
now = datetime.now(UTC)
script = Script("id-1", "acme", "counter", "", Status.ACTIVE, (), "default", (), None, 0, FailurePolicy.CLOSED,
                1, None, 1, now, now, "writer")
store.add_script(script, Revision("id-1", 1, "", "", "", "", now, ""))
while True:
    number = script.version + 1
    revision = Revision("id-1", number, "-- " + "x" * 20_000, "", "", "", now, "")
    script = store.save_script(script, expected_version=script.version, revision=revision)
    print(number, flush=True)
"""


def test_killing_a_writer_leaves_a_readable_database_with_whole_transactions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/alloy.db"
    with closing(open_store(url)) as store:
        store.migrate()
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.3)
        writer.kill()
        said = [int(line) for line in writer.stdout if line.endswith("\n")]
    assert len(said) > 5
    with closing(open_store(url)) as store:
        (script,) = store.list_scripts(ScriptQuery("acme"))
        numbers = [revision.number for revision in store.list_revisions("acme", "id-1")]
        assert script.version in (said[-1], said[-1] + 1)
        assert numbers == list(range(1, script.version + 1))
        assert store.change_counter() == script.version
        assert store.save_script(script, expected_version=script.version).version == script.version + 1
