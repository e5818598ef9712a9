"""Parts that many bodies share: the error, the page, names and their limits."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field


class Input(Struct, forbid_unknown_fields=True, kw_only=True):
    """A body or query that a caller sends: unknown fields are refused."""


class Output(Struct, kw_only=True):
    """A body that the service sends."""


class Brief(Struct, kw_only=True, omit_defaults=True):
    """A body that the service sends without the fields that have nothing to tell."""


TenantName = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="Whose data it is.")]
ScriptKey = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S", description="A script's name or id.")]
Limit = Annotated[int, Meta(ge=1, le=500, description="How many items a page holds at most.")]
Cursor = Annotated[str, Meta(max_length=1000, description="The next_cursor of the page before.")]
Data = Annotated[dict[str, Any], Meta(description="A JSON object.")]


class ErrorInfo(Brief, kw_only=True):
    """What went wrong.

    Attributes:
        code: A stable word for programs; see the page on errors.
        message: One sentence for people.
        request_id: Names this call in the service's log.
        details: Further facts, by name.
        line: The line of the script it came from.
        column: The column in that line.
        traceback: Functions of the script that were under way, innermost first.
    """

    code: str
    message: str
    request_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    line: int | None = None
    column: int | None = None
    traceback: list[str] = field(default_factory=list)


class ErrorReply(Output, kw_only=True):
    """The one shape of all errors."""

    error: ErrorInfo


class PageQuery(Input, kw_only=True):
    """Which page of a list."""

    cursor: Cursor | None = None
    limit: Limit = 100
