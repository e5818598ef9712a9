"""Secrets: sealed in the store, handles in scripts, and nowhere else to be seen."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy
from alloy_lua.errors import AlloyError, ConfigError, NotFound, ValidationError
from alloy_lua.hostapi import HostCall
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings
from alloy_lua.values import Secret

TEXT = "s3cr3t-Text/with=ödd & parts"


@pytest.fixture(autouse=True)
def stored(alloy: Alloy) -> None:
    alloy.secrets.set("crm-key", TEXT)


# -- for people --------------------------------------------------------------------------------------------------
def test_secrets_are_listed_without_their_text_and_deleted(alloy: Alloy) -> None:
    alloy.secrets.set("a.b", "12345678", by="ada")
    assert [(one.name, one.updated_by) for one in alloy.secrets.list()] == [("a.b", "ada"), ("crm-key", "system")]
    assert TEXT not in repr(alloy.secrets.list())
    alloy.secrets.delete("a.b")
    with pytest.raises(NotFound, match=r"a\.b"):
        alloy.secrets.delete("a.b")
    assert alloy.secrets.list(tenant="other") == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("A", TEXT), ("", TEXT), ("a b", TEXT), ("x" * 101, TEXT), ("a", "short"), ("a", "x" * 16_385), ("a", 7)],
)
def test_a_wrong_name_or_text_is_refused_and_not_shown(alloy: Alloy, name: str, text: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        alloy.secrets.set(name, text)
    assert TEXT not in str(caught.value)


def test_the_database_holds_no_plain_text_and_another_key_opens_nothing(tmp_path: Path, key: str) -> None:
    path = tmp_path / "alloy.db"
    with Alloy(f"sqlite:///{path}", settings=Settings({"secrets_key": key})) as alloy:
        alloy.secrets.set("crm-key", TEXT)
        assert alloy.secrets.open("default", "crm-key") == TEXT
    assert TEXT.encode() not in b"".join(one.read_bytes() for one in tmp_path.iterdir())
    other = new_key()
    with (
        Alloy(f"sqlite:///{path}", settings=Settings({"secrets_key": other})) as alloy,
        pytest.raises(ConfigError, match="cannot be opened"),
    ):
        alloy.secrets.open("default", "crm-key")
    with Alloy(f"sqlite:///{path}", settings=Settings({"secrets_key": f"{other}, {key}"})) as alloy:
        assert alloy.secrets.open("default", "crm-key") == TEXT  # the old key still opens after a change of keys


def test_a_sealed_row_copied_to_another_tenant_or_name_opens_nothing(tmp_path: Path, key: str) -> None:
    path = tmp_path / "alloy.db"
    with Alloy(f"sqlite:///{path}", settings=Settings({"secrets_key": key})) as alloy:
        alloy.secrets.set("crm-key", TEXT)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE alloy_documents SET tenant = 'thief'")
        database.close()
        with pytest.raises(ConfigError, match="another tenant"):
            alloy.secrets.open("thief", "crm-key")


@pytest.mark.parametrize("wrong", ["", "nonsense", "x" * 44])
def test_without_a_key_nothing_is_stored(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOY_SECRETS_KEY", raising=False)
    with Alloy(settings=Settings({"secrets_key": wrong or None})) as alloy:
        with pytest.raises(ConfigError, match="key"):
            alloy.secrets.set("a", TEXT)
        assert alloy.secrets.list() == []
        outcome = alloy.evaluate("return secret('a')", capabilities=["secret"])
        assert outcome.error.code == "not_found"


def test_the_key_may_come_from_the_environment(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOY_SECRETS_KEY", key)
    with Alloy() as alloy:
        alloy.secrets.set("a", TEXT)
        assert alloy.secrets.open("default", "a") == TEXT


# -- in scripts --------------------------------------------------------------------------------------------------
def test_a_handle_shows_its_name_and_nothing_else(ask: Any) -> None:
    outcome = ask(
        "local s = secret('crm-key') "
        "return {tostring(s), type(s), s == secret('crm-key'), getmetatable(s), string.format('%s', s)}"
    )
    assert outcome.value == ["secret(crm-key)", "userdata", True, False, "secret(crm-key)"]


@pytest.mark.parametrize(
    "source",
    [
        "return secret('crm-key')",
        "return {deep = {secret('crm-key')}}",
        "abort('no', {key = secret('crm-key')})",
        "log.info('x', {key = secret('crm-key')})",
        "entity.total = secret('crm-key')",
        "entity.deep = {secret('crm-key')}",
        "error({message = secret('crm-key')})",
        "return json.encode({secret('crm-key')})",
        "return str.trim(secret('crm-key'))",
        "return base64.encode(secret('crm-key'))",
        "kv.set('k', secret('crm-key'))",
        "kv.set('k', {secret('crm-key')})",
        "return 'x' .. secret('crm-key')",
        "return table.concat({secret('crm-key')})",
        "return secret('crm-key').text",
        "return #secret('crm-key')",
        "setmetatable(secret('crm-key'), {})",
        "return secret('crm-key')()",
        "return {[secret('crm-key')] = 1}",
    ],
)
def test_a_handle_cannot_leave_the_script_or_be_taken_apart(ask: Any, source: str) -> None:
    outcome = ask(source, entity={"total": 1})
    assert outcome.status == "failed", outcome
    assert TEXT not in repr(outcome.as_dict())


def test_log_lines_and_errors_show_the_name(ask: Any) -> None:
    assert ask("log.info(secret('crm-key'))").logs[0].message == "secret(crm-key)"
    assert "can only be handed to host functions" in ask("return secret('crm-key')").error.message
    assert "base64.encode: got a secret" in ask("return base64.encode(secret('crm-key'))").error.message


def test_a_script_needs_the_grant_for_all_or_for_that_secret(alloy: Alloy) -> None:
    source = "return hash.hmac('sha256', secret('crm-key'), 'x')"
    expected = hmac.new(TEXT.encode(), b"x", "sha256").hexdigest()
    for grant in ("secret", "secret.crm-key"):
        assert alloy.evaluate(source, capabilities=[grant]).value == expected
    for grants in ([], ["secret.other"], ["http"]):
        assert alloy.evaluate(source, capabilities=grants).error.code == "capability_denied"


def test_another_tenant_has_none(alloy: Alloy) -> None:
    outcome = alloy.evaluate("return secret('crm-key')", capabilities=["secret"], tenant="other")
    assert outcome.error.code == "not_found"


def test_a_changed_secret_is_opened_anew(alloy: Alloy) -> None:
    source = "return hash.hmac('sha256', secret('crm-key'), 'x')"
    before = alloy.evaluate(source, capabilities=["secret"]).value
    alloy.secrets.set("crm-key", "another text")
    after = alloy.evaluate(source, capabilities=["secret"]).value
    assert before != after == hmac.new(b"another text", b"x", hashlib.sha256).hexdigest()


# -- platform functions ------------------------------------------------------------------------------------------
def test_a_platform_function_may_ask_for_a_secret(alloy: Alloy) -> None:
    got = []

    @alloy.function("crm.login")
    def login(call: HostCall, key: Secret, note: str = "") -> str:
        got.append(key.reveal() if isinstance(key, Secret) else key)
        return f"logged in with {got[-1]}"

    outcome = alloy.evaluate("return crm.login(secret('crm-key'))", capabilities=["secret"])
    assert got == [TEXT]
    assert outcome.value == "logged in with [secret crm-key]"
    assert alloy.evaluate("return crm.login('plain')").value == "logged in with plain"
    refused = alloy.evaluate("return crm.login('plain', secret('crm-key'))", capabilities=["secret"])
    assert "got secret, wanted string" in refused.error.message


def test_a_function_that_did_not_ask_gets_no_handle(alloy: Alloy) -> None:
    @alloy.function("crm.note")
    def note(data: dict[str, Any]) -> None:
        raise AssertionError("not reached")

    outcome = alloy.evaluate("crm.note({key = secret('crm-key')})", capabilities=["secret"])
    assert outcome.error.code == "invalid_value"
    assert "crm.note: got a secret" in outcome.error.message


@pytest.mark.parametrize(
    "shape", [str, lambda s: {"deep": [s]}, lambda s: {s: 1}, lambda s: json.dumps(s), lambda s: s.encode()]
)
def test_what_comes_back_from_outside_is_scrubbed(alloy: Alloy, shape: Any) -> None:
    @alloy.function("crm.echo")
    def echo(key: Secret) -> Any:
        return shape(key.reveal())

    outcome = alloy.evaluate(
        "local v = crm.echo(secret('crm-key')) log.info('v', {v}) return v", capabilities=["secret"]
    )
    assert outcome.status == "continue", outcome
    assert "s3cr3t" not in repr(outcome.as_dict())
    assert "[secret crm-key]" in repr(outcome.value)


def test_errors_and_logs_of_a_host_function_are_scrubbed(alloy: Alloy, caplog: pytest.LogCaptureFixture) -> None:
    @alloy.function("crm.fail")
    def fail(key: Secret, loudly: bool) -> None:
        raise (AlloyError if loudly else RuntimeError)(f"cannot log in with {key.reveal()}")

    with caplog.at_level(logging.DEBUG):
        for loudly in ("true", "false"):
            outcome = alloy.evaluate(f"crm.fail(secret('crm-key'), {loudly})", capabilities=["secret"])
            assert outcome.status == "failed"
            assert TEXT not in repr(outcome.as_dict())
    assert "crm.fail failed" in caplog.text
    assert TEXT not in caplog.text


def test_records_of_runs_hold_no_secret(alloy: Alloy) -> None:
    @alloy.function("crm.echo")
    def echo(key: Secret) -> str:
        return key.reveal()

    alloy.scripts.create(
        "leak", "log.info(crm.echo(secret('crm-key'))) abort(crm.echo(secret('crm-key')), {params.given})",
        on="order.on_commit", status="active", capabilities=["secret"],
    )  # fmt: skip
    outcome = alloy.fire("order.on_commit", {"id": 1}, params={"given": TEXT})
    alloy.flush()
    assert outcome.status == "rejected"
    assert "s3cr3t" not in repr(outcome.as_dict())
    assert "s3cr3t" not in repr(alloy.runs())


def test_a_dry_run_reports_the_handle(alloy: Alloy) -> None:
    @alloy.function("crm.send", effect=True)
    def send(key: Secret) -> None:
        raise AssertionError("not reached")

    outcome = alloy.evaluate("crm.send(secret('crm-key'))", capabilities=["secret"], dry_run=True)
    assert outcome.effects == ({"function": "crm.send", "arguments": ["secret(crm-key)"]},)


def test_names_of_every_length_cross(alloy: Alloy, ask: Any) -> None:
    for length in (1, 2, 3, 4, 8, 16, 17, 100):
        name = "n" * length
        alloy.secrets.set(name, "x" * 8 + name)
        assert (
            ask(f"return {{tostring(secret('{name}')), hash.hmac('sha256', secret('{name}'), 'x')}}").value[0]
            == f"secret({name})"
        )
