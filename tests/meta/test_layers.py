"""The rooms of the house and the direction of their imports, read from the import lines."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = {"alloy_lua": ROOT / "alloy_lua", "alloy_lua.bridges": ROOT / "bridges", "alloy_lua.stores": ROOT / "stores"}
PURE = (
    "checks", "forking", "errors", "model", "limits", "events", "ports", "hostapi", "values", "outcome", "settings",
    "schema", "access_model", "access_ports", "job_model", "job_ports", "isolation",
)  # fmt: skip
LIBRARY = set(sys.stdlib_module_names)


def modules() -> dict[str, ast.Module]:
    """Returns the syntax tree of every module of the package by its dotted name."""
    found = {}
    for prefix, folder in PACKAGE.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((prefix, *parts)).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text())
    return found


TREES = modules()
PACKAGES = {name for name in TREES if any(other.startswith(name + ".") for other in TREES)}


def imports(name: str) -> set[str]:
    """Returns the dotted names that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".") if name in PACKAGES else name.split(".")[:-1]
                parts = parts[: len(parts) - node.level + 1]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" if f"{base}.{alias.name}" in TREES else base for alias in node.names}
    return found


def room(name: str) -> str:
    """Returns the first part below the package: ``engine``, ``runner``, ``errors``; "" for the package itself."""
    return (name + "..").split(".")[1] if name.startswith("alloy_lua") else ""


def inside(name: str) -> set[str]:
    return {room(found) for found in imports(name) if found == "alloy_lua" or found.startswith("alloy_lua.")}


def outside(name: str) -> set[str]:
    tops = {found.partition(".")[0] for found in imports(name)}
    return tops - LIBRARY - {"alloy_lua", ""}


def of(*rooms: str) -> list[str]:
    return [name for name in TREES if room(name) in rooms]


def test_the_reader_sees_the_modules() -> None:
    assert {"alloy_lua", "alloy_lua.app", "alloy_lua.engine.runtime", "alloy_lua.stores.memory"} <= set(TREES)
    assert "engine" in inside("alloy_lua.app") and "lupa" in outside("alloy_lua.engine.runtime")


@pytest.mark.parametrize("name", of(*PURE))
def test_pure_modules_import_the_standard_library_only(name: str) -> None:
    assert outside(name) <= ({"msgpack"} if name == "alloy_lua.values" else set())
    assert inside(name) <= {*PURE}


@pytest.mark.parametrize("name", of("stores", "bridges"))
def test_stores_and_bridges_import_contracts_only(name: str) -> None:
    assert inside(name) <= {*PURE, room(name)}


@pytest.mark.parametrize("name", of("engine"))
def test_the_engine_knows_no_stores_and_no_events_of_the_platform(name: str) -> None:
    assert inside(name) <= {*PURE, "engine"}


@pytest.mark.parametrize("name", of("access"))
def test_access_knows_contracts_only(name: str) -> None:
    assert outside(name) == set()
    assert inside(name) <= {*PURE, "access"}


@pytest.mark.parametrize("name", of("script_files"))
def test_script_files_know_contracts_only(name: str) -> None:
    assert inside(name) <= {*PURE, "script_files"}


@pytest.mark.parametrize("name", of("jobs", "scheduler"))
def test_background_work_knows_contracts_and_who_acts(name: str) -> None:
    assert inside(name) <= {*PURE, "access", "jobs", room(name)}


@pytest.mark.parametrize("name", of("replay"))
def test_replay_knows_the_runner_and_nothing_above_it(name: str) -> None:
    assert outside(name) == set()
    assert inside(name) <= {*PURE, "access", "engine", "jobs", "runner", "bridges", "replay"}


@pytest.mark.parametrize("name", of("runner"))
def test_the_runner_knows_no_store_and_nothing_above_it(name: str) -> None:
    assert inside(name) <= {*PURE, "engine", "runner", "bridges"}


@pytest.mark.parametrize("name", of("tables"))
def test_tables_know_how_scripts_run_and_no_store(name: str) -> None:
    assert inside(name) <= {*PURE, "engine", "runner", "bridges", "tables"}


def test_each_third_party_is_imported_in_its_room_only() -> None:
    rooms: dict[str, set[str]] = {}
    for name in TREES:
        for library in outside(name):
            rooms.setdefault(library, set()).add(room(name))
    allowed = {
        "lupa": {"engine"}, "peewee": {"stores", "bridges"}, "playhouse": {"stores"}, "psycopg2": {"stores"}, "pymysql": {"stores"},
        "msgpack": {"values", "engine", "runner"}, "croniter": {"scheduler", "script_files"}, "re2": {"bridges"}, "pyarrow": {"tables"}, "attrs": {"bridges"},
        "pydantic": {"bridges"}, "pydantic_core": {"bridges"}, "sqlalchemy": {"bridges"}, "django": {"bridges"},
        "aiohttp": {"api", "bridges"}, "multidict": {"api", "bridges"}, "msgspec": {"api"}, "yarl": {"api", "bridges"}, "cryptography": {"secrets"},
        "prometheus_client": {"metrics"}, "opentelemetry": {"tracing"}, "ray": {"bridges"}, "pyspark": {"bridges"},
    }  # fmt: skip
    bridged = ("peewee", "sqlalchemy", "django", "ray", "pyspark")
    for library in bridged:  # within the bridges, each in the bridge of its own name
        importers = {name for name in of("bridges") if library in outside(name)}
        name = library.removeprefix("py")
        assert importers <= {f"alloy_lua.bridges.{name}", f"alloy_lua.bridges.{name}_data"}
    for library, found in rooms.items():
        assert found <= allowed.get(library, set()), f"{library} is imported in {sorted(found)}"


def test_nothing_imports_the_facade_but_what_stands_above_it() -> None:
    importers = {room(name) or name for name in TREES if "app" in inside(name)}
    assert importers <= {"cli", "demo", "configure", "api", "alloy_lua", ""}


def test_importing_the_package_loads_no_heavy_module() -> None:
    heavy = (
        "aiohttp",
        "psycopg2",
        "pymysql",
        "peewee",
        "croniter",
        "re2",
        "asyncio",
        "sqlite3",
        "pydantic",
        "cryptography",
        "prometheus_client",
        "opentelemetry",
        "ctypes",
        "tomllib",
        "yarl",
        "pyarrow",
    )
    code = f"import sys, alloy_lua; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for folder in PACKAGE.values()
        for path in [*folder.rglob("*.py"), *folder.rglob("*.lua")]
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in TREES.items() if tree.body and not ast.get_docstring(tree)] == []
