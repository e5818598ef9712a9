"""The OpenAPI document and a page that shows it: the service serves both, and fetches nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from aiohttp import web

from .endpoint import Group
from .openapi import document
from .reply import to_json

_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
_TYPES = {"reference.html": "text/html", "reference.js": "text/javascript", "reference.css": "text/css"}


def add_reference(app: web.Application, groups: Sequence[Group], prefix: str) -> None:
    """Adds ``openapi.json`` and ``reference`` below ``prefix``."""
    made: dict[str, bytes] = {}

    async def openapi(request: web.Request) -> web.Response:
        root = request.path.removesuffix("/openapi.json")
        if root not in made:
            made[root] = to_json(document(groups, root))
        return web.Response(body=made[root], content_type="application/json")

    app.router.add_get(f"{prefix}/openapi.json", openapi)
    for name, kind in _TYPES.items():
        path = "reference" if name == "reference.html" else name
        app.router.add_get(f"{prefix}/{path}", _file(name, kind))


def _file(name: str, kind: str):  # type: ignore[no-untyped-def]
    body = (files(__package__) / "static" / name).read_bytes()

    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers={"Content-Security-Policy": _POLICY})

    return serve
