"""Settings: one table, read from a file, the environment and flags."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from alloy_lua.configure import open_alloy
from alloy_lua.errors import ConfigError
from alloy_lua.settings import BY_NAME, SETTINGS, Settings, add_flags, load


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "alloy.toml"
    path.write_text('poll_seconds = 3\nkeep_runs = 7\nrecording = "full"\n')
    environ = {"ALLOY_KEEP_RUNS": "8", "ALLOY_RECORDING": "off", "HOME": "/"}
    found = load(path, environ=environ, flags={"recording": "auto", "database": None})
    assert (found["poll_seconds"], found["keep_runs"], found["recording"], found["kv_keys"]) == (3.0, 8, "auto", 10_000)
    assert [found.sources[name] for name in ("poll_seconds", "keep_runs", "recording", "kv_keys")] == [
        str(path), "$ALLOY_KEEP_RUNS", "--recording", "default",
    ]  # fmt: skip
    assert load(environ={"ALLOY_CONFIG": str(path)})["keep_runs"] == 7


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("safe_mode", "yes", True), ("safe_mode", "OFF", False), ("kv_keys", "1_000", 1000), ("kv_keys", " 5 ", 5), ("poll_seconds", "0.5", 0.5),
        ("log_format", "json", "json"), ("database", "memory://", "memory://"),
    ],
)  # fmt: skip
def test_texts_are_read_as_the_kind_says(name: str, text: str, value: Any) -> None:
    found = load(environ={BY_NAME[name].variable: text})[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text"),
    [("safe_mode", "maybe"), ("kv_keys", "1.5"), ("kv_keys", "-1"), ("kv_keys", "٣"), ("poll_seconds", "0"), ("poll_seconds", "nan"), ("poll_seconds", "x"), ("log_format", "xml"), ("kv_keys", "9" * 30)],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_source(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={BY_NAME[name].variable: text})
    for part in (BY_NAME[name].variable, name, repr(text), "wanted"):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("poll_second = 1", "unknown setting 'poll_second'; did you mean poll_seconds?"), ("= 1", "not TOML"), ("kv_keys = '5x'", "wanted a whole number"),
        ("safe_mode = 1", "wanted true or false"), ("kv_keys = true", "wanted a whole number"), ("[http]\nseconds = 1", "unknown setting 'http'"), ("database = 7", "wanted a text"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "alloy.toml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(path, environ={})
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml", environ={})
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not TOML"):
        load(tmp_path / "b.toml", environ={})


def test_what_is_secret_is_never_shown() -> None:
    found = load(environ={"ALLOY_SECRETS_KEY": "sesame", "ALLOY_DATABASE": "mysql://u:sesame@h/d"})
    assert "sesame" not in repr(found)
    assert found["secrets_key"] == "sesame"
    with pytest.raises(ConfigError) as caught:
        load(environ={}, flags={"secrets_key": 7})
    assert "7" not in caught.value.message.replace("--secrets-key", "")


def test_every_setting_has_a_flag_that_reads_as_its_default(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser)
    words: list[str] = []
    for setting in SETTINGS:
        if setting.kind == "yes or no":
            words.append(setting.flag)
        elif setting.default is not None:
            words += [setting.flag, str(setting.default)]
    given = load(environ={}, flags=vars(parser.parse_args(words)))
    expected = {s.name: True if s.kind == "yes or no" else s.default for s in SETTINGS}
    assert dict(given) == expected
    assert vars(parser.parse_args([])) == dict.fromkeys(BY_NAME)
    parser.format_help()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean kv_keys"):
        Settings({"kv_key": 1})


def test_an_alloy_is_opened_as_the_settings_say(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'alloy.db'}"
    flags = {
        "database": url,
        "recording": "full",
        "breaker_failures": 3,
        "safe_mode": True,
        "kv_keys": 1,
        "log_format": "json",
    }
    try:
        with open_alloy(load(environ={}, flags=flags)) as alloy:
            assert alloy._recorder.recording.mode == "full"
            assert [one.reason for one in alloy.safe_mode.list()] == ["started with --safe-mode"]
            alloy.scripts.create("s", "entity.x = 1", on="order.before_create", status="active")
            assert alloy.fire("order.before_create", {}).changes == {}
            outcome = alloy.evaluate("kv.set('a', 1) kv.set('b', 1)", capabilities=["kv"])
            assert outcome.error.code == "quota_exceeded"
    finally:
        logger = logging.getLogger("alloy_lua")
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def test_the_table_is_well_formed() -> None:
    assert len(BY_NAME) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.help.endswith("."), setting.name
        assert setting.default is None or setting.value(setting.default, "default") == setting.default
        json.dumps(setting.default)
