"""What the tests of the documentation share: the pages, and the code blocks in them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[a-z ]+): (?P<note>[^\n]*) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, with the comment right above it (``<!-- run: … -->``)."""

    page: str
    line: int
    kind: str
    text: str
    mark: str | None
    note: str

    @property
    def options(self) -> dict[str, Any]:
        return json.loads(self.note) if self.mark == "run" else {}

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def blocks(name: str, kind: str) -> list[Block]:
    """Returns the blocks of one language, without those marked ``not run``."""
    text = page(name)
    found = [
        Block(name, text[: m.start("text")].count("\n") + 1, m["kind"], m["text"], m["mark"], m["note"] or "")
        for m in _BLOCK.finditer(text)
    ]
    return [block for block in found if block.kind == kind and block.mark != "not run"]


def headings(name: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$", "", page(name), flags=re.M | re.S)
    return re.findall(r"^#+ (.+)$", prose, re.M)
