"""Opens what commands work on: databases that exist, new ones for the commands that make one, and script files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..errors import ConfigError, NotFound, ValidationError
from .options import TOKEN_KEY_VARIABLE
from .reply import OK, Reply

if TYPE_CHECKING:
    from .. import Alloy

MAKERS = ("scripts create", "scripts import", "tokens create", "tenants update", "migrate", "serve", "demo")


def in_memory() -> Alloy:
    """Returns an `Alloy` that keeps nothing."""
    from .. import Alloy

    return Alloy()


def existing(url: str, *, migrate: bool = False) -> Alloy:
    """Returns an `Alloy` on a database that is there; its schema is left as it is, unless ``migrate`` says otherwise.

    Raises:
        NotFound: The URL names an SQLite file that does not exist; a typing error must not make an empty one.
    """
    from .. import Alloy

    if _is_missing(url):
        raise NotFound(f"database {url}: no such file; {', '.join(MAKERS[:-1])} and {MAKERS[-1]} make one")
    return Alloy(url, migrate=migrate, token_key=_token_key())


def on_made(url: str, work: Callable[[Alloy], Reply]) -> Reply:
    """Returns what ``work`` answers on a database that is made, or brought up to date, where it has to be."""
    from .. import Alloy

    if _is_missing(url):
        # What an empty database would refuse is refused before there is one: a failed command leaves none behind.
        with in_memory() as trial:
            refused = work(trial)
        if refused.code != OK:
            return refused
    with Alloy(url, token_key=_token_key()) as alloy:
        return work(alloy)


def _is_missing(url: str) -> bool:
    """Returns whether ``url`` names an SQLite file that does not exist."""
    from ..stores.urls import parse_url

    if url == "memory://":
        return False
    parsed = parse_url(url)
    path = unquote(parsed.parts.path[1:])
    return parsed.scheme == "sqlite" and path not in ("", ":memory:") and not Path(path).exists()


def script_names(alloy: Alloy, ids: Iterable[str], tenant: str) -> dict[str, str]:
    """Returns the names of the tenant's scripts by id; the id itself of one that is gone."""
    names = {}
    for script_id in set(ids):
        try:
            names[script_id] = alloy.scripts.get(script_id, tenant=tenant).name
        except NotFound:
            names[script_id] = script_id
    return names


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
