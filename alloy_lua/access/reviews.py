"""Reviews: a second person's word on a revision, and the rule that nothing runs without it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from .. import checks
from ..access_model import Review, Verdict
from ..errors import PermissionDenied, ReviewRequired
from ..model import DEFAULT_TENANT, Revision, Script
from ..ports import Store
from .acting import MAX_REASON, require, who
from .digests import digest_of, without
from .trail import entry

# What of a script a review does not speak of. All other settings decide when, and with what rights, its text runs.
_UNREVIEWED = (
    "id", "tenant", "name", "description", "status", "draft_revision", "live_revision", "version", "created_at",
    "updated_at", "updated_by", "tags",
)  # fmt: skip


class Reviews:
    """The reviews of all scripts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self, name: str, verdict: Verdict | str, reason: str, *, revision: int | None = None,
        tenant: str = DEFAULT_TENANT, reviewer: str | None = None,
    ) -> Review:  # fmt: skip
        """Returns a new review: it holds for this text with the settings that the script has now.

        Args:
            name: The script.
            verdict: ``approve`` or ``reject``.
            reason: Why.
            revision: Which revision, None for the draft.
            tenant: Whose script it is.
            reviewer: Who says so, if nobody acts.

        Raises:
            NotFound: The tenant has no such script or revision.
            PermissionDenied: The reviewer wrote that revision.
        """
        require("scripts.review", checks.name(tenant, "tenant"))
        script = self._store.get_script(tenant, checks.name(name, "script name"))
        number = script.draft_revision if revision is None else checks.whole_number(revision, "revision", 1)
        text = self._store.get_revision(tenant, script.id, number)
        said = checks.one_of(Verdict, verdict, "verdict")
        why = checks.text(reason, "reason", MAX_REASON)
        if not why.strip():
            raise checks.wrong("reason", reason, "why, in a few words")
        by = who(reviewer)
        if by == text.author:
            raise PermissionDenied(
                f"review of {script.name} revision {number}: {by!r} wrote it, wanted somebody else",
                details={"permission": "scripts.review", "author": text.author},
            )
        review = Review(
            uuid.uuid4().hex, tenant, script.id, number, text.sha256, settings_digest(script), said, by, why,
            datetime.now(UTC),
        )  # fmt: skip
        audit = entry(
            "script.review", tenant=tenant, object_id=script.id, name=script.name, author=by, after=digest_of(review),
            reason=why, details={"revision": number, "sha256": text.sha256, "verdict": said.value},
        )  # fmt: skip
        self._store.reviews.add(review, audit=audit)
        return review

    def list(self, name: str, *, revision: int | None = None, tenant: str = DEFAULT_TENANT) -> Sequence[Review]:
        """Returns the reviews of a script, or of one revision of it, oldest first."""
        require("scripts.read", checks.name(tenant, "tenant"))
        if revision is not None:
            checks.whole_number(revision, "revision", 1)
        script = self._store.get_script(tenant, checks.name(name, "script name"))
        return self._store.reviews.of_script(tenant, script.id, revision=revision)


def settings_digest(script: Script) -> str:
    """Returns the digest of the settings of ``script`` that a review speaks of."""
    return digest_of(without(script, *_UNREVIEWED))


def require_approval(store: Store, script: Script, revision: Revision) -> None:
    """Returns None if ``script`` may run ``revision``: its tenant asks for no review, or the revision has one.

    It has one if somebody other than its author approved this text with these settings, and nobody's last word on
    them is a rejection.

    Raises:
        ReviewRequired: It has none.
    """
    if not store.tenants.get(script.tenant).settings.get("review_required", False):
        return
    settings = settings_digest(script)
    found = [
        review
        for review in store.reviews.of_script(script.tenant, script.id, revision=revision.number)
        if review.sha256 == revision.sha256 and review.reviewer != revision.author
    ]
    last_words = {review.reviewer: review for review in found if review.settings_sha256 == settings}
    rejected = next((review for review in last_words.values() if review.verdict is Verdict.REJECT), None)
    if last_words and rejected is None:
        return
    if rejected is not None:
        why = f"{rejected.reviewer!r} rejected it: {rejected.reason}"
    elif found:
        why = "its settings were changed since it was reviewed"
    else:
        why = f"wanted the approval of somebody other than {revision.author!r}"
    raise ReviewRequired(
        f"script {script.name} revision {revision.number}: {why}",
        details={"script": script.name, "revision": revision.number, "sha256": revision.sha256},
    )
