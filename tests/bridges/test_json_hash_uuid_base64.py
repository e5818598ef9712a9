"""The host modules ``json``, ``hash``, ``uuid`` and ``base64``."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua.errors import InvalidValue

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(value=VALUES, pretty=st.booleans())
def test_decoding_undoes_encoding(call, value, pretty):
    assert call("json.decode", call("json.encode", value, {"pretty": pretty})) == value


def test_keys_are_sorted_unless_told_otherwise(call):
    assert call("json.encode", {"b": 1.0, "a": [None, True]}) == '{"a":[null,true],"b":1}'
    assert call("json.encode", {"b": 1, "a": 2}, {"sort": False}) == '{"b":1,"a":2}'
    assert call("json.encode", {"b": 1}, {"pretty": True}) == '{\n  "b": 1\n}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "got nan, wanted a finite number"),
        ([float("inf")], "got inf, wanted a finite number"),
        ({1: "a"}, "got 1, wanted text as every key"),
        (b"\xff", "wanted text in UTF-8"),
        (["x" * 2**20], "would have 1048580 bytes, wanted at most 1048576"),
    ],
)
def test_what_json_cannot_hold_is_refused(call, value, message):
    with pytest.raises(InvalidValue, match=message):
        call("json.encode", value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON at line 1, column 2"),
        ("NaN", "got 'NaN', wanted a finite number"),
        ("1e999", "got '1e999', wanted a number that fits 64 bits"),
        ("9007199254740993", r"wanted a whole number within 2\^53"),
        ("9" * 10_000, r"wanted a whole number within 2\^53"),
        ("[" * 33 + "]" * 33, "nested deeper than 32"),
        ("[" * 100_000, "nested deeper than 32"),
        (r'["\ud800"]', "lone surrogate"),
        (r'{"\udfff": 1}', "lone surrogate"),
        (" " * (2**20 + 1), "1048577 bytes, wanted at most 1048576"),
        (b"\xff", "wanted text in UTF-8"),
    ],
)
def test_bad_json_is_refused(call, text, message):
    with pytest.raises(InvalidValue, match=f"^json.decode: .*{message}"):
        call("json.decode", text)


def test_depth_is_limited_both_ways_at_the_same_level(call):
    text = "[" * 32 + "]" * 32
    value = call("json.decode", text)
    assert call("json.encode", value) == text
    with pytest.raises(InvalidValue, match="nested deeper than 32"):
        call("json.encode", [value])


def test_an_unknown_option_is_named(call):
    with pytest.raises(InvalidValue, match="got 'indent', wanted one of pretty, sort"):
        call("json.encode", 1, {"indent": 2})


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
    ],
)
def test_digests_of_abc_are_the_published_ones(call, name, digest):
    assert call(f"hash.{name}", "abc") == digest


def test_long_digests_of_abc_begin_as_published(call):
    assert call("hash.sha512", "abc").startswith("ddaf35a193617abacc417349ae204131")
    assert call("hash.blake2b", "abc").startswith("ba80a53f981c4d0d6a2797b69f12f6e9")


def test_hmac_is_that_of_rfc_4231(call):
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert call("hash.hmac", "sha256", "Jefe", "what do ya want for nothing?") == expected
    with pytest.raises(InvalidValue, match="got 'crc32', wanted one of sha256, sha512"):
        call("hash.hmac", "crc32", "k", "d")


def test_equal_compares_text_and_bytes(call):
    assert call("hash.equal", "é", "é") is True
    assert call("hash.equal", "é", "e") is False
    assert call("hash.equal", b"\xff", b"\xff") is True


def test_new_uuids_are_version_4_and_the_same_in_a_replay(call):
    first, second = call("uuid.new", serial=1), call("uuid.new", serial=2)
    assert uuid.UUID(first).version == 4
    assert uuid.UUID(first).variant == uuid.RFC_4122
    assert len({first, second, call("uuid.new", run_id="run-2")}) == 3
    assert call("uuid.new", serial=1) == first


def test_named_uuids_agree_with_python(call):
    assert call("uuid.v5", "url", "https://a.b") == str(uuid.uuid5(uuid.NAMESPACE_URL, "https://a.b"))
    assert call("uuid.v5", str(uuid.NAMESPACE_DNS), "x") == call("uuid.v5", "dns", "x")
    with pytest.raises(InvalidValue, match="got 'nope', wanted dns, url, oid, x500 or a UUID"):
        call("uuid.v5", "nope", "x")


@pytest.mark.parametrize(
    "text", ["", None, 5, "{cfbff0d1-9375-5685-968c-48ce8b15ae17}", "cfbff0d193755685968c48ce8b15ae17"]
)
def test_only_the_canonical_form_is_a_valid_uuid(call, text):
    assert call("uuid.valid", text) is False


@given(data=st.text(max_size=20) | st.binary(max_size=20))
def test_base64_decoding_undoes_encoding(call, data):
    raw = data.encode() if isinstance(data, str) else data
    for suffix in ("", "_url"):
        back = call(f"base64.decode{suffix}", call(f"base64.encode{suffix}", data))
        assert (back.encode() if isinstance(back, str) else back) == raw


@pytest.mark.parametrize("text", ["a", "aGk", "aG k=", "a_-=", "é"])
def test_bad_base64_is_refused(call, text):
    with pytest.raises(InvalidValue, match=r"base64.decode: got .* wanted base64 text"):
        call("base64.decode", text)


@pytest.mark.parametrize("text", ["a", "ab+/", "a b"])
def test_bad_base64url_is_refused(call, text):
    with pytest.raises(InvalidValue, match=r"base64.decode_url: got .* wanted base64url text"):
        call("base64.decode_url", text)


def test_encoded_json_is_what_other_readers_read(call):
    assert json.loads(call("json.encode", {"é": "\u2028", "n": 1e300})) == {"é": "\u2028", "n": 1e300}
