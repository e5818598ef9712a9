"""The OpenAPI 3.1 document, made from the endpoints' declarations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from ..access.roles import PERMISSIONS
from ..version import VERSION
from .endpoint import ANY_TOKEN, Endpoint, Group, Media
from .reply import JSON
from .schemas import Schemas
from .wire.common import ErrorReply, TenantName

_REQUEST_ID = {"X-Request-Id": {"description": "Names this call in the service's log.", "schema": {"type": "string"}}}
_IF_MATCH = {
    "name": "If-Match", "in": "header", "required": False,
    "schema": {"type": "string", "pattern": r'^("[0-9]{1,9}"|\*)$'},
    "description": "Write only if this is still the ETag; otherwise 412 says who wrote, and when.",
}  # fmt: skip
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._:-]{1,200}$"},
    "description": "Makes it safe to send this call twice: the second gets the reply of the first.",
}  # fmt: skip


def document(groups: Sequence[Group], root: str = "") -> dict[str, Any]:
    """Returns the OpenAPI document of ``groups``, mounted at ``root``."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for group in groups:
        for endpoint in group.endpoints:
            paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "alloy-lua", "version": VERSION, "description": "Scripts that change business logic."},
        "servers": [{"url": root or "/"}],
        "tags": [{"name": group.tag, "description": group.about} for group in groups],
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "description": _description(endpoint),
        "security": [{"token": []}] if endpoint.permission is not None else [],
        "parameters": list(_parameters(endpoint, schemas)),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not None:
        content: dict[str, Any] = {"schema": schemas.of(endpoint.body)}
        if endpoint.example is not None:
            content["example"] = endpoint.example
        made["requestBody"] = {"required": not endpoint.body_optional, "content": {JSON: content}}
    return made


def _description(endpoint: Endpoint) -> str:
    return "\n\n".join(part for part in (endpoint.description, _needs(endpoint.permission)) if part)


def _needs(permission: str | None) -> str:
    if permission is None or permission == ANY_TOKEN:
        return f"Takes {permission}." if permission else ""
    return f"Takes {permission}: role {PERMISSIONS[permission]} or above."


def _parameters(endpoint: Endpoint, schemas: Schemas) -> Iterator[dict[str, Any]]:
    for name, kind in endpoint.path_types.items():
        yield _parameter(name, "path", schemas.of(kind), required=True)
    if endpoint.query is not None:
        for name, schema, required in schemas.fields(endpoint.query):
            yield _parameter(name, "query", schema, required=required)
    if endpoint.tenant and endpoint.permission is not None:
        yield _parameter("Alloy-Tenant", "header", schemas.of(TenantName), required=False)
    if endpoint.versioned:
        yield _IF_MATCH
    if endpoint.mutates:
        yield _IDEMPOTENCY_KEY


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    schema = dict(schema)
    about = schema.pop("description", None)
    found = {"name": name, "in": place, "required": required, "schema": schema}
    return {**found, "description": about} if about else found


def _responses(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    found = {status: _response(status, kind, schemas) for status, kind in endpoint.replies.items()}
    for media in endpoint.more_media:
        found[endpoint.usual]["content"][media] = {"schema": {"type": "string"}}
    for status in endpoint.error_statuses():
        if status in found:  # a status that is both: the service says no in another shape as well
            content = found[status]["content"][JSON]
            content["schema"] = {"anyOf": [content["schema"], schemas.of(ErrorReply)]}
        else:
            found[status] = _response(status, ErrorReply, schemas)
    return {str(status): found[status] for status in sorted(found)}


def _response(status: int, kind: Any, schemas: Schemas) -> dict[str, Any]:
    found: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": dict(_REQUEST_ID)}
    if isinstance(kind, Media):
        found["description"] = kind.about
        found["content"] = {kind.type.partition(";")[0]: {"schema": {"type": "string"}}}
    elif kind is not None:
        found["content"] = {JSON: {"schema": schemas.of(kind)}}
    return found
