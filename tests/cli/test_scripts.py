"""The commands on stored scripts, recorded runs, migrations and functions."""

from __future__ import annotations

from typing import Any

import pytest

DATABASE = "sqlite:///kept.db"


def test_a_script_lives_from_draft_to_deletion(cli: Any) -> None:
    cli.write("one.lua", "entity.a = 1")
    cli.write("two.lua", "entity.a = 2")

    def scripts(*arguments: str) -> str:
        return str(cli("scripts", *arguments, ALLOY_DATABASE=DATABASE).done().out).strip()

    assert (
        scripts("create", "a", "one.lua", "--on", "x.before_create") == "a: draft, never activated, draft 1, version 1"
    )
    assert scripts("activate", "a") == "a: active, live revision 1, draft 1, version 2"
    assert scripts("update", "a", "two.lua", "--priority", "5") == "a: active, live revision 1, draft 2, version 3"
    assert scripts("activate", "a") == "a: active, live revision 2, draft 2, version 4"
    assert scripts("rollback", "a", "1") == "a: active, live revision 1, draft 2, version 5"
    assert scripts("pause", "a").startswith("a: paused")
    assert scripts("resume", "a").startswith("a: active")
    assert scripts("disable", "a").startswith("a: disabled")
    assert scripts("archive", "a").startswith("a: archived")
    assert scripts("restore", "a").startswith("a: draft")
    assert [line.split()[:2] for line in scripts("revisions", "a").splitlines()[1:]] == [["1", "live"], ["2", "draft"]]
    assert "entity.a = 2" in scripts("show", "a")
    assert "entity.a = 1" in scripts("show", "a", "--revision", "1")
    assert scripts("delete", "a") == "a: deleted"
    assert scripts("list") == "no scripts"


def test_options_go_before_what_the_file_says(cli: Any) -> None:
    cli.write(
        "a.lua", "-- on: order.before_create\n-- priority: 7\n-- capabilities: crm.read\n-- limits: strict\n\nreturn 1"
    )
    options = ("--priority", "3", "--on", "order.before_update(total, vip)", "--cron", "0 6 * * * Europe/Oslo")
    made = cli("scripts", "create", "a", "a.lua", *options, "--json").done().json
    assert (made["priority"], made["limits"], made["capabilities"]) == (3, "strict", ["crm.read"])
    assert [trigger["kind"] for trigger in made["triggers"]] == ["event", "cron"]
    shown = cli("scripts", "list").done().out
    assert "order.before_update(total, vip), cron 0 6 * * * Europe/Oslo" in shown


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--priority", "99999999"), "priority: got 99999999"),
        (("--capability", "a b"), "capability: got 'a b'"),
        (("--activate",), "unexpected symbol"),
    ],
)
def test_a_wrong_setting_is_told_and_stores_nothing(cli: Any, options: tuple[str, ...], told: str) -> None:
    cli.write("a.lua", "return ===")
    found = cli("scripts", "create", "a", "a.lua", *options)
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1)
    assert told in found.err
    assert cli("migrate").code == 0
    assert cli("scripts", "list", "--json").done().json == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--on", "order.nonsense"), "argument --on: got 'order.nonsense'"),
        (("--cron", "every day"), "argument --cron: got 'every day'"),
        (("--at", "noon"), "argument --at: got 'noon'"),
        (("--api", "/path"), "argument --api: got '/path'"),
    ],
)
def test_a_trigger_that_is_none_is_wrong_usage(cli: Any, options: tuple[str, ...], told: str) -> None:
    cli.write("a.lua", "return 1")
    found = cli("scripts", "create", "a", "a.lua", *options)
    assert (found.code, found.out, told in found.err) == (2, "", True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("scripts", "import", "hooks/"), "not_found"),
        (("scripts", "import", "bad.lua"), "compile_error"),
        (("scripts", "create", "a b", "good.lua"), "validation_error"),
        (("scripts", "create", "a", "bad.lua", "--activate"), "compile_error"),
        (("tokens", "create", "a", "--role", "admin", "--tenant", ""), "validation_error"),
        (("worker",), "not_found"),
        (("egress", "allow", "nope"), "not_found"),
        (("egress", "allow", "https://api.example.com/"), "not_found"),
        (("secrets", "set", "a"), "not_found"),
        (("safe-mode", "set", "--everything", "--reason", "x"), "not_found"),
    ],
)
def test_what_is_refused_leaves_no_database_behind(cli: Any, arguments: tuple[str, ...], code: str) -> None:
    cli.write("good.lua", "return 1")
    cli.write("bad.lua", "return return")
    found = cli(*arguments, stdin="text")
    assert (found.code, found.err.split(": ")[:2]) == (1, ["error", code])
    assert sorted(path.name for path in cli.folder.iterdir()) == ["bad.lua", "good.lua"]


