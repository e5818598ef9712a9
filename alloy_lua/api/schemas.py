"""JSON schemas of the declared types; what a struct's docstring says of its fields becomes their descriptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

_TEMPLATE = "#/components/schemas/{name}"
_ATTRIBUTES = "\n\nAttributes:\n"
_ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.M)


class Schemas:
    """Schemas by type; structs become components that others refer to."""

    def __init__(self) -> None:
        self._components: dict[str, dict[str, Any]] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """Returns the schema of a type, or the reference to it."""
        (schema,), components = msgspec.json.schema_components([kind], ref_template=_TEMPLATE)
        self._add(components)
        return schema

    def fields(self, kind: type[msgspec.Struct]) -> Iterator[tuple[str, dict[str, Any], bool]]:
        """Returns name, schema and whether it must be given, of each field of a struct that is no component."""
        _, components = msgspec.json.schema_components([kind], ref_template=_TEMPLATE)
        own = components.pop(kind.__name__)
        self._add(components)
        _explain(own)
        for name, schema in own["properties"].items():
            yield name, _without_null(schema), name in own["required"]

    def components(self) -> dict[str, dict[str, Any]]:
        """Returns all components so far, by name."""
        return dict(sorted(self._components.items()))

    def _add(self, components: dict[str, Any]) -> None:
        for name, schema in components.items():
            if name not in self._components:
                self._components[name] = schema
                _explain(schema)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of a parameter, which is left out where a field would be null."""
    found = dict(schema)
    if found.get("default", 0) is None:
        del found["default"]
    kinds = [kind for kind in found.pop("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        return {**kinds[0], **found}
    return {**found, "anyOf": kinds} if kinds else found


def _explain(schema: dict[str, Any]) -> None:
    """Moves what a description says of fields to the fields."""
    about, _, attributes = inspect.cleandoc(schema.get("description", "")).partition(_ATTRIBUTES)
    if about:
        schema["description"] = about
    for name, text in _ATTRIBUTE.findall(attributes):
        field = schema["properties"][name]
        said = " ".join(text.split())
        schema["properties"][name] = {"allOf": [field], "description": said} if "$ref" in field else field
        schema["properties"][name].setdefault("description", said)
