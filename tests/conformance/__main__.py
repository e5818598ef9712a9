"""``python -m tests.conformance``: all of it; with a name only that part. Exits with 1 if anything is amiss."""

from __future__ import annotations

import argparse
import sys

from . import fuzz


def _fuzz(options: argparse.Namespace) -> bool:
    fine = True
    for task, number in (("programs", options.programs), ("texts", options.texts), ("mutants", options.mutants)):
        campaign = fuzz.Campaign(task, options.seed, number, options.jobs)
        campaign.run()
        print(campaign.report(), flush=True)
        fine = fine and not campaign.faults
    return fine


def _show(options: argparse.Namespace) -> bool:
    print(fuzz.TASKS[options.task].text(options.seed))
    return True


def _worker(options: argparse.Namespace) -> bool:
    fuzz.work(options.task, options.first, options.last)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("fuzz", help="random programs and broken texts")
    part.add_argument("--programs", type=int, default=100_000)
    part.add_argument("--texts", type=int, default=50_000)
    part.add_argument("--mutants", type=int, default=2_000, help="programs whose checks are taken away")
    part.add_argument("--seed", type=int, default=0, help="the first seed")
    part.add_argument("--jobs", type=int, help="processes at a time (default: one a core)")
    part.set_defaults(run=_fuzz)
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
