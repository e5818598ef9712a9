"""Writes the reference pages that the code knows best: host functions, limits, errors, settings.

``python docs/generate.py`` writes them; ``--check`` only says which are stale, and exits 1 if any is.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from alloy_lua import Alloy, errors
from alloy_lua.engine.diagnostics import _LIMIT_MESSAGES
from alloy_lua.events import Phase
from alloy_lua.hostapi import EVERY_PHASE, HostFunction, HostModule, Param
from alloy_lua.limits import PROFILES, Limits
from alloy_lua.settings import FILE_VARIABLE, SETTINGS, Setting

DOCS = Path(__file__).parent
PACKAGE = Path(errors.__file__).parent
GENERATED = "<!-- Written by docs/generate.py: change that file or the code it reads, not this page. -->"

# -- limits.md ---------------------------------------------------------------------------------------------------
# Field of Limits: (unit, why it is there, what the author sees).
LIMITS = {
    "fuel": (
        "units",
        "Bounds the work of a run, whatever the speed of the machine: a run that fits once always fits.",
        "`fuel_exhausted`",
    ),
    "deadline_ms": (
        "ms",
        "Bounds the wall-clock time, which fuel cannot: time spent in host functions counts, too.",
        "`deadline_exceeded`",
    ),
    "memory_bytes": (
        "bytes",
        "Keeps one script from taking all of the process's memory. Garbage does not count; the allocator itself "
        "refuses what goes beyond 110 % of the limit.",
        "`memory_exceeded`",
    ),
    "input_bytes": (
        "bytes",
        "Bounds the time spent on copying the entity, `before`, `params` and `ctx` in. Only what the script "
        "mentions counts.",
        "`invalid_value` before the script starts",
    ),
    "output_bytes": (
        "bytes",
        "Bounds what a script can make the platform hold: changes, value, rejection details.",
        "`output_exceeded`",
    ),
    "log_lines": ("lines", "Keeps a loop from filling the run records.", "further lines are not kept"),
    "log_bytes": ("bytes", "The same, for long lines.", "further lines are not kept"),
    "host_calls": (
        "calls",
        "Bounds the load that one run puts on databases and services. Functions written in Lua do not count.",
        "`host_calls_exceeded`",
    ),
    "value_depth": ("levels", "Keeps deep values from exhausting the code that reads them.", "`invalid_value`"),
}

# (what, where the number is: module or Lua file, name, factor), unit, what happens beyond it.
FIXED = (
    ("Source of a script, to compile", "engine.program:MAX_SOURCE_BYTES", "bytes", "`compile_error`"),
    ("Operations in one expression", "engine.runtime:LONGEST_PATH", "operations", "`compile_error`"),
    (
        "Nesting of `pcall` and `xpcall`",
        "control.lua:MAX_PROTECTED",
        "levels",
        "an error that `pcall` can catch",
    ),
    ("Nesting of coroutines", "control.lua:MAX_COROUTINES", "levels", "an error that `pcall` can catch"),
    ("Captures of a Lua pattern", "matcher.lua:MAX_CAPTURES", "captures", "`runtime_error`"),
    ("Steps of a Lua pattern in C", "patterns.lua:MAX_STEPS", "steps", "nothing: a metered matcher takes over"),
    (
        "Nesting of `gsub` with a function or table, in C",
        "strings.lua:MAX_NESTED_GSUB",
        "levels",
        "nothing: a loop takes over",
    ),
    ("Length of a Lua pattern", "strings.lua:MAX_PATTERN", "bytes", "`runtime_error`"),
    ("Text that `tonumber` reads", "sandbox.lua:LONGEST_NUMBER", "bytes", "nil, as for any text that is not a number"),
    (
        "Number given as text to another library function",
        "control.lua:LONGEST_NUMBER_TEXT",
        "bytes",
        "`runtime_error`, as for any text that is not a number",
    ),
    ("Format of `string.format`", "strings.lua:MAX_FORMAT", "bytes", "`runtime_error`"),
    ("Directives in a format of `string.format`", "strings.lua:MAX_DIRECTIVES", "directives", "`runtime_error`"),
    ("Result of `string.rep`", "strings.lua:LARGEST", "bytes", "`runtime_error`"),
    ("Number of arguments of a host function", "host.lua:MAX_ARGUMENTS", "arguments", "`invalid_value`"),
    ("Size of all arguments of a host function", "host.lua:ARGUMENT_BYTES", "bytes", "`invalid_value`"),
    ("Values in all arguments of a host function", "host.lua:ARGUMENT_VALUES", "values", "`invalid_value`"),
    ("Nesting of a host function's arguments", "host.lua:VALUE_DEPTH", "levels", "`invalid_value`"),
    ("Size of the result of a host function", "engine.hosttable:MAX_RESULT_BYTES", "bytes", "`invalid_value`"),
    ("Whole numbers that cross between Python and Lua", "values:EXACT", "(2^53)", "`invalid_value`; pass them as text"),
    (
        "Digits of a Decimal that crosses between Python and Lua",
        "values:DECIMAL_DIGITS",
        "significant digits",
        "`invalid_value`; pass it as text",
    ),
    ("Nesting of fires", "runner.context:MAX_DEPTH", "levels", "`recursion_limit`"),
    ("Pattern of `regex`", "bridges.hosts.patterns:MAX_PATTERN", "characters", "`invalid_value`"),
    ("Text of `json`", "bridges.hosts.json_module:MAX_BYTES", "bytes", "`invalid_value`"),
    ("Nesting of `json`", "bridges.hosts.json_module:MAX_DEPTH", "levels", "`invalid_value`"),
    ("Values in a text or table of `json`", "bridges.hosts.json_module:MAX_VALUES", "values", "`invalid_value`"),
    ("Escapes in a text of `json`", "bridges.hosts.json_module:MAX_ESCAPES", "escapes", "`invalid_value`"),
    ("Matches of one call of `regex`", "bridges.hosts.patterns:MAX_MATCHES", "matches", "`invalid_value`"),
    ("Amounts of one call of `money.sum`", "bridges.hosts.decimals:MAX_AMOUNTS", "amounts", "`invalid_value`"),
    ("Shares of `money.allocate`", "bridges.hosts.decimals:MAX_SHARES", "shares", "`invalid_value`"),
    (
        "Non-ASCII text for `str.lower`, `str.upper`",
        "bridges.hosts.unicode_text:MAX_CASED",
        "characters",
        "`invalid_value`",
    ),
    ("Non-ASCII text for `str.title`", "bridges.hosts.unicode_text:MAX_TITLE", "characters", "`invalid_value`"),
    ("Non-ASCII text for `str.slug`", "bridges.hosts.unicode_text:MAX_SLUG", "characters", "`invalid_value`"),
    ("Size of all calls that a dry run reports", "engine.hosttable:MAX_EFFECT_BYTES", "bytes", "`invalid_value`"),
    ("Digits of an amount of `money`", "bridges.hosts.decimals:MAX_DIGITS", "digits", "`invalid_value`"),
    ("Key of `kv`", "stores.rows:MAX_KEY", "characters", "`invalid_value`"),
    ("Value of `kv`", "bridges.hosts.kv_module:MAX_VALUE_BYTES", "bytes as JSON", "`invalid_value`"),
    ("Redirects of a request", "bridges.hosts.http_client:MAX_REDIRECTS", "redirects", "`http_error`"),
    ("Text of a secret", "secrets:LONGEST", "characters", "`validation_error`"),
    ("Triggers of a script", "script_settings:MAX_TRIGGERS", "triggers", "`validation_error`"),
    ("Description of a script, message of a revision", "script_settings:MAX_TEXT", "characters", "`validation_error`"),
    ("Name of an event", "events:MAX_NAME", "characters", "`validation_error`"),
    (
        "Runs waiting to be recorded",
        "runner.recorder:MAX_PENDING",
        "runs",
        "dropped and counted; in mode `full` the fire waits until there is room",
    ),
)

LIMITS_PAGE = """\
# Limits

