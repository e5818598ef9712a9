"""The difference of two texts, line by line, in bounded time."""

from __future__ import annotations

import difflib

MAX_LINES = 3_000


def unified(old: str, new: str, old_name: str, new_name: str) -> tuple[str, int, int]:
    """Returns the changes in unified format, and how many lines were added and removed.

    Where more than `MAX_LINES` lines lie between what both texts begin and end with, these are shown as replaced.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if max(len(before), len(after)) <= MAX_LINES:
        found = list(difflib.unified_diff(before, after, old_name, new_name))
    else:
        found = _replaced(before, after, old_name, new_name)
    ended = [line if line.endswith("\n") else f"{line}\n" for line in found]
    added = sum(line.startswith("+") for line in ended[2:])
    removed = sum(line.startswith("-") for line in ended[2:])
    return "".join(ended), added, removed


def _replaced(before: list[str], after: list[str], old_name: str, new_name: str) -> list[str]:
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    tail = next((i for i in range(shorter - head) if before[-1 - i] != after[-1 - i]), shorter - head)
    gone, come = before[head : len(before) - tail], after[head : len(after) - tail]
    if not gone and not come:
        return []
    place = f"@@ -{head + 1},{len(gone)} +{head + 1},{len(come)} @@\n"
    return [f"--- {old_name}\n", f"+++ {new_name}\n", place, *(f"-{x}" for x in gone), *(f"+{x}" for x in come)]
