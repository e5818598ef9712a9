"""From what a caller sent to what a handler takes: path, query and body, checked against their declared types."""

from __future__ import annotations

import asyncio
from typing import Any, get_origin

import msgspec
from aiohttp import web
from msgspec import structs

from ..errors import ValidationError
from .endpoint import Endpoint
from .errors import ApiError
from .wanted import told

JSON_TYPES = ("application/json", "text/json")


class Decoder:
    """Decodes the calls of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._path_types = endpoint.path_types
        self._query = endpoint.query
        self._body = msgspec.json.Decoder(endpoint.body) if endpoint.body is not None else None
        self._lists = _list_fields(endpoint.query) if endpoint.query is not None else frozenset()

    def arguments(self, request: web.Request, body: bytes | bytearray | None) -> dict[str, Any]:
        """Returns the handler's arguments.

        Raises:
            ApiError: The body is no JSON.
            ValidationError: Something is missing, unknown or of the wrong type; its place is named.
        """
        found = {name: self._path(name, request.match_info[name]) for name in self._path_types}
        if self._query is not None:
            found["query"] = self._query_of(request)
        if self._body is not None and body is not None:
            found["body"] = decoded(self._body, body)
        return found

    def _path(self, name: str, text: str) -> Any:
        try:
            return msgspec.convert(text, self._path_types[name], strict=False)
        except msgspec.ValidationError as error:
            raise ValidationError(
                f"path: {name}: {told(error, self._path_types[name])}", details={"in": "path", "field": name}
            ) from None

    def _query_of(self, request: web.Request) -> Any:
        given: dict[str, Any] = {}
        for name, text in request.query.items():
            if name in self._lists:
                given.setdefault(name, []).append(text)
            elif name in given:
                raise ValidationError(f"query: {name}: given twice", details={"in": "query", "field": name})
            else:
                given[name] = text
        try:
            return msgspec.convert(given, self._query, strict=False)
        except msgspec.ValidationError as error:
            raise ValidationError(f"query: {told(error, self._query)}", details={"in": "query"}) from None


def _list_fields(query: Any) -> frozenset[str]:
    return frozenset(field.name for field in structs.fields(query) if get_origin(field.type) is list)


def decoded(decoder: msgspec.json.Decoder[Any], body: bytes | bytearray) -> Any:
    """Returns a body as its struct.

    Raises:
        ApiError: It is no JSON.
        ValidationError: It is not of the declared shape.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise ValidationError(f"body: {told(error, decoder.type)}", details={"in": "body"}) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ApiError("malformed_json", f"body: not JSON: {reason}") from None


def check_json(request: web.Request) -> None:
    """Returns None if the body's declared type is JSON.

    Raises:
        ApiError: It is something else.
    """
    if request.headers.get("Content-Type") == JSON_TYPES[0]:
        return
    if request.content_type not in JSON_TYPES and not request.content_type.endswith("+json"):
        raise ApiError("unsupported_media_type", f"Content-Type: got {request.content_type!r}, wanted application/json")


async def read_body(request: web.Request, most: int, seconds: float) -> bytes | bytearray:
    """Returns a request's whole body.

    Raises:
        ApiError: It is larger than ``most`` bytes, or took longer than ``seconds``.
    """
    if (request.content_length or 0) > most:
        raise _too_large(most)
    content = request.content
    if content.is_eof():  # all of it is here
        body = content.read_nowait(-1) if not content.at_eof() else b""
        if len(body) > most:
            raise _too_large(most)
        return body
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while chunk := await content.readany():
                found += chunk
                if len(found) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise ApiError("request_timeout", f"the body did not arrive within {seconds:g} s") from None
    return found


def _too_large(most: int) -> ApiError:
    return ApiError("body_too_large", f"body: wanted at most {most} bytes", headers={"Connection": "close"}, limit=most)
