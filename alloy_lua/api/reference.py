"""The OpenAPI document and a page that shows it: the service serves both, and fetches nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from aiohttp import web

from .dispatch import Handler
from .endpoint import Group
from .openapi import document
from .reply import to_json

_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
_TYPES = {"reference.html": "text/html", "reference.js": "text/javascript", "reference.css": "text/css"}


def reference_pages(groups: Sequence[Group]) -> dict[str, Handler]:
    """Returns the handlers of the document and the page, by path."""
    pages = {"/openapi.json": _document(groups)}
    for name, kind in _TYPES.items():
        pages["/reference" if name == "reference.html" else f"/{name}"] = _file(name, kind)
    return pages


def _document(groups: Sequence[Group]) -> Handler:
    made: dict[str, bytes] = {}

    async def serve(request: web.Request) -> web.StreamResponse:
        root = request.path.removesuffix("/openapi.json")
        if root not in made:
            made[root] = to_json(document(groups, root))
        return web.Response(body=made[root], content_type="application/json")

    return serve


def _file(name: str, kind: str) -> Handler:
    body = (files(__package__) / "static" / name).read_bytes()

    async def serve(request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Content-Security-Policy": _POLICY})

    return serve
