"""``alloy-lua serve``: the HTTP service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..settings import BY_NAME, Settings, add_flags, load
from .options import Commands, add_command
from .reply import Reply, UsageError

if TYPE_CHECKING:
    from .. import Alloy


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = add_command(commands, "serve", _serve, "serve the HTTP API")
    parser.add_argument("--config", metavar="FILE", help="a TOML file of settings (else $ALLOY_CONFIG)")
    add_flags(parser)


def _serve(arguments: argparse.Namespace) -> Reply:
    import asyncio

    from ..api import create_app
    from ..api.options import options_of
    from ..api.server import serve
    from ..configure import open_alloy

    settings = load(arguments.config, flags=_flags(arguments))
    host = settings["host"]
    with open_alloy(settings) as alloy:

        def ready(port: int) -> None:
            # A token is made and shown when the service is there that takes it: not if the port is in use.
            secret = alloy.tokens.bootstrap()
            if secret is not None:
                print(f"first start: the admin token, shown this once: {secret}", file=sys.stderr, flush=True)
            print(f"serving http://{host}:{port}/api/v1/reference", file=sys.stderr, flush=True)

        make = partial(create_app, alloy, options=options_of(settings))
        with _background(alloy, settings):
            asyncio.run(serve(make, host, settings["port"], ready))
    return Reply({"stopped": True}, ["stopped"])


def _flags(arguments: argparse.Namespace) -> dict[str, str | bool]:
    """Returns the settings that the command line gives, by name.

    Raises:
        UsageError: One is wrong.
    """
    found = {name: given for name in BY_NAME if (given := getattr(arguments, name)) is not None}
    try:
        load(environ={}, flags=found)
    except ConfigError as error:
        raise UsageError(error.message) from None
    return found


@contextmanager
def _background(alloy: Alloy, settings: Settings) -> Iterator[None]:
    """Runs jobs and schedules meanwhile, if the settings ask for them; jobs under way may finish in the end."""
    if settings["schedules"]:
        alloy.scheduler.start()
    if settings["job_slots"]:
        alloy.jobs.start(settings["job_slots"])
    yield
    if settings["schedules"]:
        alloy.scheduler.stop()
    if settings["job_slots"]:
        alloy.jobs.stop(settings["drain_seconds"])
