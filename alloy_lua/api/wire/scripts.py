"""Scripts and their revisions, as callers read and write them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ... import model
from ...lifecycle import MAX_DRAFT
from ...script_settings import MAX_TEXT, MAX_TRIGGERS
from .common import Cursor, Input, Limit, Output
from .triggers import Trigger, trigger_in, trigger_out

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="Unique within the tenant.")]
Source = Annotated[str, Meta(max_length=MAX_DRAFT, description="Lua text.")]
About = Annotated[str, Meta(max_length=MAX_TEXT, description="What it is for.")]
Message = Annotated[str, Meta(max_length=MAX_TEXT, description="Why this was changed.")]
Profile = Annotated[Literal["strict", "default", "external", "relaxed"], Meta(description="A limits profile.")]
Capability = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*$", max_length=100)]
Capabilities = Annotated[list[Capability], Meta(description="What it may call beyond pure helpers.")]
RunAs = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="The user its actions count as.")]
Tag = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,50}$")]
Tags = Annotated[list[Tag], Meta(max_length=20, description="Words to find it by.")]
Priority = Annotated[int, Meta(ge=-1_000_000, le=1_000_000, description="Lower runs first.")]
Triggers = Annotated[list[Trigger], Meta(max_length=MAX_TRIGGERS, description="What it runs on.")]
RevisionNumber = Annotated[int, Meta(ge=1, le=2**31 - 1, description="A revision's number.")]
_Text = Annotated[str, Meta(min_length=1, max_length=200)]


class Script(Output, kw_only=True):
    """A script's settings; its text is in its revisions.

    Attributes:
        version: Counts the writes of these settings; the ETag.
        draft_revision: The newest revision.
        live_revision: The revision that runs; none before it was first activated.
    """

    id: str
    tenant: str
    name: str
    description: str
    status: model.Status
    triggers: list[Trigger]
    limits: str
    capabilities: list[str]
    run_as: str | None
    priority: int
    failure_policy: model.FailurePolicy
    tags: list[str]
    draft_revision: int
    live_revision: int | None
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str


class ScriptPage(Output, kw_only=True):
    """Scripts in order of name.

    Attributes:
        next_cursor: Where the next page begins; null on the last.
    """

    items: list[Script]
    next_cursor: str | None


class ScriptFilters(Input, kw_only=True):
    """Which scripts to list; a filter left out lets all through.

    Attributes:
        event: Bound to this event.
        entity: Bound to an event of this entity type.
        phase: Bound to an event of this phase.
        text: This text in name or description.
    """

    status: model.Status | None = None
    event: _Text | None = None
    entity: _Text | None = None
    phase: Literal["before", "after", "on_commit"] | None = None
    tag: Tag | None = None
    text: _Text | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class NewScript(Input, kw_only=True):
    """A new script and its first revision.

    Attributes:
        status: ``active`` runs it at once; that takes the role operator.
    """

    name: Name
    source: Source
    description: About = ""
    status: Literal["draft", "active"] = "draft"
    triggers: Triggers = []
    limits: Profile = "default"
    capabilities: Capabilities = []
    run_as: RunAs | None = None
    priority: Priority = 100
    failure_policy: model.FailurePolicy = model.FailurePolicy.CLOSED
    tags: Tags = []
    message: Message = ""


class ScriptChange(Input, kw_only=True):
    """New settings, and a new draft if ``source`` is given; what is left out stays as it is."""

    name: Name | UnsetType = UNSET
    source: Source | UnsetType = UNSET
    description: About | UnsetType = UNSET
    triggers: Triggers | UnsetType = UNSET
    limits: Profile | UnsetType = UNSET
    capabilities: Capabilities | UnsetType = UNSET
    run_as: RunAs | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET
    failure_policy: model.FailurePolicy | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    message: Message = ""

    def settings(self) -> dict[str, Any]:
        """Returns what is given besides source and message, as the facade takes it."""
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("source", "message")}
        settings = {name: value for name, value in given.items() if value is not UNSET}
        if "triggers" in settings:
            settings["triggers"] = [trigger_in(trigger) for trigger in settings["triggers"]]
        return settings


class Revision(Output, kw_only=True):
    """One immutable text of a script.

    Attributes:
        sha256: The digest of the source.
        live: Whether it is the one that runs.
        draft: Whether it is the newest.
    """

    number: int
    sha256: str
    author: str
    message: str
    created_at: datetime
    compiler: str
    live: bool
    draft: bool


class RevisionText(Revision, kw_only=True):
    """A revision with its text."""

    source: str


class RevisionPage(Output, kw_only=True):
    """Revisions of a script, newest first."""

    items: list[Revision]
    next_cursor: str | None


def script_out(script: model.Script) -> Script:
    """Returns a script as callers see it."""
    flat = {name: getattr(script, name) for name in Script.__struct_fields__}
    flat["triggers"] = [trigger_out(trigger) for trigger in script.triggers]
    flat["capabilities"], flat["tags"] = list(script.capabilities), list(script.tags)
    return Script(**flat)


def revision_out(revision: model.Revision, script: model.Script, *, text: bool = False) -> Revision:
    """Returns a revision as callers see it, with its text if asked for."""
    facts = {
        name: getattr(revision, name) for name in ("number", "sha256", "author", "message", "created_at", "compiler")
    }
    facts["live"] = revision.number == script.live_revision
    facts["draft"] = revision.number == script.draft_revision
    return RevisionText(**facts, source=revision.source) if text else Revision(**facts)
