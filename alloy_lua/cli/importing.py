"""The command ``scripts import``: brings Lua files into a database, after checking all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AlloyError, NotFound, ValidationError
from .reply import FAILED, Reply
from .session import source_text

if TYPE_CHECKING:
    from .. import Alloy
    from ..script_files.front_matter import ScriptFile


def import_scripts(alloy: Alloy, path: str, *, activate: bool, tenant: str, author: str, message: str) -> Reply:
    """Returns what became of a file, or of each ``.lua`` file of a folder: created, updated or unchanged.

    All files are read and compiled before the first is written; with an error in any of them, none is.
    """
    from ..demo.publish import publish

    scripts, errors = _read(alloy, path)
    if errors:
        return Reply({"errors": [error.as_dict() for error in errors]}, [], FAILED, errors)
    written: list[dict[str, Any]] = []
    for found in scripts:
        action, script = publish(alloy, found, activate=activate, tenant=tenant, author=author, message=message)
        written.append({"name": script.name, "action": action, "status": script.status})
    idle = [script.name for script in scripts if activate and not script.triggers]
    return Reply(
        written,
        [f"{each['name']}: {each['action']}, {each['status']}" for each in written],
        warnings=[f"{name}: is active but has no triggers, so nothing runs it" for name in idle],
    )


def _files(path: str) -> list[Path]:
    place = Path(path)
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise NotFound(f"{path}: no such file or folder")
    files = sorted(place.glob("*.lua"))
    if not files:
        raise NotFound(f"folder {path}: holds no .lua file")
    return files


def _read(alloy: Alloy, path: str) -> tuple[list[ScriptFile], list[AlloyError]]:
    from ..script_files.front_matter import parse_front_matter

    scripts: list[ScriptFile] = []
    errors: list[AlloyError] = []
    for file in _files(path):
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
