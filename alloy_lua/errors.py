"""The whole exception tree: one base class, one stable ``code`` per kind of failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class AlloyError(Exception):
    """Any failure that alloy-lua reports.

    Args:
        message: One sentence that names the thing, the value got and the value wanted.
        code: Overrides the class's stable code (a guest error carries its own).
        details: JSON-like facts about the failure (field names, versions, limits).
        line: 1-based line in the script, where there is one.
        column: 1-based column in the script, where there is one.
        traceback: User frames of the Lua stack, innermost first (``"line 3 in function 'total'"``).
    """

    default_code: ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        line: int | None = None,
        column: int | None = None,
        traceback: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, Any] = dict(details or {})
        self.line = line
        self.column = column
        self.traceback = traceback

    def as_dict(self) -> dict[str, Any]:
        """Returns the error as JSON-like data (what the HTTP API and the CLI print)."""
        data: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.line is not None:
            data["line"] = self.line
        if self.column is not None:
            data["column"] = self.column
        if self.traceback:
            data["traceback"] = list(self.traceback)
        if self.details:
            data["details"] = self.details
        return data


class ConfigError(AlloyError):
    """A setting, URL or extra is missing or wrong."""

    default_code = "config_error"


class NotFound(AlloyError):
    """No such script, revision or run in this tenant."""

    default_code = "not_found"


class Conflict(AlloyError):
    """A stale write or a duplicate name; ``details`` say who changed it and when."""

    default_code = "conflict"


class ValidationError(AlloyError):
    """A call's arguments have the wrong type, name or shape."""

    default_code = "validation_error"


class Unauthenticated(AlloyError):
    """A token is missing, wrong, expired or revoked; the message does not say which."""

    default_code = "unauthenticated"


class PermissionDenied(AlloyError):
    """The actor's role or scopes do not allow the call; ``details`` name the permission and the role it takes."""

    default_code = "permission_denied"


class RateLimited(AlloyError):
    """Too many tries; ``details["retry_after"]`` is the number of seconds to wait."""

    default_code = "rate_limited"


class ReviewRequired(AlloyError):
    """The tenant lets no script run that nobody but its author has approved."""

    default_code = "review_required"


class BacktestRequired(AlloyError):
    """The script takes no revision whose back-test did not go well; ``details["problems"]`` say what is missing."""

    default_code = "backtest_required"


class InvalidValue(AlloyError):
    """A value cannot cross between Python and Lua, or may not be written."""

    default_code = "invalid_value"


class StoreError(AlloyError):
    """The database could not do what was asked."""

    default_code = "store_error"


class HostError(AlloyError):
    """A host function failed; raise it in a host function to give the script a message."""

    default_code = "host_error"


class CapabilityDenied(AlloyError):
    """A script called what its phase or its grants do not allow."""

    default_code = "capability_denied"


class CompileError(AlloyError):
    """The source is not a valid script; carries line and column."""

    default_code = "compile_error"


class ScriptError(AlloyError):
    """A script failed while it ran (``runtime_error`` unless a more exact code is given)."""

    default_code = "runtime_error"


class LimitExceeded(ScriptError):
    """A script used up its fuel, time, memory, output or host calls."""

    default_code = "fuel_exhausted"


class WorkerLost(ScriptError):
    """The worker process that ran a script died, or could not be started."""

    default_code = "worker_lost"


class RecursionLimit(ScriptError):
    """A cascade of fires went too deep or came back to the same record."""

    default_code = "recursion_limit"


class Rejected(AlloyError):
    """A script called ``abort``; ``message`` is its reason, ``details`` its field details."""

    default_code = "rejected"