{generated}

Every run has a budget. A script names a profile (`limits="strict"`); `Alloy.evaluate` also takes a `Limits` object.
`external` is `default` with the time to wait for other services ([egress.md](egress.md)). What `fuel`, deadline and
memory are made of is explained in [sandbox.md](sandbox.md).

A run that goes beyond a limit is over: its outcome is `failed` with the code below, none of its changes are kept, and
no `pcall` in the script can catch it. The two exceptions are log lines, which are cut, and values that are too deep
or too large to cross, which fail where they cross.

## Profiles

{profiles}

One unit of fuel is a turn of a loop, a call of one of the script's own functions, or 256 bytes that a library function
handles; long stretches of code without any of these are charged by their operations. A function that calls nothing is
free, with two exceptions: the script might install it as a metamethod, or the function does arithmetic and the script
uses `..` somewhere. The same run uses the same fuel every time. A call of a host function costs what
[host-functions.md](host-functions.md) says. `ctx.budget()` tells a script how much fuel and time are left.

A fire inside a fire (a host function that saves another record, say) shares the fuel and the deadline of the
outermost one.

## Why each is there

{reasons}

## Fixed limits

These are the same for every profile.

{fixed}

The depth of calls is bounded by LuaJIT's own stack: a function that calls itself without end fails with
`stack_overflow`. LuaJIT's compiler has limits of its own: 200 local variables in a function, 60 upvalues, 200 levels
of nested blocks; beyond them a script does not compile.
"""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def number_of(place: str) -> int:
    """Returns the constant at ``module:NAME``, or at ``file.lua:NAME`` among the engine's Lua files.

    Raises:
        LookupError: There is no such constant.
    """
    where, _, name = place.partition(":")
    if not where.endswith(".lua"):
        return int(getattr(import_module(f"alloy_lua.{where}"), name))
    text = (PACKAGE / "engine" / "lua" / where).read_text("utf-8")
    found = re.search(rf"^local {name} = ([0-9e]+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"{place}: no such constant")
    return int(float(found.group(1)))


def _shown(number: int) -> str:
    return f"{number:,}"


def limits_page() -> str:
    """Returns the text of limits.md."""
    names = [field.name for field in fields(Limits)]
    profiles = _table(
        ["limit", "unit", *PROFILES],
        ([f"`{name}`", LIMITS[name][0], *(_shown(getattr(p, name)) for p in PROFILES.values())] for name in names),
    )
    reasons = _table(["limit", "reason", "beyond it"], ([f"`{name}`", *LIMITS[name][1:]] for name in names))
    fixed = _table(
        ["what", "at most", "beyond it"],
        ([what, f"{_shown(number_of(place))} {unit}", result] for what, place, unit, result in FIXED),
    )
    return LIMITS_PAGE.format(generated=GENERATED, profiles=profiles, reasons=reasons, fixed=fixed)


# -- errors.md ---------------------------------------------------------------------------------------------------
# Code: (what it means, what to do).
CODES = {
    "config_error": ("A URL or a setting is wrong, or its extra is not installed.", "The message names it."),
    "closed": ("The `Alloy` was used after `close()`.", "Close it later, or use another one."),
    "not_found": ("The tenant has no such script, revision or run.", "Check the name and the tenant."),
    "conflict": (
        "Somebody else wrote the script first, or the name is taken.",
        "Read again, merge, write again; see `details`.",
    ),
    "validation_error": (
        "An argument of a Python call has the wrong type, name or shape.",
        "The message says what was wanted.",
    ),
    "unauthenticated": (
        "The API token is missing, wrong, expired or revoked.",
        "Ask an admin for one; see [access.md](access.md).",
    ),
    "permission_denied": (
        "The actor's role or scopes do not allow the call, or the actor reviews a text of their own.",
        "`details` say which permission and role are needed.",
    ),
    "rate_limited": ("Too many wrong tokens came from one address.", "Wait for `details.retry_after` seconds."),
    "review_required": (
        "The tenant requires that somebody other than the author approves a script before it runs.",
        "Have somebody else review it; see [access.md](access.md).",
    ),
    "backtest_required": (
        "The script requires a back-test that stays within its thresholds before it takes a new revision.",
        "Run one, or look at `details.problems`; see [backtest.md](backtest.md).",
    ),
    "rolled_back": (
        "In a script's health: its rollout exceeded a threshold and ended by itself.",
        "The message says which; see [backtest.md](backtest.md).",
    ),
    "diverged": (
        "A replayed run asked for a host call that is not on its tape.",
        "See what it asked for; see [backtest.md](backtest.md).",
    ),
    "idempotency_mismatch": ("The idempotency key was used for another request.", "Make a new key for each request."),
    "in_progress": (
        "The first request with that idempotency key is still under way.",
        "Wait for `details.retry_after` seconds and send it again.",
    ),
    "store_error": ("The database failed or cannot be reached.", "See [stores.md](stores.md)."),
    "compile_error": ("The source is not valid Lua, is too long, or cannot be metered.", "See `line` and `column`."),
    "runtime_error": ("The script failed: an operation on a wrong value, or `error`.", "See `line` and `traceback`."),
    "invalid_value": (
        "A value cannot cross between Python and Lua, a field may not be written, or a host function got a wrong "
        "argument.",
        "The message names it.",
    ),
    "host_error": (
        "A host function failed; an exception other than `HostError` is logged, not shown to the script.",
        "Look at the log of `alloy_lua.host`.",
    ),
    "capability_denied": (
        "The script called a function that its phase or its grants do not allow.",
        "Grant it, or move the call to another hook.",
    ),
    "fuel_exhausted": ("The run, or the cascade it belongs to, used up its fuel.", "See [limits.md](limits.md)."),
    "deadline_exceeded": ("The run, or the cascade it belongs to, took too long.", "See [limits.md](limits.md)."),
    "memory_exceeded": ("The run held too much memory.", "See [limits.md](limits.md)."),
    "output_exceeded": ("Changes, value or details are too large.", "See [limits.md](limits.md)."),
    "host_calls_exceeded": ("The run made too many host calls.", "Ask for many records in one call."),
    "stack_overflow": ("The script's calls nest too deeply.", "Look for a function that calls itself without end."),
    "worker_lost": (
        "The worker process that ran the script died, or none could be started.",
        "See the log of `alloy_lua.engine`, and [sandbox.md](sandbox.md).",
    ),
    "recursion_limit": ("Fires nest too deeply, or a hook led back to the record it handles.", "Break the cycle."),
    "breaker_open": ("The script failed too often and is held back for a while.", "Repair it and activate it."),
    "cancelled": ("The run was cancelled while it was under way.", "See [observability.md](observability.md)."),
    "bypassed": (
        "Safe mode does not let the script run.",
        "The message says why; see [observability.md](observability.md).",
    ),
    "egress_denied": (
        "A request would go where the allow-list or the address does not permit.",
        "See [egress.md](egress.md).",
    ),
    "http_error": ("A request failed or timed out.", "The message says how; `pcall` can catch the error."),
    "quota_exceeded": (
        "A tenant's `kv` is full, or a run made too many requests.",
        "Raise the setting ([settings.md](settings.md)), or keep less.",
    ),
    "not_active": (
        "A job's script was switched off before the job's turn.",
        "Resume the script, then restart the job with `again`.",
    ),
    "internal_error": ("The command line met an exception that is not an AlloyError.", "Please report it."),
    "rejected": ("A script called `abort`; raised by `Outcome.raise_for_status` only.", "Show it to the user."),
}
# Codes that come as another class than the one they are the default of.
RAISED_AS = {
    "closed": "ConfigError",
    "diverged": "ScriptError",
    "rolled_back": "ScriptError",
    **dict.fromkeys(
        (
            "breaker_open",
            "not_active",
            "cancelled",
            "bypassed",
            "egress_denied",
            "http_error",
            "quota_exceeded",
        ),
        "ScriptError",
    ),
    **dict.fromkeys(("idempotency_mismatch", "in_progress"), "Conflict"),
    **dict.fromkeys(CODES.keys() & _LIMIT_MESSAGES.keys() | {"stack_overflow"}, "LimitExceeded"),
    "internal_error": "AlloyError",
}

ERRORS_PAGE = """\
# Errors

