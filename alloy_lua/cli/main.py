"""The command ``alloy-lua``: reads the arguments, calls the command, prints its answer, returns the exit code."""

from __future__ import annotations

import argparse
import logging
import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..access.acting import acting
from ..access_model import Actor, Role
from ..errors import AlloyError
from ..version import VERSION
from . import (
    access,
    audit,
    bulk,
    execute,
    jobs,
    operations,
    platform,
    records,
    replay,
    rollout,
    schedule,
    scripts,
    serve,
)
from .options import add_command, count
from .reply import FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, Reply, UsageError, visible

DEMO_DATABASE = "sqlite:///alloy-demo.db"
_SCRIPT_ID = re.compile(r"\bscript '[0-9a-f]{32}'")
EPILOG = """\
exit codes:
  0    done; the operation may go on
  1    a script failed, or there was an error
  2    the command line is wrong
  3    a script rejected the operation
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line in the form of all errors, and that takes no shortened options."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Returns what the arguments say; the command that is given an unknown one refuses it, and names its help."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Ends the process with the exit code for wrong usage."""
        print(visible(f"error: usage: {message} (see {self.prog} --help)"), file=sys.stderr)
        sys.exit(USAGE)


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the whole command line."""
    made = Parser(
        prog="alloy-lua",
        description="Sandboxed Lua hooks: check, run and keep them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"alloy-lua {VERSION}")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    demo = add_command(commands, "demo", _demo, "take made-up orders through example scripts and report")
    demo.add_argument(
        "--database", metavar="URL", default=DEMO_DATABASE, help="gets scripts and runs (default: %(default)s)"
    )
    demo.add_argument("--orders", type=count, default=3000, metavar="N", help="how many (default: %(default)s)")
    modules = (
        execute, bulk, scripts, schedule, jobs, records, replay, rollout, operations, access, audit, platform, serve,
    )  # fmt: skip
    for module in modules:
        module.register(commands)
    return made


def _demo(arguments: argparse.Namespace) -> Reply:
    from ..demo.main import run_demo
    from ..demo.summary import render

    progress = sys.stderr if arguments.json else sys.stdout
    made = run_demo(arguments.database, orders=arguments.orders, progress=progress, program=_program())
    return Reply(made, ["", *render(made).splitlines()])


def _program() -> str:
    """Returns the words that start this command again in the same shell: its path, if the shell would not find it."""
    found, called = shutil.which("alloy-lua"), sys.argv[0]
    if os.path.basename(called) == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m alloy_lua"
    same = found is not None and os.path.realpath(found) == os.path.realpath(called)
    return "alloy-lua" if same else shlex.quote(called)


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code of the command in ``argv``, by default the process's own arguments."""
    _prepare_streams()
    try:
        arguments = parser().parse_args(argv)
        return _answer(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def _answer(arguments: argparse.Namespace) -> int:
    user = Actor(getattr(arguments, "author", "cli"), Role.ADMIN)
    try:
        with acting(user, via="cli"):
            reply: Reply = arguments.call(arguments)
            reply.show(sys.stdout, sys.stderr, arguments.json)
            return reply.code
    except AlloyError as error:
        _name_script(error, arguments)
        return _refused(error, arguments.json)
    except BrokenPipeError:
        raise
    except Exception as error:
        # A fault of alloy-lua itself. Still one line: a traceback helps nobody at a terminal.
        return _refused(AlloyError(f"{type(error).__name__}: {error}", code="internal_error"), arguments.json)


def _name_script(error: AlloyError, arguments: argparse.Namespace) -> None:
    """Puts what the command line calls the script in place of its id, which is all that a store knows."""
    name = getattr(arguments, "name", None)
    if name is not None:
        error.message = _SCRIPT_ID.sub(lambda _: f"script {name!r}", error.message)


def _refused(error: AlloyError, as_json: bool) -> int:
    reply = Reply({"error": error.as_dict()}, [], USAGE if isinstance(error, UsageError) else FAILED, [error])
    reply.show(sys.stdout, sys.stderr, as_json)
    return reply.code


class _OneLine(logging.Formatter):
    """Background faults, such as runs that could not be recorded, without their traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns ``warning: message: reason``."""
        error = record.exc_info[1] if record.exc_info else None
        reason = f": {error}" if error is not None else ""
        return visible(f"warning: {record.getMessage()}{reason}")


def _prepare_streams() -> None:
    """Lets the streams print whatever text a script made, and puts logged faults on one line."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
