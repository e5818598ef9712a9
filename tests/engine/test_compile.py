"""What does not compile says why, in which line and column; what is no text is refused before LuaJIT sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from alloy_lua import Alloy, AlloyError, CompileError


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        ("x = = 1", 1, 5, "unexpected symbol near '='"),
        ("local a = 1\nif a then", 2, 10, "'end' expected near '<eof>'"),
        ("\n\n  return return", 3, 10, "unexpected symbol near 'return'"),
        ("for i = 1 do end", 1, 11, "',' expected near 'do'"),
        ("local s = 'abc", 1, 15, "unfinished string"),
        ("--[[ never closed", 1, 18, "unfinished long comment"),
        ("goto nowhere", 1, 1, "undefined label 'nowhere'"),
        ("::a:: ::a::", 1, 1, "duplicate label 'a'"),
        ("break", 1, 1, "break"),
        ("return 12abc", 1, 8, "malformed number near '12abc'"),
        ("local x = 5LL", 1, 11, "number 5LL"),
        ("x = 'é' y = = 1", 1, 13, "unexpected symbol near '='"),
        ("a = 1\rb = = 1", 2, 5, "unexpected symbol"),
        ("a.b:c = 1", 1, 7, "'=' expected|function arguments expected"),
    ],
)
def test_a_compile_error_names_line_and_column(
    shared: Alloy, source: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(CompileError) as caught:
        shared.compile(source)
    error = caught.value
    assert any(part in error.message for part in message.split("|")), error.message
    assert (error.line, error.column) == (line, column), (error.line, error.column, error.message)
    assert error.code == "compile_error"


@pytest.mark.parametrize(
    "source",
    [
        "\x1bLJ\x02\x00",
        "\ufeff\x1bLJ",
        "return '\0'",
        "return '\ud800'",
        "-" * 65_537,
        "x" + "=x" * 40_000,
        "return " + "(" * 300 + "1" + ")" * 300,
        "local " + ",".join(f"a{i}" for i in range(201)) + " = 1",
        "x" + " = 1" * 2,
        "\x01",
        "#!shebang\rx = = 1",
    ],
    ids=repr,
)
def test_what_is_no_script_is_refused(shared: Alloy, source: str) -> None:
    with pytest.raises(CompileError):
        shared.compile(source)
    outcome = shared.evaluate(source)
    assert outcome.status == "failed"
    assert outcome.error is not None and outcome.error.code == "compile_error"


@pytest.mark.parametrize(
    "source",
    ["#!/usr/bin/lua\nreturn 1", "\ufeffreturn 1", "\ufeff#!x\nreturn 1", "return 1 -- é", "return 1;"],
    ids=repr,
)
def test_what_luajit_takes_is_taken(shared: Alloy, source: str) -> None:
    assert shared.evaluate(source).value == 1


def test_lines_count_from_the_author_s_first_line(shared: Alloy) -> None:
    for text, line in [("#!x\n\nerror('x')", 3), ("\r\n\r\nerror('x')", 3), ("\n\rerror('x')", 2), ("error('x')", 1)]:
        error = shared.evaluate(text).error
        assert error is not None and error.line == line, text


def test_a_long_or_chain_is_refused_or_compiled_quickly() -> None:
    """LuaJIT's parser is quadratic in such chains: the size limit keeps it short."""
    code = (
        "import time; from alloy_lua import Alloy; a = Alloy(); a.evaluate('return 1'); t = time.process_time()\n"
        "for text in ('x = a' + ' or a' * 13000, 'if a then ' + 'elseif a then ' * 4500 + 'end'): a.evaluate(text)\n"
        "assert time.process_time() - t < 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_a_script_that_cannot_be_metered_is_an_alloy_error(shared: Alloy) -> None:
    many = "".join(f"local a{i} = {i}\n" for i in range(60))
    uses = " + ".join(f"a{i}" for i in range(60))
    for text in (f"{many}return function() return {uses} end", "local t = {" + "f(),\n" * 9000 + "}"):
        try:
            shared.compile(text)
        except AlloyError as error:
            assert isinstance(error, CompileError)