{generated}

Every failure that alloy-lua reports is an `AlloyError`. Its `code` is stable: decide by it, not by the message.

| attribute | is |
|---|---|
| `code` | one of the codes below |
| `message` | one sentence that names the thing, the value it got and the value it wanted |
| `details` | a dict of facts; for a failed hook `details["script"]` is the script's name |
| `line`, `column` | where in the script, counted from 1; None if there is no single place |
| `traceback` | the script's stack, innermost first: `"line 3 in function 'total'"` |
| `as_dict()` | all of this as plain data |

`fire`, `fire_many`, `run` and `evaluate` do not raise for what a script did: they return an outcome whose `error` is
the AlloyError, and `outcome.raise_for_status()` raises it. They do raise `ValidationError` for wrong arguments, and
`StoreError` if the store fails.

Errors from limits have no line, since a run may be stopped anywhere. An error in a function that was called by
`return f(…)` has none either, since Lua drops the caller's frame.

## Classes

{classes}

## Codes

{codes}
"""


def error_classes() -> list[type[errors.AlloyError]]:
    """Returns all classes of the exception tree, bases first, in the order of the code."""
    return [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, errors.AlloyError)]


def _class_of(code: str) -> str:
    return RAISED_AS.get(code) or next(kind.__name__ for kind in error_classes() if kind.default_code == code)


def errors_page() -> str:
    """Returns the text of errors.md."""
    classes = _table(
        ["class", "is a", "meaning"],
        (
            [f"`{kind.__name__}`", f"`{kind.__bases__[0].__name__}`", (kind.__doc__ or "").partition("\n")[0]]
            for kind in error_classes()
        ),
    )
    codes = _table(
        ["code", "class", "meaning", "what to do"],
        ([f"`{code}`", f"`{_class_of(code)}`", *texts] for code, texts in CODES.items()),
    )
    return ERRORS_PAGE.format(generated=GENERATED, classes=classes, codes=codes)


# -- host-functions.md -------------------------------------------------------------------------------------------
HOSTS_PAGE = """\
# Host functions

