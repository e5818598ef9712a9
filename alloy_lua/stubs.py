"""A stub file for the Lua language server: what scripts find, with types and docs, for editors to complete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .hostapi import HostFunction, HostModule
from .schema import Field, Schema

HEAD = """\
---@meta alloy
-- Written by `alloy-lua stubs`. Put the file into the workspace of your scripts; nothing here is run.
"""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD_TYPES = {
    "string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "decimal": "number",
    "date": "string", "datetime": "string", "time": "string", "uuid": "string", "bytes": "string", "list": "any[]",
    "table": "table", "any": "any",
}  # fmt: skip
_NOTES = {
    "date": "ISO 8601 date", "datetime": "ISO 8601 time", "time": "ISO 8601 time of day", "uuid": "UUID as text",
    "decimal": "decimal number",
}  # fmt: skip
_PARAM_TYPES = {"list": "any[]", "secret": "alloy.secret|string"}
_KEYWORDS = frozenset(
    (
        "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil",
        "not", "or", "repeat", "return", "then", "true", "until", "while",
    )
)  # fmt: skip
_CTX = (
    ("run_id", "string", "the id of this run, as in its record"),
    ("phase", "string", "before, after, on_commit, on_rollback, manual, api or scheduled"),
    ("event", "string?", "the event, such as order.before_create"),
    ("entity_type", "string?", "its first part"),
    ("operation", '"create"|"update"|"delete"?', "what happens to the record"),
    ("user", "string?", "who acts"),
    ("tenant", "string", "whose data it is"),
    ("trace", "string?", "the id of the request it belongs to"),
    ("now", "string", "when the run started, in UTC, as ISO 8601 text"),
    ("attempt", "integer", "how often this run was tried, from 1"),
    ("dry_run", "boolean", "true if effects are only reported"),
    ("idempotency_key", "fun(): string", "the same whenever this place of this run is reached, over all its tries"),
    ("budget", "fun(): {fuel: integer, ms: number}", "what is left of fuel and time"),
)
_GLOBALS = """\
---Ends the run and rejects the operation.
---@param reason string for people
---@param details? table {field = "name"} or {fields = {name = "message"}}
function abort(reason, details) end

---Whether a field differs from the state before.
---@param field string
---@return boolean
function changed(field) end

---A handle of a secret: functions take it, its text is not to be seen.
---@class alloy.secret

---JSON's null inside tables; a field that is empty is nil.
null = {}

---@type table<string, any>
params = {}

---@class alloy.log
log = {}

---@param message string
---@param data? table
function log.debug(message, data) end

---@param message string
---@param data? table
function log.info(message, data) end

---@param message string
---@param data? table
function log.warn(message, data) end

---@param message string
---@param data? table
function log.error(message, data) end
"""


def render(modules: Iterable[HostModule], schemas: Mapping[str, Schema]) -> str:
    """Returns the text of the stub file.

    Args:
        modules: What scripts can call.
        schemas: The entities by type.
    """
    known = [schemas[name] for name in sorted(schemas)]
    kinds = "|".join(_class(schema.entity_type) for schema in known) or "table<string, any>"
    parts = [HEAD, *map(_entity, known)]
    parts.append(f"---The record. Where there are several kinds, say which: `---@cast entity entity.order`\n"
                 f"---@type {kinds}\nentity = {{}}\n")  # fmt: skip
    parts.append(f"---The record as it was, in update and delete hooks.\n---@type {kinds}\nbefore = {{}}\n")
    parts.append("---@class alloy.ctx\n" + "".join(f"---@field {n} {t} {d}\n" for n, t, d in _CTX) + "ctx = {}\n")
    parts.append(_GLOBALS)
    parts += map(_module, modules)
    return "\n".join(parts)


def _class(entity_type: str) -> str:
    return "entity." + re.sub(r"[^A-Za-z0-9_.]", "_", entity_type)


def _entity(schema: Schema) -> str:
    doc = _comment(schema.doc)
    return f"{doc}---@class {_class(schema.entity_type)}\n" + "".join(
        _entity_field(field, schema) for field in schema.fields.values()
    )


def _entity_field(field: Field, schema: Schema) -> str:
    kind = "|".join(map(_literal, field.choices)) if field.choices else _FIELD_TYPES[field.type]
    optional = "" if field.required or kind == "any" else "?"
    if optional and field.choices:
        kind = f"({kind})"
    notes = [
        field.doc, _NOTES.get(field.type, ""), f"id of {field.relation}" if field.relation else "",
        f"at most {field.max_length} characters" if field.max_length else "",
        "" if field.name in schema.writable else "read-only",
    ]  # fmt: skip
    name = field.name if _NAME.fullmatch(field.name) else f'["{field.name}"]'
    return f"---@field {name} {kind}{optional} {_line('; '.join(filter(None, notes)))}".rstrip() + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def _line(text: str) -> str:
    return " ".join(text.split())


def _comment(text: str) -> str:
    return f"---{_line(text)}\n" if text else ""


def _module(module: HostModule) -> str:
    constants = "".join(
        f"---@type {'string' if isinstance(value, str) else 'boolean' if isinstance(value, bool) else 'number'}\n"
        f"{module.name}.{name} = nil\n"
        for name, value in module.constants.items()
    )
    if any(function.name == module.name for function in module.functions):  # a function, and no table
        return "\n".join(map(_function, module.functions))
    head = f"{_comment(module.doc)}---@class alloy.{module.name}\n{module.name} = {{}}\n{constants}"
    return "\n".join([head, *map(_function, module.functions)])


def _function(function: HostFunction) -> str:
    text = _comment(function.doc)
    if function.example:
        text += f"---\n---`{_line(function.example)}`\n"
    if function.capability:
        text += f"---\n---Needs capability `{function.capability}`.\n"
    names = []
    for param in function.params:
        name = f"{param.name}_" if param.name in _KEYWORDS else param.name
        mark = "?" if param.optional else ""
        text += f"---@param {name}{mark} {_PARAM_TYPES.get(param.type, param.type)} {_line(param.doc)}".rstrip() + "\n"
        names.append(name)
    if function.variadic:
        text += f"---@param ... {_PARAM_TYPES.get(function.variadic, function.variadic)}\n"
        names.append("...")
    if function.returns != "nil":
        text += f"---@return {_returned(function.returns)}\n"
    return f"{text}function {function.name}({', '.join(names)}) end\n"


def _returned(text: str) -> str:
    """Returns the types of ``"string | nil"`` as the language server writes them; anything unusual is ``any``."""
    kinds = [part.strip() for part in text.split("|")]
    known = {"string", "number", "integer", "boolean", "table", "any", "nil"}
    parts = ["any[]" if kind == "list" else kind if kind in known else "any" for kind in kinds]
    return "|".join(dict.fromkeys(parts))
