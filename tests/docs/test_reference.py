"""The reference pages say what the code says, and nothing that scripts can see is left out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alloy_lua import Alloy, Outcome, errors
from alloy_lua.bridges.hosts import default_modules
from alloy_lua.engine.diagnostics import _LIMIT_MESSAGES
from alloy_lua.engine.program import ARGUMENTS
from alloy_lua.hostapi import HostFunction
from alloy_lua.secrets import new_key
from alloy_lua.settings import Settings

from .pages import DOCS, headings, page

FUNCTIONS = [function for module in default_modules() for function in module.functions]
LIBRARIES = ("string", "table", "math", "coroutine")
GENERATE = str(DOCS / "generate.py")


@pytest.fixture(scope="module")
def alloy() -> Any:
    with Alloy() as made:
        yield made


def rows(text: str, heading: str) -> list[list[str]]:
    """Returns the cells of the first table under a heading."""
    below = text.partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", below, re.M)
    assert table is not None, heading
    return [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table[0].splitlines()[2:]]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# -- generated pages -------------------------------------------------------------------------------------------
def test_the_generated_pages_are_what_the_code_says_now() -> None:
    done = subprocess.run([sys.executable, GENERATE, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_page_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "generate.py"
    copy.write_text(Path(GENERATE).read_text("utf-8"), "utf-8")
    for name in ("host-functions.md", "limits.md", "errors.md", "settings.md"):
        (tmp_path / name).write_text(page(name), "utf-8")
    (tmp_path / "limits.md").write_text(page("limits.md") + "more\n", "utf-8")
    done = subprocess.run([sys.executable, str(copy), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "limits.md: stale; run python docs/generate.py\n")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.name)
def test_a_host_function_has_its_heading_and_its_example_gives_what_it_says(
    alloy: Alloy, function: HostFunction
) -> None:
    assert function.name in headings("host-functions.md")
    assert function.example, f"{function.name} has no example"
    outcome = alloy.evaluate(function.example)
    assert outcome.status == "continue", outcome
    _, arrow, expected = function.example.rpartition(" --> ")
    if arrow:
        assert outcome.value == json.loads(expected)
    else:
        assert function.wants_call  # so the answer is another one in each run
        assert outcome.value is not None


def test_the_examples_of_functions_with_a_store_give_what_they_say(alloy: Alloy) -> None:
    with Alloy(settings=Settings({"secrets_key": new_key()})) as own:
        own.secrets.set("crm-key", "12345678")
        functions = [f for module in own.host_functions() for f in module.functions]
        for function in functions[len(FUNCTIONS) :]:
            assert function.name in headings("host-functions.md")
            example, arrow, expected = function.example.rpartition(" --> ")
            if not arrow:
                assert function.name.startswith("http.") or function.name in ("queue.enqueue", "sleep", "durable.key")
                own.compile(function.example)
                continue
            outcome = own.evaluate(f"kv.delete('seen') {example}", capabilities=["kv", "secret"])
            assert outcome.value == json.loads(expected), function.name


# -- globals -----------------------------------------------------------------------------------------------------
def test_every_global_of_a_script_has_its_heading(alloy: Alloy) -> None:
    runtime = alloy._core.engine.pool.acquire()
    seen = set(runtime._kit["base"].keys()) | set(ARGUMENTS)
    alloy._core.engine.pool.release(runtime)
    told = {name.strip() for heading in headings("scripting.md") for name in heading.split(",")}
    modules = {module.name for module in alloy.host_functions()}
    assert {"pcall", "entity", "string", "str"} <= seen
    assert seen - told - modules == set()
    assert modules <= set(headings("host-functions.md"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_has_the_functions_that_the_page_names(alloy: Alloy, library: str) -> None:
    keys = f"local names = {{}} for name in pairs({library}) do names[#names + 1] = name end return names"
    told = page("scripting.md").partition(f"### {library}\n\n")[2].partition("\n#")[0]
    listed = told.partition(". ")[0].partition(".\n")[0]
    assert sorted(names_in(listed)) == alloy.evaluate(keys).value


def test_what_the_page_calls_missing_is_missing(alloy: Alloy) -> None:
    names = [name for row in rows(page("scripting.md"), "### What is not there") for name in names_in(row[0])]
    for name in names:
        outcome = alloy.evaluate(f"return {name} == nil")
        assert outcome.value is True or (outcome.error is not None and outcome.error.code == "compile_error"), name
    assert len(names) > 20


def test_ctx_has_the_fields_that_the_page_names(alloy: Alloy) -> None:
    told = {
        names_in(row[0])[0].removeprefix("ctx.").removesuffix("()") for row in rows(page("scripting.md"), "### ctx")
    }
    alloy.scripts.create(
        "fields", "local n = {} for k in pairs(ctx) do n[#n + 1] = k end return n", on="x.on_commit", status="active"
    )
    with alloy.context(trace="r-1"):
        seen = alloy.fire("x.on_commit", {}, user="ann").value
    assert told == {*seen, "operation"}  # an event without operation: nil, and so not listed


# -- Python side -------------------------------------------------------------------------------------------------
def test_an_outcome_has_the_attributes_that_the_page_names() -> None:
    told = [name for row in rows(page("embedding.md"), "## The outcome") for name in names_in(row[0])]
    public = {name for name in (*dir(Outcome), *Outcome.__annotations__) if not name.startswith("_")} - {"more"}
    assert {name.removesuffix("()") for name in told} == public


# -- errors ------------------------------------------------------------------------------------------------------
FAILURES = {
    "compile_error": "if",
    "runtime_error": "error('x')",
    "invalid_value": "local s = str.trim({})",
    "capability_denied": "docs.secret()",
    "host_error": "docs.broken()",
    "fuel_exhausted": "while true do end",
    "deadline_exceeded": "docs.sleep() while true do end",
    "memory_exceeded": "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(20000) .. i end",
    "output_exceeded": "return ('x'):rep(2000000)",
    "host_calls_exceeded": "for i = 1, 300 do hash.md5('x') end",
    "stack_overflow": "local function f() return 1 + f() end local x = f()",
}


@pytest.fixture(scope="module")
def told_codes() -> dict[str, str]:
    return {names_in(row[0])[0]: names_in(row[1])[0] for row in rows(page("errors.md"), "## Codes")}


def test_every_code_of_the_tree_and_every_limit_is_listed(told_codes: dict[str, str]) -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AlloyError)]
    assert {kind.default_code for kind in classes} - {"error"} <= told_codes.keys()
    assert _LIMIT_MESSAGES.keys() <= told_codes.keys()
    source = "".join(path.read_text("utf-8") for path in Path(errors.__file__).parent.rglob("*.py"))
    assert set(re.findall(r'\bcode="([a-z_]+)"', source)) <= told_codes.keys()


@pytest.mark.parametrize("code", FAILURES)
def test_a_failure_is_of_the_class_that_the_page_names(code: str, told_codes: dict[str, str]) -> None:
    with Alloy() as alloy:
        alloy.function("docs.secret", capability="docs.read")(lambda: None)
        alloy.function("docs.broken")(_broken)
        alloy.function("docs.sleep", capability=None, phases={"manual"})(_sleep)
        error = alloy.evaluate(FAILURES[code]).error
    assert error is not None
    assert (error.code, type(error).__name__) == (code, told_codes[code])


def _broken() -> None:
    raise errors.HostError("broken")


def _sleep() -> None:
    import time

    time.sleep(0.12)


# -- stores ------------------------------------------------------------------------------------------------------
def test_the_page_lists_the_tables_that_the_stores_make() -> None:
    source = "".join(path.read_text("utf-8") for path in (DOCS.parent / "stores").glob("*.py"))
    made = set(re.findall(r"CREATE TABLE IF NOT EXISTS (alloy_\w+)", source))
    listed = [names_in(row[0])[0] for row in rows(page("stores.md"), "## Tables")]
    assert sorted(made) == sorted(listed)
    assert len(made) > 20


# -- links -------------------------------------------------------------------------------------------------------
PAGES = [*sorted(DOCS.glob("*.md")), DOCS.parent / "SECURITY.md"]


def anchors(path: Path) -> set[str]:
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)
    found = re.findall(r"^#+ (.+)$", prose, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(found), f"{path.name}: {target}"


def test_every_page_is_on_the_map() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", page("index.md")))
    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} <= linked


# -- examples ----------------------------------------------------------------------------------------------------
def test_the_example_platform_saves_rejects_and_sends() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "examples" / "save_with_hooks.py")], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "{'email': 'ann@example.com', 'total': 1250, 'vip': True, 'discount': '125.00', 'id': 1}",
        "rejected: total must not be negative {'field': 'total'}",
        "sent: ['ann@example.com: thank you']",
    ], done.stderr
