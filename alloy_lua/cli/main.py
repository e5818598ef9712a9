"""The command ``alloy-lua``: reads the arguments, calls the command, prints its answer, returns the exit code."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

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
from .reply import FAILED, INTERRUPTED, PIPE_CLOSED, USAGE, Reply, visible

DEMO_DATABASE = "sqlite:///alloy-demo.db"
EPILOG = """\
exit codes:
  0    done; the operation may go on
  1    a script failed, or there was an error
  2    the command line is wrong
  3    a script rejected the operation
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line in the form of all errors."""

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
        return _refused(error, arguments.json)
    except BrokenPipeError:
        raise
    except Exception as error:
        # A fault of alloy-lua itself. Still one line: a traceback helps nobody at a terminal.
        return _refused(AlloyError(f"{type(error).__name__}: {error}", code="internal_error"), arguments.json)


def _refused(error: AlloyError, as_json: bool) -> int:
    Reply({"error": error.as_dict()}, [], FAILED, [error]).show(sys.stdout, sys.stderr, as_json)
    return FAILED


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
