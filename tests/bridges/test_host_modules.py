"""What all host modules promise: documentation, true examples, and imports only when needed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from alloy_lua.bridges.hosts import default_modules
from alloy_lua.hostapi import TYPES

FUNCTIONS = [function for module in default_modules() for function in module.functions]
LATE = ("re2", "zoneinfo", "decimal", "unicodedata", "urllib.parse", "peewee", "pydantic", "attrs")


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_function_is_documented(function):
    assert function.doc.endswith(".")
    assert function.returns
    assert f"{function.name}(" in function.example
    assert all(param.doc and param.type in TYPES for param in function.params)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_example_returns_what_it_says(guest, function):
    source, arrow, expected = function.example.partition(" --> ")
    value = guest.run(source)
    if arrow:
        assert value == json.loads(expected)
        assert type(value) is type(json.loads(expected)) or isinstance(value, float)
    else:
        assert value is not None


def test_names_are_unique_and_belong_to_their_module(modules):
    names = [function.name for function in FUNCTIONS]
    assert len(names) == len(set(names))
    assert all(f.name.startswith(f"{m.name}.") for m in modules.values() for f in m.functions)


def test_the_lua_half_and_the_declarations_name_the_same_functions(modules, guest):
    declared = {function.name for function in modules["str"].functions}
    assert declared == {f"str.{name}" for name in guest.lua.globals()["str"]}


def test_declaring_the_modules_imports_no_heavy_library():
    code = (
        "import sys, alloy_lua; before = set(sys.modules);"
        "from alloy_lua.bridges import hosts, entities; hosts.default_modules();"
        "print('re2' in sys.modules, *set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    has_re2, *loaded = done.stdout.split()
    assert has_re2 == "False"
    assert not set(LATE) & set(loaded)