{generated}

What every script may call besides standard Lua. A platform can add functions of its own: see
[embedding.md](embedding.md).

- Most of them are pure helpers: they need no capability and may be called in every phase, unless the entry says
  otherwise.
- `secret`, `http` and `kv` are explained in [egress.md](egress.md).
- Cost is in fuel. A function written in Lua pays for its own steps, as a script does. One written in Python costs what
  its entry says and one unit for each 256 bytes in and out, and counts as a host call ([limits.md](limits.md)).
- `[, x]` is an argument that may be left out. Extra arguments and arguments of a wrong type raise an `invalid_value`
  error that names the function and the parameter.
- A string that a function takes as text must be UTF-8.
- Lists and tables in examples are written as JSON.

{index}

{modules}
"""


def _phases(function: HostFunction) -> str:
    if function.phases == EVERY_PHASE:
        return "every phase"
    return ", ".join(phase.value for phase in Phase if phase in function.phases)


def _parameter(param: Param) -> list[str]:
    return [f"`{param.name}`", param.type + (", optional" if param.optional else ""), param.doc]


def _function(function: HostFunction) -> str:
    parts = [f"### {function.name}", f"`{function.signature()}` → {function.returns}", function.doc]
    if function.params:
        parts.append(_table(["parameter", "type", "meaning"], map(_parameter, function.params)))
    cost = (
        f"Cost {function.cost}; written in Python" if function.call is not None else "Cost by its steps; written in Lua"
    )
    need = f"capability `{function.capability}`" if function.capability else "no capability"
    parts.append(f"{cost}; {need}; {_phases(function)}.")
    if function.example:
        parts.append(f"```lua\n{function.example}\n```")
    return "\n\n".join(parts)


def _module(module: HostModule) -> str:
    return "\n\n".join([f"## {module.name}", module.doc, *map(_function, module.functions)])


def _anchor(heading: str) -> str:
    return "#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def host_functions_page() -> str:
    """Returns the text of host-functions.md."""
    with Alloy() as alloy:
        modules = alloy.host_functions()
    index = _table(
        ["module", "functions"],
        ([f"[{m.name}](#{m.name})", " ".join(f"[{f.name}]({_anchor(f.name)})" for f in m.functions)] for m in modules),
    )
    return HOSTS_PAGE.format(generated=GENERATED, index=index, modules="\n\n".join(map(_module, modules)))


# -- settings.md -------------------------------------------------------------------------------------------------
SETTINGS_PAGE = """\
# Settings

