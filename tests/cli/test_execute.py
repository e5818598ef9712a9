"""``check``, ``run`` and ``fire``, as typed at a shell."""

from __future__ import annotations

from typing import Any

import pytest

HOOK = """\
if entity.total < 0 then abort("total must not be negative", {field = "total"}) end
entity.email = str.trim(entity.email):lower()
log.info("seen", {total = entity.total})
return {total = entity.total}
"""
GOOD = '{"total": 12.5, "email": " OLA@Example.no "}'


# -- check -------------------------------------------------------------------------------------------------------
def test_check_says_what_a_file_reads_writes_and_uses(cli: Any) -> None:
    found = cli("check", cli.write("hook.lua", HOOK)).done()
    assert found.out.splitlines() == [
        "hook.lua: ok",
        "  reads         total, email",
        "  writes        email",
        "  modules       str",
        "  capabilities  none",
    ]


SLOW = """\
local name = entity.name:match(".-(%a+).-%d-x")
entity.ok = ("a,b"):find(",", 1, true) ~= nil
while entity.busy do
  entity.busy = hash.sha256(name) == "x"
end
for i = 1, 3 do hash.sha256("fine") end
repeat
  for i = 1, 2 do do json.encode({}) end end
until entity.done
"""


def test_check_warns_of_slow_patterns_and_of_loops_without_bound_around_host_calls(cli: Any) -> None:
    found = cli("check", cli.write("slow.lua", SLOW)).done()
    assert found.out.splitlines()[5:] == [
        "slow.lua:1: pattern '.-(%a+).-%d-x' may take time with the power 5 of the text's length",
        "slow.lua:4: hash.sha256 is called in the loop of line 3, which has no bound",
        "slow.lua:8: json.encode is called in the loop of line 7, which has no bound",
    ]
    data = cli("check", "--json", "slow.lua").json[0]
    assert data["patterns"] == [{"line": 1, "pattern": ".-(%a+).-%d-x", "degree": 5}]
    assert [loop["function"] for loop in data["host_loops"]] == ["hash.sha256", "json.encode"]


def test_a_goto_back_is_a_loop_without_bound(cli: Any) -> None:
    source = "::again:: local h = hash.sha256('x') if h == entity.h then goto again end"
    found = cli("check", cli.write("goto.lua", source)).done()
    assert "goto.lua:1: hash.sha256 is called in the loop of line 1, which has no bound" in found.out


def test_check_names_file_line_and_column_of_each_error_and_goes_on(cli: Any) -> None:
    cli.write("bad.lua", "local x = 1\nif x then\n  y = = 2\nend\n")
    cli.write("front.lua", "-- on: order.before_creat\nentity.a = 1\n")
    found = cli("check", "bad.lua", "front.lua", "none.lua", cli.write("hook.lua", HOOK))
    assert (found.code, found.err) == (1, "")
    lines = found.out.splitlines()
    assert lines[0].startswith("bad.lua:3:7: unexpected symbol")
    assert lines[1].startswith("front.lua:1: on: got 'order.before_creat'")
    assert lines[2:4] == ["none.lua: not_found: no such file", "hook.lua: ok"]


def test_check_as_json_says_the_same(cli: Any) -> None:
    cli.write("bad.lua", "if")
    cli.write("whole.lua", "-- capabilities: crm.read\nfor name in pairs(entity) do end")
    found = cli("check", "--json", "bad.lua", "whole.lua")
    bad, whole = found.json
    assert found.code == 1
    assert (bad["ok"], bad["error"]["code"], bad["error"]["line"]) == (False, "compile_error", 1)
    assert (whole["ok"], whole["reads"], whole["capabilities"]) == (True, None, ["crm.read"])


def test_an_ordinary_comment_on_the_first_line_is_no_front_matter(cli: Any) -> None:
    assert "a.lua: ok" in cli("check", cli.write("a.lua", "-- Example: nothing much\nreturn 1")).done().out


# -- run ---------------------------------------------------------------------------------------------------------
def test_run_shows_changes_value_and_log(cli: Any) -> None:
    found = cli("run", cli.write("hook.lua", HOOK), "--entity", GOOD).done()
    assert found.out.startswith("continue (1 script, fuel ")
    assert found.out.splitlines()[1:] == [
        "changes:",
        '  email  "ola@example.no"',
        'value: {"total": 12.5}',
        'info: seen {"total": 12.5}',
    ]


def test_run_takes_the_entity_from_a_file_or_from_standard_input(cli: Any) -> None:
    cli.write("hook.lua", HOOK)
    cli.write("order.json", GOOD)
    for given in ("@order.json", "@-"):
        found = cli("run", "hook.lua", "--entity", given, "--json", stdin=GOOD).done()
        assert found.json["changes"] == {"email": "ola@example.no"}


def test_a_rejection_exits_with_3_and_is_no_error(cli: Any) -> None:
    found = cli("run", cli.write("hook.lua", HOOK), "--entity", '{"total": -1}')
    assert (found.code, found.err) == (3, "")
    assert "reason: total must not be negative" in found.out
    assert 'details: {"field": "total"}' in found.out


