"""``scripts import``: brings a folder of Lua files into a database, whole or not at all as far as can be checked first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AlloyError, NotFound, ValidationError
from ..model import Script, Status
from .reply import FAILED, Reply
from .session import source_text

if TYPE_CHECKING:
    from .. import Alloy
    from ..demo.frontmatter import GalleryScript


def import_folder(alloy: Alloy, folder: str, *, activate: bool, tenant: str, author: str, message: str) -> Reply:
    """Returns what became of each ``.lua`` file of ``folder``: created, updated or unchanged.

    All files are read and compiled before the first is written; with an error in any of them, none is.
    """
    scripts, errors = _read(alloy, folder)
    if errors:
        return Reply({"errors": [error.as_dict() for error in errors]}, [], FAILED, errors)
    written: list[dict[str, Any]] = []
    for found in scripts:
        action, script = _store(alloy, found, tenant=tenant, author=author, message=message)
        if activate and (script.status is not Status.ACTIVE or script.live_revision != script.draft_revision):
            script = alloy.scripts.activate(script.id, tenant=tenant, author=author)
        written.append({"name": script.name, "action": action, "status": script.status})
    return Reply(written, [f"{each['name']}: {each['action']}, {each['status']}" for each in written])


def _read(alloy: Alloy, folder: str) -> tuple[list[GalleryScript], list[AlloyError]]:
    from ..demo.frontmatter import parse_front_matter

    path = Path(folder)
    if not path.is_dir():
        raise NotFound(f"folder {folder}: no such folder")
    files = sorted(path.glob("*.lua"))
    if not files:
        raise NotFound(f"folder {folder}: holds no .lua file")
    scripts: list[GalleryScript] = []
    errors: list[AlloyError] = []
    for file in files:
        try:
            scripts.append(parse_front_matter(source_text(str(file)), file.name))
            alloy.compile(scripts[-1].source)
        except AlloyError as error:
            errors.append(_named(error, file.name))
    names = [script.name for script in scripts]
    errors += [
        ValidationError(f"{script.file}: name: got {script.name!r}, which another file has, wanted one of its own")
        for index, script in enumerate(scripts)
        if script.name in names[:index]
    ]
    return scripts, errors


def _named(error: AlloyError, file: str) -> AlloyError:
    """Returns the error with the file it is about in its message."""
    if file in error.message:
        return error
    return AlloyError(f"{file}: {error.message}", code=error.code, line=error.line, column=error.column)


def _store(alloy: Alloy, found: GalleryScript, *, tenant: str, author: str, message: str) -> tuple[str, Script]:
    write = {"tenant": tenant, "author": author, "message": message}
    settings = found.settings()
    try:
        script = alloy.scripts.get(found.name, tenant=tenant)
    except NotFound:
        return "created", alloy.scripts.create(found.name, found.source, **write, **settings)
    same_text = alloy.scripts.revision(script.id, tenant=tenant).source == found.source
    if same_text and all(_same(getattr(script, name), value) for name, value in settings.items()):
        return "unchanged", script
    return "updated", alloy.scripts.update(script.id, found.source, **write, **settings)


def _same(stored: Any, wanted: Any) -> bool:
    if isinstance(stored, tuple) and all(isinstance(item, str) for item in stored):
        return set(stored) == set(wanted)
    return bool(stored == wanted)
