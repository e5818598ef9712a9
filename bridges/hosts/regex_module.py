"""Host module ``regex``: declarations; the work is in `patterns`."""

from __future__ import annotations

from ...hostapi import HostFunction, HostModule, Param
from .lazy import lazy

_TEXT = Param("text", "string", "The text to search.")
_PATTERN = Param("pattern", "string", "A regular expression in RE2 syntax; ``(?i)`` in front ignores case.")


def _limit(doc: str) -> Param:
    return Param("limit", "integer", doc, True)


MODULE = HostModule(
    "regex",
    "Regular expressions that take linear time: RE2 syntax, no backreferences and no look-around.",
    (
        HostFunction(
            "regex.test",
            "Whether the pattern matches anywhere in the text.",
            (_TEXT, _PATTERN),
            "boolean",
            lazy("patterns", "test"),
            cost=50,
            example='return regex.test("AB-12", "^[A-Z]+-[0-9]+$") --> true',
        ),
        HostFunction(
            "regex.match",
            "The captures of the first match ('' for a group that took no part), the whole match if the pattern "
            "has no groups, nil if nothing matches.",
            (_TEXT, _PATTERN),
            "list | nil",
            lazy("patterns", "match"),
            cost=50,
            example='return regex.match("AB-12", "([A-Z]+)-([0-9]+)") --> ["AB", "12"]',
        ),
        HostFunction(
            "regex.find_all",
            "All matches from left to right; a list of captures for each if the pattern has groups.",
            (_TEXT, _PATTERN, _limit("Most matches to return.")),
            "list",
            lazy("patterns", "find_all"),
            cost=50,
            example='return regex.find_all("a1 b22", "[0-9]+") --> ["1", "22"]',
        ),
        HostFunction(
            "regex.replace",
            "The text with every match replaced.",
            (
                _TEXT,
                _PATTERN,
                Param("replacement", "string", "``$1`` to ``$9`` and ``${name}`` are groups, ``$0`` all, ``$$`` a $."),
                _limit("Most matches to replace."),
            ),
            "string",
            lazy("patterns", "replace"),
            cost=50,
            example='return regex.replace("2026-11-23", "(\\\\d+)-(\\\\d+)-(\\\\d+)", "$3.$2.$1") --> "23.11.2026"',
        ),
        HostFunction(
            "regex.split",
            "The parts of the text between the matches; an empty match does not split.",
            (_TEXT, _PATTERN, _limit("Most parts; the last one holds the rest.")),
            "list",
            lazy("patterns", "split"),
            cost=50,
            example='return regex.split("a, b;c", "[,;] *") --> ["a", "b", "c"]',
        ),
    ),
)
