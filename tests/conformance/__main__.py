"""``python -m tests.conformance all``, or one part by its name. Exits with 1 if anything is amiss."""

from __future__ import annotations

import argparse
import sys

from . import fetch, fuzz
from .corpus import Corpus
from .suite import Suite


def _fuzz(options: argparse.Namespace) -> bool:
    fine = True
    for task, number in (("programs", options.programs), ("texts", options.texts), ("mutants", options.mutants)):
        campaign = fuzz.Campaign(task, options.seed, number, options.jobs)
        campaign.run()
        print(campaign.report(), flush=True)
        fine = fine and not campaign.faults
    return fine


def _suite(options: argparse.Namespace) -> bool:
    return _third_party(Suite())


def _corpus(options: argparse.Namespace) -> bool:
    return _third_party(Corpus())


def _third_party(part: Suite | Corpus) -> bool:
    try:
        part.run()
    except fetch.FetchError as error:
        print(
            f"NOT RUN: {error}\nThe registries must be reachable, and offer the versions pinned in packages.py.",
            file=sys.stderr,
        )
        return False
    print(part.report(), flush=True)
    return not part.faults


def _all(options: argparse.Namespace) -> bool:
    return all([_suite(options), _corpus(options), _fuzz(options)])


def _show(options: argparse.Namespace) -> bool:
    print(fuzz.TASKS[options.task].text(options.seed))
    return True


def _worker(options: argparse.Namespace) -> bool:
    fuzz.work(options.task, options.first, options.last)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parts = parser.add_subparsers(required=True)
    for name, run, shown in (
        ("all", _all, "the suite, the corpus and the fuzzing"),
        ("fuzz", _fuzz, "random programs, broken texts, and mutants of the metering"),
    ):
        part = parts.add_parser(name, help=shown)
        part.add_argument("--programs", type=int, default=100_000)
        part.add_argument("--texts", type=int, default=100_000)
        part.add_argument("--mutants", type=int, default=1_000, help="programs whose checks are taken away")
        part.add_argument("--seed", type=int, default=0, help="the first seed")
        part.add_argument("--jobs", type=int, help="processes at a time (default: one a core)")
        part.set_defaults(run=run)
    parts.add_parser("suite", help="the tests of PUC Lua 5.1, plain and metered").set_defaults(run=_suite)
    parts.add_parser("corpus", help="Lua files of public packages").set_defaults(run=_corpus)
    part = parts.add_parser("show", help="prints the text of a seed")
    part.add_argument("task", choices=fuzz.TASKS)
    part.add_argument("seed", type=int)
    part.set_defaults(run=_show)
    part = parts.add_parser("worker")
    part.add_argument("task", choices=fuzz.TASKS)
    part.add_argument("first", type=int)
    part.add_argument("last", type=int)
    part.set_defaults(run=_worker)
    return parser


if __name__ == "__main__":
    options = _parser().parse_args()
    sys.exit(0 if options.run(options) else 1)