def test_a_failure_exits_with_1_and_one_line_with_code_and_line(cli: Any) -> None:
    found = cli("run", cli.write("hook.lua", HOOK), "--entity", '{"total": "x"}', "--json")
    assert found.code == 1
    assert found.err == "error: runtime_error: attempt to compare string with number (line 1)\n"
    assert found.json["status"] == "failed"
    assert found.json["error"]["line"] == 1


def test_a_file_that_does_not_compile_is_one_line_with_line_and_column(cli: Any) -> None:
    found = cli("run", cli.write("bad.lua", "return return"))
    assert (found.code, found.out.startswith("failed")) == (1, True)
    assert found.err == "error: compile_error: unexpected symbol near 'return' (line 1, column 8)\n"


def test_the_limits_profile_decides_how_long_a_script_may_run(cli: Any) -> None:
    cli.write("long.lua", "local n = 0 for i = 1, 2e6 do n = n + i % 7 end return n")
    assert cli("run", "long.lua", "--limits", "relaxed").done().out.splitlines()[1].startswith("value: ")
    found = cli("run", "long.lua", "--limits", "strict")
    assert (found.code, found.err.split(":")[1]) == (1, " fuel_exhausted")


def test_values_that_are_not_json_and_control_characters_are_printed_as_text(cli: Any) -> None:
    cli.write("odd.lua", 'return {bytes = "\\255", red = "\\27[31m", [12] = true, text = "Åse"}')
    found = cli("run", "odd.lua", "--json").done()
    assert found.json["value"] == {"bytes": "\\xff", "red": "\x1b[31m", "12": True, "text": "Åse"}
    shown = cli("run", "odd.lua").done().out
    assert "\x1b" not in shown
    assert "Åse" in shown


def test_a_reason_of_several_lines_stays_on_one(cli: Any) -> None:
    found = cli("run", cli.write("a.lua", 'abort("one\\ntwo\\27[2J")'))
    assert "reason: one\\ntwo\\x1b[2J\n" in found.out


# -- fire --------------------------------------------------------------------------------------------------------
def test_fire_with_files_binds_them_in_memory(cli: Any) -> None:
    cli.write("a.lua", "-- priority: 2\nentity.total = entity.total * 2")
    cli.write("b.lua", "-- on: order.before_create\n-- priority: 1\nentity.total = entity.total + 1")
    found = cli("fire", "order.before_create", "--file", "a.lua", "--file", "b.lua", "--entity", '{"total": 4}').done()
    assert found.out.startswith("continue (2 scripts")
    assert "  total  10\n" in found.out
    assert sorted(path.name for path in cli.folder.iterdir()) == ["a.lua", "b.lua"]


def test_fire_runs_stored_scripts_and_records_it(cli: Any) -> None:
    cli.write("a.lua", "entity.seen = before.total entity.by = ctx.user entity.p = params.p")
    cli("scripts", "create", "a", "a.lua", "--on", "order.before_update", "--activate").done()
    given = ("order.before_update", "--entity", '{"id": 7}', "--before", '{"total": 3}')
    more = ("--params", '{"p": 1}', "--user", "ada", "--json")
    assert cli("fire", *given, *more).done().json["changes"] == {"seen": 3, "by": "ada", "p": 1}
    assert cli("fire", *given, *more, "--dry-run").done().json["changes"] == {"seen": 3, "by": "ada", "p": 1}
    runs = cli("runs", "list", "--json").done().json
    assert [(run["script_name"], run["entity_id"], run["user"]) for run in runs] == [("a", "7", "ada")]
    shown = cli("runs", "show", runs[0]["id"]).done().out
    assert "record   order 7" in shown
    assert 'changes  {"' in shown


