"""``--platform MODULE:NAME``: the platform's own `Alloy`, for its entities and functions; and the command ``stubs``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, ValidationError
from .options import Commands, add_command
from .reply import Reply
from .session import in_memory

if TYPE_CHECKING:
    from .. import Alloy


def register(commands: Commands) -> None:
    """Adds the command to the parser."""
    stubs = add_command(commands, "stubs", write_stubs, "write what scripts find, for the Lua language server")
    stubs.add_argument("--output", metavar="FILE", help="where to; standard output if not given")
    add_platform(stubs)


def add_platform(parser: argparse.ArgumentParser) -> None:
    """Adds ``--platform``."""
    parser.add_argument(
        "--platform", metavar="MODULE:NAME", help="your platform's Alloy, such as shop.hooks:alloy, for its entities"
    )


def platform(where: str | None) -> Alloy:
    """Returns the `Alloy` that a platform keeps in a module, or one that knows nothing of a platform.

    Raises:
        ValidationError: ``where`` is not of the form ``module:name``.
        ConfigError: The module cannot be imported, or has no `Alloy` of that name.
    """
    if where is None:
        return in_memory()
    module, colon, name = where.partition(":")
    if not (module and colon and name):
        raise ValidationError(f"platform: got {where!r}, wanted MODULE:NAME, such as shop.hooks:alloy")
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise ConfigError(f"platform {where}: could not be imported: {type(error).__name__}: {error}") from None
    finally:
        sys.path.remove(os.getcwd())
    from .. import Alloy

    if not isinstance(found, Alloy):
        raise ConfigError(f"platform {where}: got {type(found).__name__}, wanted an Alloy")
    return found


def write_stubs(arguments: argparse.Namespace) -> Reply:
    """Returns the stub file, or where it was written."""
    with closing(platform(arguments.platform)) as alloy:
        text, entities = alloy.stubs(), sorted(alloy.entities.schemas)
    if arguments.output is None:
        return Reply({"text": text, "entities": entities}, text.splitlines())
    path = Path(arguments.output)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"file {path}: {error.strerror}") from None
    return Reply({"file": str(path), "entities": entities}, [f"{path}: {', '.join(entities) or 'no entities'}"])