{generated}

Settings describe an `Alloy` that is started from outside, by a command or by `alloy_lua.configure.open_alloy`. A
platform that makes its own `Alloy` passes arguments instead, and `settings=Settings({{…}})` for settings that have no
argument.

A flag takes precedence over the environment, the environment over a file, and a file over the default. The file is TOML
with the names as keys; `--config FILE` or the variable `{variable}` names it. An unknown name or a wrong value is an
error that names the setting and its source. `alloy-lua settings` shows what is in force and where it comes from;
secrets are hidden.

```toml
database = "postgresql://alloy@db.internal/alloy"
poll_seconds = 0.5
log_format = "json"
```

{table}
"""


def _setting(setting: Setting) -> list[str]:
    default = "not set" if setting.default is None else f"`{str(setting.default).lower()}`"
    names = f"`{setting.name}`<br>`{setting.variable}`<br>`{setting.flag}`"
    return [names, setting.help, setting.wanted() + ("; never shown" if setting.secret else ""), default]


def settings_page() -> str:
    """Returns the text of settings.md."""
    table = _table(["setting, variable, flag", "decides", "is", "default"], map(_setting, SETTINGS))
    return SETTINGS_PAGE.format(generated=GENERATED, table=table, variable=FILE_VARIABLE)


# -- writing -----------------------------------------------------------------------------------------------------
PAGES: dict[str, Callable[[], str]] = {
    "host-functions.md": host_functions_page,
    "limits.md": limits_page,
    "errors.md": errors_page,
    "settings.md": settings_page,
}


def stale() -> list[str]:
    """Returns the names of the pages that differ from what the code says now."""
    return [name for name, page in PAGES.items() if not _is_fresh(DOCS / name, page())]


def _is_fresh(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 1 if ``--check`` found stale pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    check = parser.parse_args(arguments).check
    names = stale()
    for name in names:
        if not check:
            (DOCS / name).write_text(PAGES[name](), "utf-8")
        print(f"{name}: {'stale; run python docs/generate.py' if check else 'written'}")
    return 1 if check and names else 0


if __name__ == "__main__":
    raise SystemExit(main())
