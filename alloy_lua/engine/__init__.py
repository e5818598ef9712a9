"""Compiles and runs Lua scripts: the only package that knows of LuaJIT."""

from .engine import Engine as Engine
from .engine import RunInput as RunInput
from .engine import RunResult as RunResult
from .hosttable import CallState as CallState
from .program import COMPILER as COMPILER
from .program import Program as Program
