"""The Python blocks of a page run in order, in one namespace, and show what ``# -> …`` says."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from .pages import Block, blocks, page

PAGES = (
    "quickstart.md",
    "embedding.md",
    "lifecycle.md",
    "data.md",
    "egress.md",
    "observability.md",
    "background.md",
    "backtest.md",
    "tables.md",
)
_SHOWN = re.compile(r"  # -> (.*)$")


def play(block: Block, space: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns (statement, what it shows, what the page says it shows) for each line that says something."""
    lines = block.text.splitlines()
    found = []
    for statement in walk(ast.parse(block.text).body, space, str(block)):
        shown = eval(compile(ast.Expression(statement.value), str(block), "eval", dont_inherit=True), space)
        said = _SHOWN.search(lines[statement.end_lineno - 1])
        if said is not None:
            found.append((ast.unparse(statement), repr(shown), said[1]))
    return found


def walk(statements: list[ast.stmt], space: dict[str, Any], name: str) -> Any:
    """Yields the expressions; runs everything else. A ``with`` block is entered here, so that its lines count too."""
    for statement in statements:
        if isinstance(statement, ast.Expr):
            yield statement
        elif isinstance(statement, ast.With):
            with eval(compile(ast.Expression(statement.items[0].context_expr), name, "eval", dont_inherit=True), space):
                yield from walk(statement.body, space, name)
        else:
            exec(compile(ast.Module([statement], []), name, "exec", dont_inherit=True), space)


@pytest.mark.parametrize("name", PAGES)
def test_the_python_blocks_of_a_page_show_what_they_say(name: str) -> None:
    space: dict[str, Any] = {"__name__": __name__}
    for block in blocks(name, "python"):
        for statement, shown, said in play(block, space):
            assert shown == said, f"{block}: {statement}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_checks_something(name: str) -> None:
    assert page(name).count("# -> ") >= 5
