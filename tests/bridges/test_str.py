"""The host module ``str``: its Lua half in a real LuaJIT, against Python where Python has the same function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(alphabet="ab ,é€\n\t😀x", max_size=20)
ASCII = st.text(alphabet=st.characters(max_codepoint=127), max_size=20)
BLANKS = " \t\n\v\f\r"


@given(text=TEXT)
def test_trimming_agrees_with_python(guest, text):
    assert guest.str("trim", text) == text.strip(BLANKS)
    assert guest.str("ltrim", text) == text.lstrip(BLANKS)
    assert guest.str("rtrim", text) == text.rstrip(BLANKS)
    assert guest.str("is_blank", text) is (text.strip(BLANKS) == "")


@given(text=st.one_of(TEXT, ASCII, st.text(max_size=10)))
def test_case_agrees_with_python(guest, text):
    assert guest.str("lower", text) == text.lower()
    assert guest.str("upper", text) == text.upper()


@given(text=ASCII)
def test_title_and_slug_are_the_same_in_lua_and_in_python(guest, call, text):
    assert guest.str("title", text) == call("str.unicode_title", text)
    assert guest.str("slug", text) == guest.str("slug", text + "\u00a0")


@given(text=TEXT, sep=st.sampled_from([",", "é", "ab", " ", "€"]))
def test_split_agrees_with_python_and_join_undoes_it(guest, text, sep):
    parts = guest.str("split", text, sep)
    assert parts == text.split(sep)
    assert guest.str("join", parts, sep) == text


@given(text=TEXT, sep=st.sampled_from([",", "a"]), limit=st.integers(1, 4))
def test_split_with_a_limit_keeps_the_rest_in_the_last_part(guest, text, sep, limit):
    assert guest.str("split", text, sep, limit) == text.split(sep, limit - 1)


@given(text=TEXT, part=st.sampled_from(["a", "é", "ab", "😀", "zz"]))
def test_searches_agree_with_python(guest, text, part):
    assert guest.str("contains", text, part) is (part in text)
    assert guest.str("count", text, part) == text.count(part)
    assert guest.str("starts_with", text, part) is text.startswith(part)
    assert guest.str("ends_with", text, part) is text.endswith(part)
    assert guest.str("index_of", text, part) == (text.find(part) + 1 or None)
    assert guest.str("replace", text, part, "%1") == text.replace(part, "%1")
    assert guest.str("replace", text, part, "é", 1) == text.replace(part, "é", 1)


@given(text=TEXT, start=st.integers(1, 25))
def test_index_of_starts_at_a_code_point(guest, text, start):
    assert guest.str("index_of", text, "a", start) == (text.find("a", start - 1) + 1 or None)


@given(text=TEXT, i=st.integers(-25, 25), j=st.integers(-25, 25))
def test_sub_counts_code_points_as_lua_counts_bytes(guest, text, i, j):
    first = max(1, i if i >= 0 else len(text) + i + 1)
    last = j if j >= 0 else len(text) + j + 1
    assert guest.str("sub", text, i, j) == text[first - 1 : max(0, last)]


@given(text=TEXT)
def test_code_points_are_counted_and_reversed(guest, text):
    assert guest.str("length", text) == len(text)
    assert guest.str("reverse", text) == text[::-1]


@given(text=TEXT, n=st.integers(0, 25), ellipsis=st.sampled_from(["…", "...", ""]))
def test_truncate_never_exceeds_its_length(guest, text, n, ellipsis):
    cut = guest.str("truncate", text, n, ellipsis)
    assert len(cut) <= n
    assert cut == text or cut == text[: n - len(ellipsis)] + ellipsis or (n < len(ellipsis) and cut == text[:n])


@given(text=TEXT, width=st.integers(-2, 30), fill=st.sampled_from([" ", "0", "é"]))
def test_padding_agrees_with_python(guest, text, width, fill):
    assert guest.str("pad_left", text, width, fill) == text.rjust(width, fill)
    assert guest.str("pad_right", text, width, fill) == text.ljust(width, fill)


@given(text=st.text(alphabet="ab \r\n", max_size=20))
def test_lines_and_words_agree_with_python(guest, text):
    assert guest.str("lines", text) == text.splitlines()
    assert guest.str("words", text) == text.split()


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Straße nach Łódź", "strasse-nach-lodz"),
        ("a—b", "a-b"),
        ("  Hello,   World!  ", "hello-world"),
        ("日本 3", "3"),
        ("", ""),
    ],
)
def test_slugs_are_ascii_words_with_hyphens(guest, text, slug):
    assert guest.str("slug", text) == slug


def test_titles_leave_letters_after_digits_and_apostrophes_alone(guest):
    assert guest.str("title", "3rd o'neill's e-mail ÉTÉ") == "3rd O'neill's E-Mail Été"


def test_numbers_are_taken_as_text(guest):
    assert guest.str("trim", 1.5) == "1.5"
    assert guest.str("split", 1.5, ".") == ["1", "5"]
    assert guest.str("replace", 101, 0, 9) == "191"


def test_bytes_that_are_not_text_pass_through(guest):
    assert guest.run(r'return str.length("\255\254a") == 3 and str.reverse("\255a") == "a\255"') is True
    assert guest.run(r'return str.sub("\191\191a", 2) == "a"') is True


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("str.trim(nil)", r"bad argument #1 \(s\) to str.trim: got None, wanted string"),
        ("str.trim({})", r"\(s\) to str.trim"),
        ("str.split('a', '')", r"#2 \(sep\) to str.split: got '', wanted a string that is not empty"),
        ("str.split('a', ',', 0)", r"#3 \(limit\) to str.split: got 0, wanted an integer of at least 1"),
        ("str.join({'a', true}, ',')", r"#1 \(list\) to str.join: got True, wanted strings and numbers only"),
        ("str.join('a')", r"\(list\) to str.join"),
        ("str.replace('a', 'a')", r"#3 \(to\) to str.replace: got None, wanted string"),
        ("str.sub('a', 1.5)", r"#2 \(i\) to str.sub: got 1.5, wanted integer"),
        ("str.pad_left('a', 3, 'ab')", r"#3 \(fill\) to str.pad_left: got 'ab', wanted one character"),
        ("str.truncate('a', -1)", r"#2 \(n\) to str.truncate"),
        ("str.starts_with('a')", r"#2 \(prefix\) to str.starts_with"),
    ],
)
def test_a_bad_argument_names_function_position_and_parameter(guest, guest_error, source, message):
    with pytest.raises(guest_error, match=message):
        guest.run(f"return {source}")
