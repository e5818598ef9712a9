"""Opens what commands work on: databases that exist, new ones where scripts are written, and script files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..errors import ConfigError, NotFound, ValidationError
from .options import TOKEN_KEY_VARIABLE

if TYPE_CHECKING:
    from .. import Alloy


def in_memory() -> Alloy:
    """Returns an `Alloy` that keeps nothing."""
    from .. import Alloy

    return Alloy()


def existing(url: str) -> Alloy:
    """Returns an `Alloy` on a database that is there; its schema is left as it is.

    Raises:
        NotFound: The URL names an SQLite file that does not exist; a typing error must not make an empty one.
    """
    from .. import Alloy
    from ..stores.urls import parse_url

    if url != "memory://":
        parsed = parse_url(url)
        path = unquote(parsed.parts.path[1:])
        if parsed.scheme == "sqlite" and path and path != ":memory:" and not Path(path).exists():
            raise NotFound(f"database {url}: no such file; scripts create, scripts import and migrate make one")
    return Alloy(url, migrate=False, token_key=_token_key())


def writable(url: str) -> Alloy:
    """Returns an `Alloy` on a database that is made, or brought up to date, where it has to be."""
    from .. import Alloy

    return Alloy(url, token_key=_token_key())


def _token_key() -> str | None:
    """Returns the key that servers on the same database hash tokens with, if it is not kept there."""
    return os.environ.get(TOKEN_KEY_VARIABLE) or None


def source_text(path: str) -> str:
    """Returns the Lua text in a file, or on standard input if ``path`` is ``-``.

    Raises:
        ConfigError: It can't be read.
        ValidationError: It is not UTF-8.
    """
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError(f"file {path}: got bytes that are not UTF-8 at {error.start}, wanted text") from None
    except FileNotFoundError:
        raise NotFound(f"file {path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"file {path}: can't be read: {reason}") from None
