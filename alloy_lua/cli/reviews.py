"""The commands ``scripts review`` and ``scripts reviews``: a second person's word on a revision."""

from __future__ import annotations

import argparse

from ..access_model import Verdict
from .options import Commands, add_author, add_command, add_database, count, database_of, values
from .reply import Reply, visible
from .session import existing
from .tables import table


def register(own: Commands) -> None:
    """Adds the commands to those under ``scripts``."""
    review = add_command(own, "review", _review, "approve or reject a revision that somebody else wrote")
    review.add_argument("name", metavar="NAME", help="the script's name or id")
    review.add_argument("verdict", choices=values(Verdict), help="what you say")
    review.add_argument("--reason", required=True, help="why")
    review.add_argument("--revision", type=count, metavar="N", help="which (default: the newest)")
    add_author(review, "who reviews")
    add_database(review)
    listing = add_command(own, "reviews", _reviews, "list what was said of a script's revisions, oldest first")
    listing.add_argument("name", metavar="NAME", help="the script's name or id")
    listing.add_argument("--revision", type=count, metavar="N", help="only of this one")
    add_database(listing)


def _review(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        made = alloy.reviews.add(
            arguments.name, arguments.verdict, arguments.reason, revision=arguments.revision, tenant=arguments.tenant
        )
    said = f"{arguments.name}: revision {made.revision}: {made.verdict} by {made.reviewer}"
    return Reply(made._asdict(), [visible(said)])


def _reviews(arguments: argparse.Namespace) -> Reply:
    with existing(database_of(arguments)) as alloy:
        found = alloy.reviews.list(arguments.name, revision=arguments.revision, tenant=arguments.tenant)
    header = ("revision", "verdict", "by", "when", "sha256", "reason")
    rows = [
        (
            str(r.revision),
            r.verdict.value,
            r.reviewer,
            r.created_at.isoformat(timespec="seconds"),
            r.sha256[:12],
            r.reason,
        )
        for r in found
    ]
    return Reply([r._asdict() for r in found], table(header, rows) if rows else ["no reviews"])
