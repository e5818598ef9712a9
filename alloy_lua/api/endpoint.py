"""Endpoints: each is declared once, by a decorated function. Dispatch, checks and OpenAPI all read that declaration.

The function's parameters are what it takes: ``call`` always; ``query`` and ``body``, whose annotations are the structs
they are decoded into; and the names in the path's braces. Its docstring is the endpoint's summary and description. A
plain function is run in a worker thread, a coroutine function on the event loop.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar, get_type_hints

from msgspec import structs

F = TypeVar("F", bound=Callable[..., Any])
ANY_TOKEN = "any token"
"""In place of a permission: whoever is known may call."""
_NAME = re.compile(r"\{(\w+)\}")


class Lane(StrEnum):
    """Where a handler is run."""

    LOOP = "loop"
    STORE = "store"
    SCRIPTS = "scripts"


class Media(NamedTuple):
    """A reply that is not JSON: its content type and what it holds."""

    type: str
    about: str


class Endpoint(NamedTuple):
    """One declared endpoint.

    Attributes:
        method: ``GET``, ``POST``, …
        path: Its path below the service's root, with parameters in braces.
        tag: The group it is listed in.
        permission: What its caller must have; None if anybody may call it, `ANY_TOKEN` if anybody who is known may.
            See `access.roles.PERMISSIONS`.
        call: The function that answers it.
        path_types: The type of each parameter of the path.
        query: The struct of its query; None if it takes none.
        body: The struct of its body; None if it takes none.
        replies: What it answers, by status: a struct, a `Media`, or None for no body. The first is the usual one.
        errors: Statuses of errors beyond those that follow from the rest.
        lane: Where it is run.
        tenant: Whether it works on a tenant's data, named by the header ``Alloy-Tenant``.
        mutates: Whether it changes anything: it takes an ``Idempotency-Key`` and is audited.
        versioned: Whether it takes ``If-Match``.
        batch: Whether its body may be as large as a batch.
        anywhere: Whether it may be called with the permission in any tenant; the facade checks which.
        keeps_secret: Whether its reply is not to be kept for a second call with the same ``Idempotency-Key``.
        more_media: Further content types of the usual reply.
        example: A body, for the reference.
    """

    method: str
    path: str
    tag: str
    permission: str | None
    call: Callable[..., Any]
    path_types: Mapping[str, Any]
    query: Any
    body: Any
    replies: Mapping[int, Any]
    errors: tuple[int, ...]
    lane: Lane
    tenant: bool
    mutates: bool
    versioned: bool
    batch: bool
    anywhere: bool
    keeps_secret: bool
    more_media: tuple[str, ...]
    example: Any

    @property
    def name(self) -> str:
        """The handler's name, which is the operation's id."""
        return self.call.__name__

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.call.__doc__ or self.name).strip().partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        """What the handler's docstring says beyond its first line."""
        return inspect.cleandoc(self.call.__doc__ or "").partition("\n")[2].strip()

    @property
    def body_optional(self) -> bool:
        """Whether the body may be left out: all its fields may."""
        return self.body is not None and not any(field.required for field in structs.fields(self.body))

    @property
    def usual(self) -> int:
        """The status of an ordinary answer."""
        usual: int = next(iter(self.replies))
        return usual

    def error_statuses(self) -> tuple[int, ...]:
        """Returns the statuses of all errors that it may answer with."""
        found = {400, 429, 503, *self.errors}
        if self.permission is not None:
            found |= {401, 403, 404}
        if self.path_types:
            found |= {404, 422}
        if self.query is not None or self.tenant:
            found |= {422}
        if self.body is not None:
            found |= {408, 413, 415, 422}
        if self.versioned:
            found |= {409, 412}
        if self.mutates:
            found |= {409, 422}
        return tuple(sorted(found))


class Group:
    """Endpoints that belong together.

    Args:
        tag: What they are listed under.
        about: What they are for.
        tenant: Whether they work on a tenant's data.
        lane: Where plain handlers are run.
    """

    def __init__(self, tag: str, about: str, *, tenant: bool = True, lane: Lane = Lane.STORE) -> None:
        self.tag = tag
        self.about = about
        self.endpoints: list[Endpoint] = []
        self._tenant = tenant
        self._lane = lane

    def get(self, path: str, permission: str | None, reply: Any, **options: Any) -> Callable[[F], F]:
        """Returns a decorator that declares a GET endpoint."""
        return self._declare("GET", path, permission, reply, mutates=False, **options)

    def post(self, path: str, permission: str | None, reply: Any, **options: Any) -> Callable[[F], F]:
        """Returns a decorator that declares a POST endpoint."""
        return self._declare("POST", path, permission, reply, **options)

    def put(self, path: str, permission: str | None, reply: Any, **options: Any) -> Callable[[F], F]:
        """Returns a decorator that declares a PUT endpoint."""
        return self._declare("PUT", path, permission, reply, **options)

    def patch(self, path: str, permission: str | None, reply: Any, **options: Any) -> Callable[[F], F]:
        """Returns a decorator that declares a PATCH endpoint."""
        return self._declare("PATCH", path, permission, reply, **options)

    def delete(self, path: str, permission: str | None, reply: Any = None, **options: Any) -> Callable[[F], F]:
        """Returns a decorator that declares a DELETE endpoint."""
        return self._declare("DELETE", path, permission, reply, status=204 if reply is None else 200, **options)

    def _declare(
        self, method: str, path: str, permission: str | None, reply: Any, *, status: int = 200,
        replies: Mapping[int, Any] | None = None, errors: tuple[int, ...] = (), lane: Lane | None = None,
        mutates: bool = True, versioned: bool = False, batch: bool = False, tenant: bool | None = None,
        anywhere: bool = False, keeps_secret: bool = False, more_media: tuple[str, ...] = (), example: Any = None,
    ) -> Callable[[F], F]:  # fmt: skip
        def add(call: F) -> F:
            hints = get_type_hints(call, include_extras=True)
            runs_on = Lane.LOOP if inspect.iscoroutinefunction(call) else lane or self._lane
            made = Endpoint(
                method=method, path=path, tag=self.tag, permission=permission, call=call,
                path_types={name: hints[name] for name in _NAME.findall(path)}, query=hints.get("query"),
                body=hints.get("body"), replies={status: reply, **(replies or {})}, errors=errors, lane=runs_on,
                tenant=self._tenant if tenant is None else tenant, mutates=mutates, versioned=versioned, batch=batch,
                anywhere=anywhere, keeps_secret=keeps_secret, more_media=more_media, example=example,
            )  # fmt: skip
            self.endpoints.append(made)
            return call

        return add