def test_a_missing_database_is_told_with_the_commands_that_make_one(cli: Any) -> None:
    makers = "scripts create, scripts import, tokens create, tenants update, migrate, serve and demo make one"
    assert cli("runs", "list").err == f"error: not_found: database sqlite:///alloy.db: no such file; {makers}\n"


def test_a_draft_that_does_not_compile_is_stored_and_warned_of(cli: Any) -> None:
    cli.write("bad.lua", "return return")
    warning = (
        "warning: bad.lua:1:8: unexpected symbol near 'return'; it is stored as a draft, but cannot be activated\n"
    )
    made = cli("scripts", "create", "bad", "bad.lua")
    assert (made.code, made.out, made.err) == (0, "bad: draft, never activated, draft 1, version 1\n", warning)
    assert cli("scripts", "update", "bad", "bad.lua").err == warning
    assert cli("scripts", "update", "bad", "--priority", "3").done()


def test_refusals_call_a_script_by_its_name(cli: Any) -> None:
    cli.write("a.lua", "return 1")
    cli("scripts", "create", "foo", "a.lua", "--activate").done()
    assert (
        cli("scripts", "rollback", "foo", "99").err == "error: not_found: revision 99 of script 'foo': there is none\n"
    )
    stale = cli("scripts", "update", "foo", "--priority", "3", "--expected-version", "9")
    assert stale.err.startswith("error: conflict: script 'foo': got a write of version 9")


def test_the_help_of_create_asks_for_a_name_and_no_id(cli: Any) -> None:
    assert "the script's name or id" not in cli("scripts", "create", "--help").done().out


def test_a_stale_update_is_a_conflict(cli: Any) -> None:
    cli.write("a.lua", "return 1")
    cli("scripts", "create", "a", "a.lua").done()
    cli("scripts", "update", "a", "--description", "new").done()
    found = cli("scripts", "update", "a", "--description", "newer", "--expected-version", "1")
    assert (found.code, found.err.startswith("error: conflict: ")) == (1, True)


def test_an_update_that_is_to_run_at_once_must_compile(cli: Any) -> None:
    cli.write("a.lua", "return 1")
    cli.write("bad.lua", "return return")
    cli("scripts", "create", "a", "a.lua", "--activate").done()
    found = cli("scripts", "update", "a", "bad.lua", "--activate")
    assert (found.code, found.err.startswith("error: compile_error: ")) == (1, True)
    assert cli("scripts", "show", "a", "--json").done().json["script"]["draft_revision"] == 1


def test_one_tenants_scripts_are_not_anothers(cli: Any) -> None:
    cli.write("a.lua", "return 1")
    cli("scripts", "create", "a", "a.lua", "--tenant", "acme").done()
    assert cli("scripts", "list").done().out == "no scripts\n"
    assert [script["name"] for script in cli("scripts", "list", "--tenant", "acme", "--json").done().json] == ["a"]


def test_import_creates_updates_and_leaves_alone(cli: Any) -> None:
    cli.write("hooks/a.lua", "-- on: order.before_create\n-- capabilities: b.c, a.b\nreturn 1")
    cli.write("hooks/b.lua", "-- manual: yes\nreturn 2")
    cli.write("hooks/notes.txt", "no script")
    assert cli("scripts", "import", "hooks").done().out == "a: created, draft\nb: created, draft\n"
    cli.write("hooks/b.lua", "-- manual: yes\nreturn 3")
    assert cli("scripts", "import", "hooks", "--activate").done().out == "a: unchanged, active\nb: updated, active\n"
    assert cli("run", "b").done().out.splitlines()[1] == "value: 3"


def test_import_writes_nothing_if_any_file_is_wrong(cli: Any) -> None:
    cli.write("hooks/a.lua", "return 1")
    cli.write("hooks/b.lua", "return return")
    cli.write("hooks/c.lua", "-- name: a\nreturn 1")
    found = cli("scripts", "import", "hooks")
    assert (found.code, found.out) == (1, "")
    assert found.err.splitlines() == [
        "error: compile_error: b.lua: unexpected symbol near 'return' (line 1, column 8)",
        "error: validation_error: c.lua: name: got 'a', which another file has, wanted one of its own",
    ]
    assert not (cli.folder / "alloy.db").exists()
    cli("migrate").done()
    assert cli("scripts", "import", "hooks").code == 1
    assert cli("scripts", "list").done().out == "no scripts\n"


