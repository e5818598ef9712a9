"""Access control between processes that share a database: the first token, idempotency keys, revocation, the log."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing

import pytest

from alloy_lua import Alloy
from alloy_lua.access_model import Role
from alloy_lua.errors import Unauthenticated
from alloy_lua.stores import open_store

DATABASES = ("sqlite", "postgresql", "mysql")
WAIT_S = 60


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated, empty database, once for each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    with closing(open_store(url)) as store:
        store.migrate()
    return url


def race(url: str, code: str, processes: int = 4) -> list[str]:
    """Returns what each of several processes printed, that ran ``code`` at once with ``alloy`` on the database."""
    start = (
        "import sys; from alloy_lua import Alloy; alloy = Alloy(sys.argv[1], migrate=False); alloy.scripts.list();"
        "print('ready', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-W", "error", "-c", f"{start}{code}\nalloy.close()", url]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(processes)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    results = [racer.communicate(timeout=WAIT_S) for racer in racers]
    assert [stderr for _, stderr in results] == [""] * processes
    return [stdout.strip() for stdout, _ in results]


def test_of_processes_that_start_at_once_one_makes_the_first_token(database_url: str) -> None:
    printed = race(database_url, "print(alloy.tokens.bootstrap())")
    secrets = [text for text in printed if text != "None"]
    assert len(secrets) == 1
    with Alloy(database_url) as alloy:
        assert alloy.tokens.authenticate(secrets[0]).role is Role.ADMIN
        assert len(alloy.tokens.list()) == 1
        assert alloy.tokens.bootstrap() is None


def test_of_processes_with_one_idempotency_key_one_carries_the_call_out(database_url: str) -> None:
    code = """
from alloy_lua import Conflict
import time
while True:
    try:
        call = alloy.idempotency.begin("key", "POST", "/scripts", b"{}")
    except Conflict as error:
        assert error.code == "in_progress", error
        time.sleep(0.02)
        continue
    break
if call.status is None:
    alloy.scripts.create("made-once", "return 1")
    time.sleep(0.2)
    assert alloy.idempotency.finish(call, 201, [("ETag", "1")], b"made")
    print("made")
else:
    print("again", call.status, call.headers, call.body)
"""
    printed = sorted(race(database_url, code))
    assert printed == ["again 201 (('ETag', '1'),) b'made'"] * 3 + ["made"]


def test_changes_of_several_processes_are_one_chain(database_url: str) -> None:
    code = """
import os
for n in range(5):
    alloy.scripts.create(f"s-{os.getpid()}-{n}", "return 1", author=f"p{os.getpid()}")
    alloy.tokens.create("ann", "author")
"""
    race(database_url, code, 3)
    with Alloy(database_url) as alloy:
        assert alloy.audit.verify()[:2] == (30, None)
        assert len(alloy.audit.list(action="script.create")) == 15


def test_a_token_revoked_by_another_process_is_refused_within_two_seconds(database_url: str) -> None:
    with Alloy(database_url) as alloy:
        made = alloy.tokens.create("ann", "author")
        assert alloy.tokens.authenticate(made.secret).name == "ann"
        race(database_url, f"alloy.tokens.revoke({made.token.id!r}, reason='lost')", 1)
        time.sleep(2)
        with pytest.raises(Unauthenticated):
            alloy.tokens.authenticate(made.secret)
