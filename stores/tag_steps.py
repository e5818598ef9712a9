"""The schema of tags: a column of the scripts, each tag between commas."""

from __future__ import annotations

STEPS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (30, "tags", ("ALTER TABLE alloy_scripts ADD COLUMN tags {text}",)),
)
