"""Revisions: the texts of a script, what changed between them, whether they compile."""

from __future__ import annotations

from ...errors import CompileError
from ..cursors import cursor_of, key_of
from ..differences import unified
from ..endpoint import Group
from ..errors import info_of
from ..service import Call
from ..wire.common import PageQuery, ScriptKey
from ..wire.lifecycle import Diff, DiffQuery, Text, Validity, WhichRevision
from ..wire.scripts import RevisionNumber, RevisionPage, RevisionText, revision_out

GROUP = Group("revisions", "Texts of scripts. A revision never changes; the newest is the draft, one may be live.")


@GROUP.get("/scripts/{script}/revisions", "scripts.read", RevisionPage)
def list_revisions(call: Call, script: ScriptKey, query: PageQuery) -> RevisionPage:
    """List a script's revisions, newest first, without their texts."""
    found = call.alloy.scripts.get(script, tenant=call.tenant)
    below = key_of(query.cursor)
    all_of_them = reversed(call.alloy.scripts.revisions(script, tenant=call.tenant))
    wanted = [r for r in all_of_them if below is None or not below.isdecimal() or r.number < int(below)]
    page = wanted[: query.limit]
    return RevisionPage(
        items=[revision_out(revision, found) for revision in page],
        next_cursor=cursor_of(str(page[-1].number)) if len(wanted) > len(page) else None,
    )


@GROUP.get("/scripts/{script}/revisions/{revision}", "scripts.read", RevisionText)
def get_revision(call: Call, script: ScriptKey, revision: RevisionNumber) -> RevisionText:
    """Read one revision with its text."""
    found = call.alloy.scripts.get(script, tenant=call.tenant)
    text = revision_out(call.alloy.scripts.revision(script, revision, tenant=call.tenant), found, text=True)
    assert isinstance(text, RevisionText)
    return text


@GROUP.get("/scripts/{script}/diff", "scripts.read", Diff)
def diff_revisions(call: Call, script: ScriptKey, query: DiffQuery) -> Diff:
    """Show what changed between two revisions."""
    old = call.alloy.scripts.revision(script, query.from_revision, tenant=call.tenant)
    new = call.alloy.scripts.revision(script, query.to_revision, tenant=call.tenant)
    text, added, removed = unified(old.source, new.source, f"revision {old.number}", f"revision {new.number}")
    return Diff(from_revision=old.number, to_revision=new.number, unified=text, added=added, removed=removed)


@GROUP.post("/validate", "scripts.try", Validity, mutates=False, example={"source": "return 1 +"})
def validate_source(call: Call, body: Text) -> Validity:
    """Say whether a text compiles, where it does not, and what it would read, write and call."""
    return _validity(call, body.source)


@GROUP.post("/scripts/{script}/validate", "scripts.try", Validity, mutates=False, example={})
def validate_script(call: Call, script: ScriptKey, body: WhichRevision) -> Validity:
    """Say the same of a revision of a script."""
    return _validity(call, call.alloy.scripts.revision(script, body.revision, tenant=call.tenant).source)


def _validity(call: Call, source: str) -> Validity:
    try:
        program = call.alloy.compile(source)
    except CompileError as error:
        return Validity(valid=False, error=info_of(error))
    mentioned = [module for module in call.alloy.host_functions() if module.name in program.mentions]
    functions = [f for module in mentioned for f in module.functions if f.name.rpartition(".")[2] in program.mentions]
    return Validity(
        valid=True,
        reads=None if program.reads is None else list(program.reads),
        writes=None if program.writes is None else list(program.writes),
        modules=sorted(module.name for module in mentioned),
        capabilities=sorted({f.capability for f in functions if f.capability is not None}),
        random=program.random,
        sha256=program.sha256,
    )
