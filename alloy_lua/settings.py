"""The one table of settings, and how they are read: flags win over the environment, it over a file, that over defaults.

A setting called ``keep_runs_days`` is the key ``keep_runs_days`` of a TOML file, the variable ``ALLOY_KEEP_RUNS_DAYS``
and the flag ``--keep-runs-days``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .errors import ConfigError

PREFIX = "ALLOY_"
FILE_VARIABLE = "ALLOY_CONFIG"
HIDDEN = "***"
_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")


class Setting(NamedTuple):
    """One setting.

    Attributes:
        name: Its name in files, in snake case.
        kind: ``text``, ``choice``, ``whole number``, ``number`` or ``yes or no``.
        default: Its value if nothing sets it; None for "not set".
        help: What it decides, in one sentence.
        choices: What a ``choice`` may be.
        least: The smallest number allowed.
        most: The largest number allowed.
        secret: Whether it is never shown.
    """

    name: str
    kind: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = 2**31 - 1
    secret: bool = False

    @property
    def variable(self) -> str:
        """The environment variable: ``ALLOY_POLL_SECONDS``."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """The command line's option: ``--poll-seconds``."""
        return "--" + self.name.replace("_", "-")

    def wanted(self) -> str:
        """Returns what its values look like, for messages and the reference."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind in ("whole number", "number"):
            return f"a {self.kind} from {self.least:g} to {self.most:.15g}"
        return {"text": "a text", "yes or no": "true or false"}[self.kind]

    def value(self, given: Any, source: str) -> Any:
        """Returns ``given``, from a file or as text, as the setting's value.

        Raises:
            ConfigError: It is none; the setting and the source are named, the value of a secret is not.
        """
        found: Any = _READERS[self.kind](given)
        wrong = found is None or (self.kind == "choice" and found not in self.choices)
        if wrong or (self.kind in ("whole number", "number") and not self.least <= found <= self.most):
            shown = HIDDEN if self.secret else repr(given)
            raise ConfigError(f"{source}: {self.name}: got {shown}, wanted {self.wanted()}")
        return found


def _text(given: Any) -> str | None:
    return given if isinstance(given, str) else None


def _whole(given: Any) -> int | None:
    if isinstance(given, str):
        text = given.strip().replace("_", "")
        return int(text) if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 20 else None
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def _number(given: Any) -> float | None:
    if isinstance(given, str):
        try:
            return float(given)
        except ValueError:
            return None
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None


def _boolean(given: Any) -> bool | None:
    if isinstance(given, str):
        text = given.strip().lower()
        return True if text in _YES else False if text in _NO else None
    return given if isinstance(given, bool) else None


_READERS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "choice": _text,
    "whole number": _whole,
    "number": _number,
    "yes or no": _boolean,
}

SETTINGS: tuple[Setting, ...] = (
    Setting("database", "text", "sqlite:///alloy.db", "Where scripts, runs and everything else are kept.", secret=True),
    Setting("poll_seconds", "number", 1.0, "How often to look for what other processes changed.", (), 0.01, 86_400),
    Setting("recording", "choice", "auto", "Which uneventful runs are kept.", ("full", "auto", "off")),
    Setting("recording_per_second", "whole number", 250, "Runs a second that `auto` keeps.", least=1),
    Setting("keep_runs_days", "number", None, "Runs older than this are removed; not set keeps all.", (), 0, 365_000),
    Setting("keep_runs", "whole number", 1_000_000, "How many runs are kept."),
    Setting("breaker_failures", "whole number", 20, "Failures that hold a script back; 0: never.", (), 0, 100_000),
    Setting("breaker_window_seconds", "number", 60.0, "In how much time they count.", (), 0, 31_536_000),
    Setting("breaker_cooldown_seconds", "number", 30.0, "How long before one trial run.", (), 0, 31_536_000),
    Setting("secrets_key", "text", None, "Fernet keys that seal secrets, comma between; the first seals.", secret=True),
    Setting("http_seconds", "number", 10.0, "Most seconds for one request with its retries.", (), 0.05, 600),
    Setting("http_response_bytes", "whole number", 1_048_576, "Most bytes of a response's body.", (), 1, 4_000_000),
    Setting("http_requests", "whole number", 20, "Most requests of one run, redirects and retries too.", (), 1, 10_000),
    Setting("kv_keys", "whole number", 10_000, "Keys that a tenant may keep."),
    Setting("kv_bytes", "whole number", 10_485_760, "Bytes of keys and values it may keep.", most=2**53),
    Setting("safe_mode", "yes or no", False, "Start with all scripts bypassed, in this process only."),
    Setting("tracing", "yes or no", False, "Make OpenTelemetry spans of fires, runs and outgoing requests."),
    Setting("host", "text", "127.0.0.1", "The address that the HTTP service listens on."),
    Setting("port", "whole number", 8787, "The port that it listens on; 0 for any free one.", most=65_535),
    Setting("max_body_bytes", "whole number", 2_097_152, "Most bytes of a request's body.", least=1_000),
    Setting("max_batch_bytes", "whole number", 33_554_432, "Most bytes of the body of a batch.", least=1_000),
    Setting("max_batch_records", "whole number", 10_000, "Most records of a batch.", (), 1, 10_000),
    Setting("body_seconds", "number", 15.0, "How long a client may take to send a body.", (), 0.1, 3_600),
    Setting("idle_seconds", "number", 60.0, "How long a connection may be open without a request.", (), 0.1, 3_600),
    Setting("script_workers", "whole number", None, "Threads that run scripts; not set: one a core.", (), 1, 1_000),
    Setting("store_workers", "whole number", 4, "Threads that read and write the store.", (), 1, 1_000),
    Setting("max_waiting", "whole number", 1_000, "Calls that may wait for a thread.", (), 1, 1_000_000),
    Setting("drain_seconds", "number", 20.0, "How long a shutdown waits for calls under way.", (), 0.1, 3_600),
    Setting("requests_per_second", "whole number", 20_000, "Calls that one token may make in a second.", least=1),
    Setting("max_streams", "whole number", 100, "Live tails open at the same time."),
    Setting("job_slots", "whole number", 0, "Background jobs that `serve` runs at once; 0: it runs none.", most=256),
    Setting("schedules", "yes or no", False, "Have `serve` start scheduled scripts when they are due."),
    Setting("log_format", "choice", "text", "How log lines look.", ("text", "json")),
    Setting("log_level", "choice", "warning", "The least level that is logged.", ("debug", "info", "warning", "error")),
)  # fmt: skip
BY_NAME = {setting.name: setting for setting in SETTINGS}


class Settings(Mapping[str, Any]):
    """All settings with their values; what was not set has its default. ``sources`` says where each came from."""

    def __init__(self, values: Mapping[str, Any] | None = None, sources: Mapping[str, str] | None = None) -> None:
        given = dict(values or {})
        for name in given:
            _known(name, "settings")
        self._values = {s.name: given.get(s.name, s.default) for s in SETTINGS}
        self.sources = {s.name: (sources or {}).get(s.name, "default") for s in SETTINGS}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Settings({self.shown()})"

    def shown(self) -> dict[str, Any]:
        """Returns the values as they may be shown: those that are secret are hidden."""
        return {
            name: HIDDEN if BY_NAME[name].secret and value is not None else value
            for name, value in self._values.items()
        }


def load(
    path: str | Path | None = None, *, environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:  # fmt: skip
    """Returns the settings from a file, the environment and flags.

    Args:
        path: A TOML file; None for the one that ``ALLOY_CONFIG`` names, if any.
        environ: The environment, None for the process's own.
        flags: Values by name, as a command line gave them; None counts as not given.

    Raises:
        ConfigError: The file can't be read, a name is unknown, or a value wrong.
    """
    around = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}

    def take(name: str, given: Any, source: str) -> None:
        values[name] = _known(name, source).value(given, source)
        sources[name] = source

    chosen = path if path is not None else around.get(FILE_VARIABLE) or None
    for name, given in _file(chosen).items() if chosen is not None else ():
        take(name, given, str(chosen))
    for setting in SETTINGS:
        if setting.variable in around:
            take(setting.name, around[setting.variable], f"${setting.variable}")
    for name, given in (flags or {}).items():
        if given is not None:
            take(name, given, f"--{name.replace('_', '-')}")
    return Settings(values, sources)


def add_flags(parser: Any, names: Iterable[str] = tuple(BY_NAME)) -> None:
    """Adds the flags of the named settings to an argparse parser; `load` reads their texts."""
    for name in names:
        setting = BY_NAME[name]
        options: dict[str, Any] = {"dest": name, "help": setting.help.replace("%", "%%"), "default": None}
        if setting.kind == "yes or no":
            options |= {"action": "store_const", "const": True}
        else:
            options["metavar"] = setting.kind.upper().replace(" ", "-")
        parser.add_argument(setting.flag, **options)


def _file(path: str | Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"settings file {path}: {error.strerror or error}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise ConfigError(f"settings file {path}: not TOML: {error}") from None


def _known(name: str, source: str) -> Setting:
    setting = BY_NAME.get(name)
    if setting is None:
        import difflib

        near = difflib.get_close_matches(name, BY_NAME, 1)
        raise ConfigError(f"{source}: unknown setting {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
    return setting
