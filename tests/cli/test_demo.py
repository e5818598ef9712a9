"""The demo as a user runs it: twice on one database, then the commands that it names."""

from __future__ import annotations

import re
from typing import Any

from alloy_lua.demo.gallery import load_gallery


def commands(report: str) -> list[str]:
    """Returns the commands that a report names at its end."""
    _, _, after = report.partition("Next:\n")
    return after.splitlines()


def test_the_demo_runs_twice_on_one_database_and_names_commands_that_work(cli: Any) -> None:
    first = cli("demo", "--orders", "200").done().out
    second = cli("demo", "--orders", "200").done().out
    assert re.search(r"^200 of 200 orders", first, re.M)
    for report in (first, second):
        assert re.search(r"^pricing-tax +order\.before_create\+1 +\d+ +\d+", report, re.M)
        for title in ("Before and after", "Rejected, by reason", "Nightly report"):
            assert f"\n{title}\n" in report
        assert "The scripts are in sqlite:///alloy-demo.db." in report
    assert len(commands(second)) >= 3
    for command in commands(second):
        assert cli.paste(command).done().out
    scripts = cli("scripts", "list", "--database", "sqlite:///alloy-demo.db", "--json").done().json
    assert [(script["name"], script["status"], script["draft_revision"]) for script in scripts] == sorted(
        (script.name, "active", 1) for script in load_gallery()
    )


def test_the_demo_brings_back_what_was_edited_archived_or_deleted(cli: Any) -> None:
    database = ("--database", "sqlite:///alloy-demo.db")
    cli("demo", "--orders", "1").done()
    cli("scripts", "update", "pricing-tax", cli.write("a.lua", "error('mine')"), "--activate", *database).done()
    for name in ("order-risk", "stock-release"):
        cli("scripts", "disable", name, *database).done()
        cli("scripts", "archive", name, *database).done()
    cli("scripts", "delete", "order-risk", *database).done()
    cli("demo", "--orders", "1").done()
    scripts = cli("scripts", "list", *database, "--json").done().json
    assert {script["status"] for script in scripts} == {"active"}
    assert len(scripts) == len(load_gallery())
    assert "error('mine')" not in cli("scripts", "show", "pricing-tax", *database).done().out


def test_the_demo_as_json_keeps_its_progress_apart(cli: Any) -> None:
    found = cli("demo", "--orders", "20", "--json")
    assert (found.code, found.json["orders"]) == (0, 20)
    assert "20 of 20 orders" in found.err


def test_the_demo_leaves_the_database_of_the_environment_alone(cli: Any) -> None:
    cli("demo", "--orders", "1", ALLOY_DATABASE="sqlite:///production.db").done()
    assert not (cli.folder / "production.db").exists()


def test_the_demo_on_a_database_that_cannot_be_made_is_one_line(cli: Any) -> None:
    found = cli("demo", "--database", "sqlite:///no/such/folder/x.db")
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith("error: store_error: SQLite database no/such/folder/x.db")
