"""The operators' commands, each as a process."""

from __future__ import annotations

from typing import Any

from alloy_lua.secrets import new_key

TEXT = "s3cr3t-text"


def test_secrets_are_set_from_standard_input_listed_and_deleted(cli: Any) -> None:
    key = cli("secrets", "new-key").done().out.strip()
    cli("migrate").done()
    done = cli("secrets", "set", "crm-key", "--author", "ada", stdin=TEXT + "\n", ALLOY_SECRETS_KEY=key).done()
    assert TEXT not in done.out
    listed = cli("secrets", "list", "--json").done()
    assert [(one["name"], one["updated_by"]) for one in listed.json] == [("crm-key", "ada")]
    assert TEXT.encode() not in b"".join(path.read_bytes() for path in cli.folder.glob("alloy.db*"))
    (cli.folder / "sign.lua").write_text(
        "-- manual: yes\n-- capabilities: secret.crm-key\nreturn hash.hmac('sha256', secret('crm-key'), 'x')"
    )
    cli("scripts", "import", ".", "--activate").done()
    digest = cli("run", "sign", "--json", ALLOY_SECRETS_KEY=key).done().json["value"]
    assert len(digest) == 64
    assert cli("run", "sign", ALLOY_SECRETS_KEY=new_key()).code == 1
    cli("secrets", "delete", "crm-key").done()
    assert "no secrets" in cli("secrets", "list").done().out
    assert "not_found" in cli("secrets", "delete", "crm-key").err


def test_a_secret_needs_a_key(cli: Any) -> None:
    cli("migrate").done()
    refused = cli("secrets", "set", "a", stdin=TEXT)
    assert (refused.code, "ALLOY_SECRETS_KEY" in refused.err, TEXT in refused.err) == (1, True, False)


def test_egress_is_allowed_listed_and_removed(cli: Any) -> None:
    url = "https://api.example.com/v1/*"
    cli("migrate").done()
    cli("egress", "allow", url, "--method", "GET", "--method", "POST").done()
    listed = cli("egress", "list", "--json").done().json
    assert [(one["url"], one["methods"], one["private"]) for one in listed] == [(url, ["GET", "POST"], False)]
    cli("egress", "remove", url).done()
    assert "nothing is allowed" in cli("egress", "list").done().out
    logged = cli("audit", "list", "--json").done().json
    assert [(one["action"], one["via"], one["actor"]) for one in logged] == [
        ("egress.remove", "cli", "cli"),
        ("egress.allow", "cli", "cli"),
    ]
    assert cli("egress", "allow", "nonsense").code == 1


def test_safe_mode_is_set_and_cleared(cli: Any) -> None:
    (cli.folder / "s.lua").write_text("-- on: order.before_create\nentity.x = 1")
    cli("scripts", "import", ".", "--activate").done()
    assert cli("fire", "order.before_create", "--entity", "{}", "--json").done().json["changes"] == {"x": 1}
    cli("safe-mode", "set", "--everything", "--reason", "fire drill", "--seconds", "600").done()
    assert "fire drill" in cli("safe-mode", "list").done().out
    assert cli("fire", "order.before_create", "--entity", "{}", "--json").done().json["changes"] == {}
    assert "fire drill" in cli("runs", "list", "--status", "bypassed").done().out
    cli("safe-mode", "clear", "*/all").done()
    assert "nothing is bypassed" in cli("safe-mode", "list").done().out
    assert cli("safe-mode", "set", "--reason", "x").code == 1


def test_settings_are_shown_with_their_sources(cli: Any) -> None:
    (cli.folder / "a.toml").write_text("kv_keys = 5\n")
    shown = cli("settings", "--config", "a.toml", "--json", ALLOY_KV_BYTES="9", ALLOY_SECRETS_KEY="sesame").done()
    assert shown.json["kv_keys"] == {"value": 5, "source": "a.toml"}
    assert shown.json["kv_bytes"] == {"value": 9, "source": "$ALLOY_KV_BYTES"}
    assert "sesame" not in shown.out
