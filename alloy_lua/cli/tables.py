"""Aligned columns of text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .reply import visible


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Returns a line for the header and each row, columns aligned left with two blanks between them."""
    cells = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