def test_run_by_name_runs_a_stored_script(cli: Any) -> None:
    cli.write("report.lua", "return {day = params.day}")
    cli("scripts", "create", "report", "report.lua", "--manual", "--activate").done()
    assert cli("run", "report", "--params", '{"day": "monday"}', "--json").done().json["value"] == {"day": "monday"}
    found = cli("run", "report", "--limits", "strict")
    assert (found.code, found.err.startswith("error: validation_error: script report:")) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "a.lua", "--entity", '{"total": 1'), "argument --entity: not JSON"),
        (("run", "a.lua", "--entity", "[" * 100_000), "argument --entity: got JSON that is nested too deeply"),
        (("run", "a.lua", "--entity", "[1]"), "argument --entity: got a JSON list, wanted an object"),
        (("run", "a.lua", "--entity", "@none.json"), "argument --entity: file 'none.json': No such file"),
        (("run", "a.lua", "--entity", "@bytes.json"), "argument --entity: not JSON"),
        (("run", "a.lua", "--limits", "huge"), "argument --limits: invalid choice: 'huge'"),
        (("fire", "order.before_creat"), "did you mean order.before_create?"),
        (("fire", "nonsense"), "argument EVENT: event 'nonsense': wanted <entity>.<hook>"),
        (("runs", "list", "--limit", "none"), "argument --limit: got 'none', wanted a whole number"),
        (("runs", "list", "--since", "soon"), "argument --since: got 'soon', wanted a time"),
        (("demo", "--orders", "0"), "argument --orders: got '0', wanted a whole number"),
        (("dance",), "invalid choice: 'dance'"),
        (
            ("fire", "a.before_create", "--entit", "{}"),
            "unrecognized arguments: --entit {} (see alloy-lua fire --help)",
        ),
        (("runs", "list", "--nope"), "unrecognized arguments: --nope (see alloy-lua runs list --help)"),
        (("runs", "list", "--status", "x"), "(choose from 'continue', 'rejected', 'failed', 'bypassed')"),
        (("tokens", "create", "a", "--role", "x", "--all-tenants"), "(choose from 'viewer', "),
        (("jobs", "list", "--state", "x"), "(choose from 'waiting'"),
        (("jobs", "list", "--kind", "x"), "(choose from 'cron', "),
        (("scripts", "list", "--status", "x"), "(choose from 'draft', "),
        (("scripts", "create", "a", "a.lua", "--on-failure", "x"), "(choose from 'closed', 'open')"),
        (("scripts", "review", "a", "x", "--reason", "y"), "(choose from 'approve', 'reject')"),
        (("scripts", "create", "a", "a.lua", "--priority", "abc"), "got 'abc', wanted a whole number"),
        (("jobs", "add", "a", "--priority", "1.5"), "got '1.5', wanted a whole number"),
        (("jobs", "add", "a", "--delay", "abc"), "got 'abc', wanted a number"),
        (("backtest", "a", "--days", "nan"), "got 'nan', wanted a number"),
        (("rollout", "canary", "a", "--percent", "x"), "got 'x', wanted a number"),
        (("safe-mode", "set", "--reason", "x", "--seconds", "x"), "got 'x', wanted a number"),
        (("scripts", "create", "a", "a.lua", "--on", "a.before_creat"), "argument --on: got 'a.before_creat'"),
        (("bulk", "a.nope", "--file", "a.lua", "--in", "none.csv"), "event 'a.nope': unknown hook 'nope'"),
        (("serve", "--port", "abc"), "--port: port: got 'abc', wanted a whole number from 0 to 65535"),
        ((), "arguments are required: COMMAND"),
        (("scripts",), "arguments are required: COMMAND"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exits_with_2(cli: Any, arguments: tuple[str, ...], told: str) -> None:
    cli.write("a.lua", "return 1")
    (cli.folder / "bytes.json").write_bytes(b"\xff\xfe{")
    found = cli(*arguments)
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith("error: usage: ")
    assert found.err.count("\n") == 1
    assert told in found.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "none.lua"), "error: not_found: file none.lua: no such file"),
        (("run", "folder.lua"), "error: config_error: file folder.lua: can't be read: Is a directory"),
        (("run", "bytes.lua"), "error: validation_error: file bytes.lua: got bytes that are not UTF-8 at 0"),
        (("run", "name"), "error: not_found: database sqlite:///alloy.db: no such file"),
        (("run", "name", "--database", "memory://"), "error: not_found: "),
        (("fire", "a.before_create"), "error: not_found: database sqlite:///alloy.db: no such file"),
        (
            ("scripts", "list", "--database", "sqlite:///text.db"),
            "error: store_error: SQLite database text.db: file is",
        ),
        (
            ("scripts", "list", "--database", "sqlite:///old.db"),
            "error: store_error: SQLite database old.db: no such ta",
        ),
        (("scripts", "list", "--database", "wat://x"), "error: config_error: store URL 'wat://x'"),
        (("scripts", "create", "a", "none.lua"), "error: not_found: file none.lua"),
        (("scripts", "import", "nowhere"), "error: not_found: nowhere: no such file or folder"),
        (("functions", "str.trm"), "did you mean str.trim"),
    ],
)
def test_an_error_is_one_line_with_its_code_and_exits_with_1(cli: Any, arguments: tuple[str, ...], told: str) -> None:
    (cli.folder / "folder.lua").mkdir()
    (cli.folder / "bytes.lua").write_bytes(b"\xff\xfe")
    (cli.folder / "old.db").write_bytes(b"")
    cli.write("text.db", "This is a text, and far too long for an empty database file. " * 20)
    found = cli(*arguments)
    assert (found.code, found.out) == (1, "")
    assert told in found.err
    assert found.err.startswith("error: ")
    assert found.err.count("\n") == 1


def test_an_error_as_json_is_on_standard_output_too(cli: Any) -> None:
    found = cli("runs", "show", "x", "--database", "memory://", "--json")
    assert (found.code, found.json["error"]["code"]) == (1, "not_found")
    assert found.err.startswith("error: not_found: ")