def test_migrate_says_what_is_to_be_done_and_does_it(cli: Any) -> None:
    (cli.folder / "alloy.db").write_bytes(b"")
    check = cli("migrate", "--check")
    assert (check.code, check.out.startswith("pending: 0001")) == (1, True)
    assert cli("migrate").done().out.startswith("applied: 0001")
    assert cli("migrate", "--check").done().out == "up to date\n"
    assert cli("migrate", "--json").done().json == {"applied": []}


def test_runs_are_listed_by_script_status_and_time(cli: Any) -> None:
    cli.write("a.lua", 'if entity.bad then abort("no") end')
    cli("scripts", "create", "a", "a.lua", "--on", "order.before_create", "--activate").done()
    cli("fire", "order.before_create", "--entity", '{"bad": true}')
    cli("fire", "order.before_create", "--entity", "{}").done()
    rejected = cli("runs", "list", "--script", "a", "--status", "rejected").done().out.splitlines()
    assert len(rejected) == 2
    assert rejected[1].split()[-1] == "no"
    assert cli("runs", "list", "--since", "2999-01-01").done().out == "no runs\n"
    assert cli("runs", "list", "--script", "b").code == 1


def test_functions_are_listed_and_described(cli: Any) -> None:
    everything = cli("functions").done().out
    assert "  str.trim(s)\n" in everything
    one = cli("functions", "str.trim").done().out
    assert one.startswith("str.trim(s) -> string\n")
    assert {each["name"].split(".")[0] for each in cli("functions", "money", "--json").done().json} == {"money"}


def test_a_single_file_is_imported_and_a_script_that_nothing_runs_is_warned_of(cli: Any) -> None:
    cli.write("hooks/a.lua", "-- manual: yes\nreturn 1")
    cli.write("hooks/b.lua", "return 2")
    assert cli("scripts", "import", "hooks/a.lua", "--activate").done().out == "a: created, active\n"
    assert cli("scripts", "import", "hooks/b.lua").done().out == "b: created, draft\n"
    found = cli("scripts", "import", "hooks", "--activate")
    assert (found.code, found.out) == (0, "a: unchanged, active\nb: unchanged, active\n")
    assert found.err == "warning: b: is active but has no triggers, so nothing runs it\n"
    assert cli("scripts", "import", "nowhere").err == "error: not_found: nowhere: no such file or folder\n"


def test_scripts_are_tagged_and_found_by_their_tags(cli: Any) -> None:
    cli.write("a.lua", "-- tags: pricing, vip\n-- manual: yes\n")
    assert cli("scripts", "create", "a", "a.lua", "--json").done().json["tags"] == ["pricing", "vip"]
    assert cli("scripts", "create", "b", "a.lua", "--tag", "eu", "--tag", "vip", "--json").done().json["tags"] == [
        "eu",
        "vip",
    ]
    assert cli("scripts", "update", "b", "--tag", "eu", "--json").done().json["tags"] == ["eu"]
    assert [one["name"] for one in cli("scripts", "list", "--tag", "vip", "--json").done().json] == ["a"]
    assert "pricing, vip" in cli("scripts", "show", "a").done().out


def test_how_schedules_are_kept_to_is_said_by_options_and_in_the_file(cli: Any) -> None:
    cli.write("a.lua", "-- cron: 0 6 * * *\n-- overlap: queue\n-- misfire: all 20\n-- attempts: 3\n\nreturn 1")
    made = cli("scripts", "create", "a", "a.lua", "--jitter", "30", "--backoff", "5 60", "--json").done().json
    wanted = {
        "overlap": "queue", "misfire": "all", "misfire_limit": 20, "attempts": 3, "jitter_s": 30.0, "backoff_s": 5.0,
        "backoff_limit_s": 60.0,
    }  # fmt: skip
    assert wanted.items() <= made["triggers"][0].items()
    changed = cli("scripts", "update", "a", "--overlap", "parallel", "--json").done().json["triggers"][0]
    assert (changed["overlap"], changed["expression"], changed["jitter_s"]) == ("parallel", "0 6 * * *", 30.0)
    at = cli("scripts", "create", "b", "a.lua", "--at", "2999-01-01T12:00:00", "--misfire", "skip").done()
    assert at.out.startswith("b: draft")
    assert "at 2999-01-01 12:00:00+00:00" in cli("scripts", "list").done().out
    cli.write("hook.lua", "-- on: order.before_create\n\nreturn 1")
    refused = cli("scripts", "create", "c", "hook.lua", "--overlap", "queue")
    assert refused.err.startswith("error: validation_error: options:1: overlap: got 'queue', wanted a trigger")
