"""``alloy-lua serve``: the admin service."""

from __future__ import annotations

import argparse
import sys

from .options import Commands, add_command, database_of
from .reply import Reply

DEFAULT_PORT = 8787


def register(commands: Commands) -> None:
    """Adds the command."""
    parser = add_command(commands, "serve", _serve, "serve the HTTP API")
    parser.add_argument("--database", metavar="URL", help="where scripts and runs are")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="the port, 0 for any free one (default: %(default)s)"
    )


def _serve(arguments: argparse.Namespace) -> Reply:
    import asyncio

    from ..api import create_app
    from ..api.server import serve
    from .session import writable

    def ready(port: int) -> None:
        print(f"serving http://{arguments.host}:{port}/api/v1/reference", file=sys.stderr, flush=True)

    with writable(database_of(arguments)) as alloy:
        asyncio.run(serve(create_app(alloy), arguments.host, arguments.port, ready))
    return Reply({"stopped": True}, ["stopped"])
