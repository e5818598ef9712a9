"""The front matter of Lua files: what it says, and what is said about a wrong one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alloy_lua.errors import ValidationError
from alloy_lua.model import (
    ApiTrigger,
    AtTrigger,
    CronTrigger,
    EventTrigger,
    FailurePolicy,
    ManualTrigger,
    Misfire,
)
from alloy_lua.script_files.front_matter import parse_front_matter

FULL = """\
-- name: vip-discount
-- on: order.before_create, order.before_update(total, vip), *.after_delete
-- cron: 0 6 * * * Europe/Oslo
-- api: POST /orders/quote
-- manual: yes
-- priority: 20
-- capabilities: crm.read, mail.send
-- on_failure: open
-- limits: strict
-- description: Gives VIP customers
--   ten percent off.
--
-- priority: this line is a comment for authors, not a setting
entity.discount = 1
"""


def test_a_full_front_matter_is_read_whole() -> None:
    script = parse_front_matter(FULL, "vip.lua")
    assert script.triggers == (
        EventTrigger("order.before_create"),
        EventTrigger("order.before_update", ("total", "vip")),
        EventTrigger("*.after_delete"),
        CronTrigger("0 6 * * *", "Europe/Oslo"),
        ApiTrigger("/orders/quote", "POST"),
        ManualTrigger(),
    )
    assert (script.file, script.name, script.priority, script.limits) == ("vip.lua", "vip-discount", 20, "strict")
    assert script.capabilities == ("crm.read", "mail.send")
    assert script.failure_policy is FailurePolicy.OPEN
    assert script.description == "Gives VIP customers ten percent off."
    assert script.events == ("order.before_create", "order.before_update", "*.after_delete")


def test_the_source_is_the_whole_text_so_that_line_numbers_stay() -> None:
    assert parse_front_matter(FULL, "vip.lua").source == FULL


def test_what_is_left_out_gets_its_default() -> None:
    script = parse_front_matter("-- on: order.before_create\nentity.a = 1", "hooks/order-a.lua")
    assert (script.name, script.description, script.priority, script.limits) == ("order-a", "", 100, "default")
    assert script.capabilities == ()
    assert script.failure_policy is FailurePolicy.CLOSED


@pytest.mark.parametrize("text", ["", "entity.a = 1", "-- order.before_create\nentity.a = 1", "\n-- name: late\n"])
def test_a_text_without_front_matter_is_a_script_without_triggers(text: str) -> None:
    script = parse_front_matter(text, "plain.lua")
    assert (script.name, script.triggers, script.source) == ("plain", (), text)


@pytest.mark.parametrize("end", ["\n", "--\n", "-----\n", "entity.a = 1\n"])
def test_the_front_matter_ends_at_the_first_line_that_is_no_comment_or_says_nothing(end: str) -> None:
    script = parse_front_matter(f"-- priority: 20\n{end}-- priority: 30\n", "a.lua")
    assert script.priority == 20


@pytest.mark.parametrize(
    ("value", "trigger"),
    [
        ("*/5 * * * *", CronTrigger("*/5 * * * *", "UTC")),
        ("30 0 6 * * MON-FRI", CronTrigger("30 0 6 * * MON-FRI", "UTC")),
        ("30 0 6 * * 1 America/Argentina/Buenos_Aires", CronTrigger("30 0 6 * * 1", "America/Argentina/Buenos_Aires")),
        ("0 6 * * * UTC", CronTrigger("0 6 * * *", "UTC")),
    ],
)
def test_cron_takes_five_or_six_fields_and_a_zone(value: str, trigger: CronTrigger) -> None:
    assert parse_front_matter(f"-- cron: {value}", "a.lua").triggers == (trigger,)


def test_policies_are_for_all_triggers_that_take_them() -> None:
    text = (
        "-- misfire: all 5\n-- attempts: 4\n-- on: a.before_create, a.on_commit\n-- cron: 0 6 * * *\n-- at: 2030-01-01"
    )
    at = AtTrigger(datetime(2030, 1, 1, tzinfo=UTC), Misfire.ALL, attempts=4)
    assert parse_front_matter(text, "a.lua").triggers == (
        EventTrigger("a.before_create"),
        EventTrigger("a.on_commit", attempts=4),
        CronTrigger("0 6 * * *", misfire=Misfire.ALL, misfire_limit=5, attempts=4),
        at,
    )


def test_manual_no_is_no_trigger() -> None:
    assert parse_front_matter("-- manual: no", "a.lua").triggers == ()


@pytest.mark.parametrize(
    ("line", "got", "wanted"),
    [
        ("prioritty: 20", "'prioritty'", "did you mean priority?"),
        ("colour: red", "'colour'", "wanted one of on, cron, at, api"),
        ("priority: high", "'high'", "a whole number"),
        ("priority: 1.5", "'1.5'", "a whole number"),
        ("on:", "''", "events such as"),
        ("on: order.before_create,", "'order.before_create,'", "events such as"),
        ("on: order.before_creat", "'order.before_creat'", "did you mean order.before_create?"),
        ("on: order.before_update(total", "'order.before_update(total'", "events such as"),
        ("on: order.before_update(a b)", "'order.before_update(a b)'", "field names"),
        ("on: order.before_update()", "'order.before_update()'", "field names"),
        ("cron: 0 6 * *", "'0 6 * *'", "5 cron fields"),
        ("cron: 61 6 * * *", "'61 6 * * *'", "5 cron fields"),
        ("cron: 0 6 * * * Europe/Olso", "'Europe/Olso'", "a time zone"),
        ("cron: Europe/Oslo", "'Europe/Oslo'", "5 cron fields"),
        ("cron:", "''", "5 cron fields"),
        ("at: tomorrow", "'tomorrow'", "times such as"),
        ("overlap: wait", "'wait'", "one of skip, queue"),
        ("overlap: queue", "'queue'", "a trigger that takes it"),
        ("misfire: latest 5", "'latest 5'", "all and a number"),
        ("jitter: a minute", "'a minute'", "seconds"),
        ("attempts: -1", "'-1'", "how often"),
        ("backoff: 1 2 3", "'1 2 3'", "the longest wait"),
        ("tags: VIP", "'VIP'", "tags of lower-case"),
        ("api: /orders/quote", "'/orders/quote'", "a method"),
        ("api: post /orders/quote", "'post /orders/quote'", "a method"),
        ("api: POST orders/quote", "'POST orders/quote'", "a path"),
        ("manual: maybe", "'maybe'", "one of yes, no"),
        ("name: VIP discount", "'VIP discount'", "lower-case letters"),
        ("capabilities: mail.send, Mail!", "'Mail!'", "capabilities such as"),
        ("capabilities: ", "''", "capabilities such as"),
        ("on_failure: ignore", "'ignore'", "one of closed, open"),
        ("limits: huge", "'huge'", "one of strict, default, external, relaxed"),
        ("description:", "''", "one or two sentences"),
        ("and then some words", "'-- and then some words'", "'-- key: value'"),
    ],
)
def test_a_wrong_line_is_named_with_file_line_got_and_wanted(line: str, got: str, wanted: str) -> None:
    first = "-- manual: yes" if line.startswith("name") else "-- name: a-script"
    with pytest.raises(ValidationError) as caught:
        parse_front_matter(f"{first}\n-- {line}\nentity.a = 1\n", "wrong.lua")
    assert caught.value.message.startswith("wrong.lua:2: ")
    assert caught.value.line == 2
    assert f"got {got}" in caught.value.message
    assert wanted in caught.value.message


def test_a_key_given_twice_names_both_lines() -> None:
    with pytest.raises(ValidationError, match=r"^a\.lua:3: priority: got it again \(first on line 1\)"):
        parse_front_matter("-- priority: 1\n-- manual: yes\n-- priority: 2\n", "a.lua")


def test_a_wrong_value_that_goes_on_is_named_by_its_first_line() -> None:
    with pytest.raises(ValidationError, match=r"^a\.lua:2: on: got 'order\.nonsense'"):
        parse_front_matter("-- name: a\n-- on: order.before_create,\n--   order.nonsense\n", "a.lua")
