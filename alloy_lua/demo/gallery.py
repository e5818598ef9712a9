"""The example scripts that come with the package, which the demo runs."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ..script_files.front_matter import ScriptFile, parse_front_matter

GALLERY_PACKAGE = "alloy_lua.gallery"


def load_gallery() -> list[ScriptFile]:
    """Returns the scripts of the gallery, in order of priority, then name.

    Raises:
        ValidationError: A file's front matter is wrong.
    """
    files = (file for file in gallery().iterdir() if file.name.endswith(".lua"))
    scripts = [parse_front_matter(file.read_text(encoding="utf-8"), file.name) for file in files]
    return sorted(scripts, key=lambda script: (script.priority, script.name))


def gallery() -> Traversable:
    """Returns the folder of the example scripts."""
    try:
        return resources.files(GALLERY_PACKAGE)
    except ModuleNotFoundError:
        # An editable install does not show a mapped folder without Python files; there the checkout is at hand.
        return Path(__file__).parents[2] / "scripts"
