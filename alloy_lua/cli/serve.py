"""``alloy-lua serve``: the HTTP service."""

from __future__ import annotations

import argparse
import sys

from ..settings import BY_NAME, add_flags, load
from .options import Commands, add_command
from .reply import Reply


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

    settings = load(arguments.config, flags={name: getattr(arguments, name) for name in BY_NAME})
    host = settings["host"]

    def ready(port: int) -> None:
        print(f"serving http://{host}:{port}/api/v1/reference", file=sys.stderr, flush=True)

    with open_alloy(settings) as alloy:
        secret = alloy.tokens.bootstrap()
        if secret is not None:
            print(f"first start: the admin token, shown this once: {secret}", file=sys.stderr, flush=True)
        asyncio.run(serve(lambda: create_app(alloy, options=options_of(settings)), host, settings["port"], ready))
    return Reply({"stopped": True}, ["stopped"])
