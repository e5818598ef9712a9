"""Host module ``str``: declarations; the work is in ``lua/str.lua``, beyond ASCII in `unicode_text`."""

from __future__ import annotations

from pathlib import Path

from ...hostapi import HostFunction, HostModule, Param
from .lazy import lazy

_S = Param("s", "string", "The text.")


def _text(name: str, doc: str, optional: bool = False) -> Param:
    return Param(name, "string", doc, optional)


def _number(name: str, doc: str, optional: bool = False) -> Param:
    return Param(name, "integer", doc, optional)


def _function(name: str, doc: str, returns: str, example: str, *params: Param) -> HostFunction:
    return HostFunction(f"str.{name}", doc, (_S, *params), returns, cost=5, example=f"return str.{example}")


_TRIMMING = (
    _function("trim", "The text without blanks at its ends.", "string", 'trim("  a b ") --> "a b"'),
    _function("ltrim", "The text without blanks at its start.", "string", 'ltrim("  a ") --> "a "'),
    _function("rtrim", "The text without blanks at its end.", "string", 'rtrim(" a  ") --> " a"'),
    HostFunction(
        "str.is_blank",
        "Whether the text is nil, empty or only blanks.",
        (_text("s", "The text, or nil.", True),),
        "boolean",
        cost=5,
        example='return str.is_blank(" ") --> true',
    ),
)
_CASE = (
    _function("lower", "The text in lower case.", "string", 'lower("ÄB") --> "äb"'),
    _function("upper", "The text in upper case.", "string", 'upper("straße") --> "STRASSE"'),
    _function(
        "title",
        "The text with each word's first letter in upper case and the rest in lower case.",
        "string",
        'title("the o\'neill FILES") --> "The O\'neill Files"',
    ),
    _function(
        "slug",
        "The text as lower-case words of letters a-z and digits with hyphens between; accents are dropped.",
        "string",
        'slug("Crème brûlée, 2 €!") --> "creme-brulee-2"',
    ),
)
_PARTS = (
    _function(
        "split",
        "The parts of the text between the separators.",
        "list",
        'split("a,b,,c", ",") --> ["a", "b", "", "c"]',
        _text("sep", "The separator, as plain text."),
        _number("limit", "Most parts; the last one holds the rest.", True),
    ),
    HostFunction(
        "str.join",
        "The items of the list as one text.",
        (Param("list", "list", "Strings and numbers."), _text("sep", "What stands between two items.", True)),
        "string",
        cost=5,
        example='return str.join({"a", "b", 3}, "-") --> "a-b-3"',
    ),
    _function(
        "lines",
        "The lines of the text without their ends; an end after the last line adds no empty line.",
        "list",
        'lines("a\\n\\nb\\n") --> ["a", "", "b"]',
    ),
    _function("words", "The parts of the text between blanks.", "list", 'words(" to  be ") --> ["to", "be"]'),
)
_SEARCH = (
    _function(
        "starts_with",
        "Whether the text starts with the prefix.",
        "boolean",
        'starts_with("order-7", "order-") --> true',
        _text("prefix", "Plain text."),
    ),
    _function(
        "ends_with",
        "Whether the text ends with the suffix.",
        "boolean",
        'ends_with("a.pdf", ".pdf") --> true',
        _text("suffix", "Plain text."),
    ),
    _function(
        "contains",
        "Whether the part occurs in the text.",
        "boolean",
        'contains("a.b", ".") --> true',
        _text("part", "Plain text."),
    ),
    _function(
        "index_of",
        "The position of the part's first character, counted in code points from 1; nil if it does not occur.",
        "number | nil",
        'index_of("größe", "ß") --> 4',
        _text("part", "Plain text, not empty."),
        _number("from", "The position to start at; 1 if left out.", True),
    ),
    _function(
        "count",
        "How often the part occurs in the text, without overlaps.",
        "number",
        'count("banana", "an") --> 2',
        _text("part", "Plain text, not empty."),
    ),
    _function(
        "replace",
        "The text with each occurrence of one part replaced by another.",
        "string",
        'replace("1.5 + 2.5", ".", ",") --> "1,5 + 2,5"',
        _text("from", "The plain text to replace, not empty."),
        _text("to", "What to put there, as plain text."),
        _number("count", "Most occurrences to replace.", True),
    ),
)
_POSITIONS = (
    _function("length", "The number of code points in the text.", "number", 'length("größe") --> 5'),
    _function(
        "sub",
        "The code points from i to j; negative positions count from the end.",
        "string",
        'sub("größe", 3, -2) --> "öß"',
        _number("i", "The first position."),
        _number("j", "The last position; -1 if left out.", True),
    ),
    _function("reverse", "The code points of the text in reverse order.", "string", 'reverse("aß") --> "ßa"'),
    _function(
        "truncate",
        "The text cut to at most n code points, the ellipsis included.",
        "string",
        'truncate("a long title", 7) --> "a long…"',
        _number("n", "Most code points."),
        _text("ellipsis", "What ends a cut text; … if left out.", True),
    ),
    _function(
        "pad_left",
        "The text filled up at its start to a width in code points.",
        "string",
        'pad_left(7, 3, "0") --> "007"',
        _number("width", "The least length."),
        _text("fill", "One character; a space if left out.", True),
    ),
    _function(
        "pad_right",
        "The text filled up at its end to a width in code points.",
        "string",
        'pad_right("ab", 4, ".") --> "ab.."',
        _number("width", "The least length."),
        _text("fill", "One character; a space if left out.", True),
    ),
)


def _unicode(name: str, doc: str, example: str) -> HostFunction:
    call = lazy("unicode_text", name)
    return HostFunction(f"str.unicode_{name}", doc, (_S,), "string", call, example=f"return str.{example}")


_UNICODE = (
    _unicode("lower", "The text in lower case, by Python's Unicode tables.", 'unicode_lower("ÄB") --> "äb"'),
    _unicode("upper", "The text in upper case, by Python's Unicode tables.", 'unicode_upper("äß") --> "ÄSS"'),
    _unicode("title", "The text in title case, by Python's Unicode tables.", 'unicode_title("éa b") --> "Éa B"'),
    _unicode(
        "slug",
        "The lower-case text without accents; what is left beyond ASCII becomes a space.",
        'unicode_slug("Žižek") --> "zizek"',
    ),
)

MODULE = HostModule(
    "str",
    "Text, counted in Unicode code points. Searches are for plain text, never for patterns. ASCII text is handled "
    "without leaving Lua; lower, upper, title and slug of other text are host calls. Numbers are taken as text.",
    (*_TRIMMING, *_CASE, *_PARTS, *_SEARCH, *_POSITIONS, *_UNICODE),
    lua=(Path(__file__).parent.parent / "lua" / "str.lua").read_text("utf-8"),
)
