"""The commands on tokens, tenants, reviews and the audit log, called in this process."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from alloy_lua import Alloy
from alloy_lua.cli.main import main

from .conftest import Result


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs ``alloy-lua`` on a database of the test's own."""
    monkeypatch.setenv("ALLOY_DATABASE", f"sqlite:///{tmp_path / 'kept.db'}")

    def call(*arguments: str) -> Result:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as exit:
            code = int(exit.code or 0)
        said = capsys.readouterr()
        return Result(code, said.out, said.err)

    return call


Run = Callable[..., Result]


def test_a_token_is_shown_once_and_lives_until_it_is_revoked(run: Run, tmp_path: Path) -> None:
    shown = run("tokens", "create", "ann", "--role", "author", "--tenant", "acme").done().out.splitlines()
    assert shown[0].startswith("token ") and shown[0].endswith("not shown again:")
    secret = shown[1]
    made = run(
        "tokens", "create", "ci", "--role", "operator", "--all-tenants", "--scope", "events.fire", "--expires",
        "2999-01-01", "--author", "root", "--json"
    ).done().json  # fmt: skip
    assert (made["tenants"], made["scopes"], made["created_by"]) == (None, ["events.fire"], "root")
    listed = run("tokens", "list", "--json").done().json
    assert {token["name"] for token in listed} == {"ann", "ci"}
    assert "digest" not in listed[0] and secret not in run("tokens", "list").done().out
    with Alloy(f"sqlite:///{tmp_path / 'kept.db'}") as alloy:
        assert alloy.tokens.authenticate(secret).name == "ann"
        assert alloy.tokens.authenticate(made["secret"]).scopes == {"events.fire"}
    assert run("tokens", "revoke", made["id"], "--reason", "done").done().out.endswith("of ci: revoked\n")
    assert run("tokens", "revoke", "nobody").code == 1
    for wrong in ((), ("--tenant", "a", "--all-tenants")):
        assert run("tokens", "create", "x", "--role", "author", *wrong).code == 2


def test_a_key_outside_the_database_is_read_from_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOY_TOKEN_KEY", "k" * 40)
    secret = run("tokens", "create", "ann", "--role", "author", "--all-tenants", "--json").done().json["secret"]
    with Alloy(f"sqlite:///{tmp_path / 'kept.db'}", token_key="k" * 40) as alloy:
        assert alloy.tokens.authenticate(secret).name == "ann"
    monkeypatch.setenv("ALLOY_TOKEN_KEY", "short")
    refused = run("tokens", "list")
    assert (refused.code, refused.err) == (
        1, "error: config_error: token_key: got 5 characters, wanted at least 32\n",
    )  # fmt: skip


def test_a_script_is_reviewed_and_all_of_it_is_in_the_log(run: Run, tmp_path: Path) -> None:
    (tmp_path / "one.lua").write_text("entity.a = 1")
    run("scripts", "create", "a", str(tmp_path / "one.lua"), "--on", "x.before_create", "--author", "ann").done()
    assert run("tenants", "update", "default", "--review", "required").done().out == (
        'default: {"review_required": true}\n'
    )
    assert run("tenants", "list").done().out == 'default: {"review_required": true}\n'
    refused = run("scripts", "activate", "a")
    assert (refused.code, refused.err.startswith("error: review_required: script a revision 1")) == (1, True)
    own = run("scripts", "review", "a", "approve", "--reason", "mine", "--author", "ann")
    assert own.err.startswith("error: permission_denied: ")
    assert run("scripts", "reviews", "a").done().out == "no reviews\n"
    said = run("scripts", "review", "a", "approve", "--reason", "fine", "--author", "bob").done()
    assert said.out == "a: revision 1: approve by bob\n"
    assert "approve  bob" in run("scripts", "reviews", "a").done().out
    run("scripts", "activate", "a").done()

    expected = [
        ("cli", "script.activate"), ("bob", "script.review"), ("cli", "tenant.update"), ("ann", "script.create"),
    ]  # fmt: skip
    found = run("audit", "list", "--json").done().json
    assert [(entry["actor"], entry["action"]) for entry in found] == expected
    assert {entry["via"] for entry in found} == {"cli"}
    assert "script.review" in run("audit", "list", "--actor", "bob").done().out
    lines = run("audit", "export").done().out.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [4, 3, 2, 1]
    table = csv.DictReader(run("audit", "export", "--format", "csv", "--since", "2020-01-01").done().out.splitlines())
    assert [row["action"] for row in table] == [action for _, action in expected]
    assert run("audit", "export", "--json", "--actor", "bob").done().json[0]["reason"] == "fine"
    assert run("audit", "verify").done().out.startswith("4 entries, all well")

    with Alloy(f"sqlite:///{tmp_path / 'kept.db'}") as alloy:
        database = alloy.store._gateway.database  # type: ignore[attr-defined]
        database.execute_sql("DELETE FROM alloy_audit WHERE seq = 2")
    broken = run("audit", "verify")
    assert (broken.code, broken.out) == (1, "entry 2 was changed or taken out\n")
