"""Scripts: list, create, read, change, delete."""

from __future__ import annotations

from typing import Any

from ...model import Script as StoredScript
from ..cursors import cursor_of, key_of
from ..endpoint import Group
from ..reply import Reply
from ..service import Call
from ..wire.common import ScriptKey
from ..wire.scripts import NewScript, Script, ScriptChange, ScriptFilters, ScriptPage, script_out
from ..wire.triggers import trigger_in

GROUP = Group("scripts", "Scripts: their settings, drafts and revisions.")
EXAMPLE = {
    "name": "vip-discount",
    "source": "if entity.vip then entity.discount = entity.total * 0.1 end",
    "triggers": [{"kind": "event", "event": "order.before_create"}],
}


def tagged(script: StoredScript, status: int | None = None, **headers: str) -> Reply:
    """Returns a script with its ETag."""
    return Reply(script_out(script), status, {"ETag": f'"{script.version}"', **headers})


@GROUP.get("/scripts", "scripts.read", ScriptPage)
def list_scripts(call: Call, query: ScriptFilters) -> ScriptPage:
    """List scripts, in order of name."""
    found = call.alloy.scripts.list(
        tenant=call.tenant, status=query.status, event=query.event, text=query.text, after=key_of(query.cursor),
        limit=query.limit + 1, entity=query.entity, phase=query.phase, tag=query.tag,
    )  # fmt: skip
    page = found[: query.limit]
    return ScriptPage(
        items=[script_out(script) for script in page],
        next_cursor=cursor_of(page[-1].name) if len(found) > len(page) else None,
    )


@GROUP.post("/scripts", "scripts.write", Script, status=201, errors=(409,), example=EXAMPLE)
def create_script(call: Call, body: NewScript) -> Reply:
    """Create a script with its first revision.

    It is a draft, which need not compile, unless ``status`` is active: that takes the right to activate.
    """
    settings: dict[str, Any] = {name: getattr(body, name) for name in NewScript.__struct_fields__ if name != "triggers"}
    made = call.alloy.scripts.create(
        **settings, triggers=[trigger_in(trigger) for trigger in body.triggers], tenant=call.tenant, author=call.author
    )
    return tagged(made, Location=f"{call.path}/{made.name}")


@GROUP.get("/scripts/{script}", "scripts.read", Script, replies={304: None})
def get_script(call: Call, script: ScriptKey) -> Reply:
    """Read a script's settings."""
    found = call.alloy.scripts.get(script, tenant=call.tenant)
    if call.headers.get("If-None-Match") == f'"{found.version}"':
        return Reply(None, 304, {"ETag": f'"{found.version}"'})
    return tagged(found)


@GROUP.patch("/scripts/{script}", "scripts.write", Script, versioned=True, example={"description": "For big orders."})
def change_script(call: Call, script: ScriptKey, body: ScriptChange) -> Reply:
    """Change a script's settings, or write a new draft.

    Settings take effect at once; a new draft does not run before it is activated.
    """
    changed = call.alloy.scripts.update(
        script, body.source if isinstance(body.source, str) else None, tenant=call.tenant, author=call.author,
        expected_version=call.expected_version, message=body.message, **body.settings(),
    )  # fmt: skip
    return tagged(changed)


@GROUP.delete("/scripts/{script}", "scripts.delete", versioned=True)
def delete_script(call: Call, script: ScriptKey) -> None:
    """Delete a script that is not active, with its revisions; its runs stay on record."""
    call.alloy.scripts.delete(script, tenant=call.tenant, expected_version=call.expected_version)
