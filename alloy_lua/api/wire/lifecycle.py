"""What callers say to move a script through its life, and what they learn of its texts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from ... import model
from .common import Brief, ErrorInfo, Input, Output
from .scripts import RevisionNumber, Source

Reason = Annotated[str, Meta(max_length=2000, description="Why; kept in the audit log.")]


class Move(Input, kw_only=True):
    """A change of status."""

    reason: Reason | None = None


class Activation(Input, kw_only=True):
    """Which revision is to run.

    Attributes:
        revision: The draft if left out.
    """

    revision: RevisionNumber | None = None
    reason: Reason | None = None


class Rollback(Input, kw_only=True):
    """Which revision is to run again."""

    revision: RevisionNumber
    reason: Reason | None = None


class Text(Input, kw_only=True):
    """A text to be checked."""

    source: Source


class WhichRevision(Input, kw_only=True):
    """A revision of a script; the draft if left out."""

    revision: RevisionNumber | None = None


class Validity(Brief, kw_only=True):
    """Whether a text compiles, and what is known of it without running it.

    Attributes:
        valid: Whether it compiles.
        error: Why it does not, with line and column.
        reads: Fields of the entity that it reads; null if it uses the entity as a whole.
        writes: Fields of the entity that it writes; null if it uses the entity as a whole.
        modules: Host modules that it mentions.
        capabilities: Grants that functions it mentions ask for.
        random: Whether it may draw random numbers.
        sha256: The digest of the text.
    """

    valid: bool
    error: ErrorInfo | None = None
    reads: list[str] | None = None
    writes: list[str] | None = None
    modules: list[str] = []
    capabilities: list[str] = []
    random: bool = False
    sha256: str | None = None


class DiffQuery(Input, kw_only=True):
    """Which revisions to compare.

    Attributes:
        to_revision: The draft if left out.
    """

    from_revision: RevisionNumber
    to_revision: RevisionNumber | None = None


class Diff(Output, kw_only=True):
    """What changed from one revision to another.

    Attributes:
        unified: The changes in unified format.
        added: How many lines were added.
        removed: How many lines were removed.
    """

    from_revision: int
    to_revision: int
    unified: str
    added: int
    removed: int


class ScriptHealth(Output, kw_only=True):
    """How a script is doing: counts since it was made, and its breaker."""

    runs: int
    changed: int
    rejected: int
    failed: int
    skipped: int
    fuel: int
    breaker: model.BreakerState
    opened_at: datetime | None
    last_error_code: str | None
    last_error: str | None
    last_error_at: datetime | None
