"""Late binding of host functions: the module that does the work is imported by the first call."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any


@cache
def _resolve(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(f".{module}", __package__), name)
    return function


def lazy(module: str, name: str) -> Callable[..., Any]:
    """Returns a function that calls ``name`` of the sibling ``module``.

    Args:
        module: Name of a module of this package.
        name: Name of a function in it.
    """

    def call(*arguments: Any) -> Any:
        return _resolve(module, name)(*arguments)

    call.__name__ = name
    return call
