"""Host functions called as the engine calls them, and the Lua half of ``str`` in a bare LuaJIT."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from lupa.luajit21 import LuaError, LuaRuntime, lua_type

from alloy_lua.bridges.hosts import default_modules
from alloy_lua.events import Phase
from alloy_lua.hostapi import HostCall, HostFunction, HostModule, check_arguments

NOW = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
Caller = Callable[..., Any]


def host_call(serial: int = 1, run_id: str = "run-1") -> HostCall:
    return HostCall(run_id, "default", None, Phase.MANUAL, None, "test", NOW, serial=serial)


@pytest.fixture(scope="session")
def modules() -> dict[str, HostModule]:
    return {module.name: module for module in default_modules()}


@pytest.fixture(scope="session")
def functions(modules: dict[str, HostModule]) -> dict[str, HostFunction]:
    return {function.name: function for module in modules.values() for function in module.functions}


@pytest.fixture(scope="session")
def call(functions: dict[str, HostFunction]) -> Caller:
    """Calls a host function by its full name, arguments checked first."""

    def run(name: str, *arguments: Any, serial: int = 1, run_id: str = "run-1") -> Any:
        function = functions[name]
        assert function.call is not None
        checked = check_arguments(function, list(arguments))
        return function.call(*([host_call(serial, run_id)] if function.wants_call else []), *checked)

    return run


class Guest:
    """A LuaJIT state with the shipped modules as globals: a stand-in for the engine, without a sandbox."""

    def __init__(self, modules: dict[str, HostModule], call: Caller) -> None:
        self.lua = LuaRuntime(encoding="latin-1", unpack_returned_tuples=True)
        self._call = call
        for module in modules.values():
            self._install(module)

    def _install(self, module: HostModule) -> None:
        table = self.lua.table_from({f.name.split(".")[1]: self._host(f.name) for f in module.functions if f.call})
        self.lua.globals()[module.name] = table
        if module.lua is not None:
            kit = self.lua.table_from({"bad": self._bad, "host": self._host, "is_ascii": str.isascii})
            for name, function in self.lua.compile(module.lua)(kit).items():
                table[name] = function

    def _host(self, name: str) -> Caller:
        return lambda *arguments: self.to_lua(self._call(name, *(self.to_python(a) for a in arguments)))

    def _bad(self, function: str, index: int, param: str, value: Any, wanted: str) -> None:
        raise TypeError(
            f"bad argument #{index} ({param}) to {function}: got {self.to_python(value)!r}, wanted {wanted}"
        )

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.encode("latin-1").decode()
        if lua_type(value) != "table":
            return value
        if len(value):
            return [self.to_python(value[index + 1]) for index in range(len(value))]
        return {self.to_python(key): self.to_python(item) for key, item in value.items()} or []

    def to_lua(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.encode().decode("latin-1")
        if isinstance(value, dict):
            return self.lua.table_from({self.to_lua(key): self.to_lua(item) for key, item in value.items()})
        if isinstance(value, list):
            return self.lua.table_from([self.to_lua(item) for item in value])
        return value

    def run(self, source: str) -> Any:
        """Returns what a Lua chunk returns, as Python values."""
        return self.to_python(self.lua.compile(source.encode().decode("latin-1"))())

    def str(self, name: str, *arguments: Any) -> Any:
        """Returns what ``str.<name>`` returns for the arguments."""
        function = self.lua.globals()["str"][name]
        return self.to_python(function(*(self.to_lua(argument) for argument in arguments)))


@pytest.fixture(scope="session")
def guest(modules: dict[str, HostModule], call: Caller) -> Guest:
    return Guest(modules, call)


@pytest.fixture(scope="session")
def guest_error() -> tuple[type[Exception], ...]:
    """What a call of `Guest` raises when the Lua half refuses an argument."""
    return (TypeError, LuaError)
