"""The command bulk: formats, the summary, and what is said of files that are no good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from alloy_lua.cli.main import main

from .conftest import Cli

SCRIPT = """
if entity.qty == nil then abort("no quantity") end
entity.total = entity.qty * entity.price
if entity.qty == 7 then error("seven") end
"""
TABLE = pa.table({"qty": [2, None, 7, 5], "price": [1.5, 1.0, 1.0, 2.0]})
ARGUMENTS = ("bulk", "order.before_create", "--file", "price.lua")


@pytest.fixture
def folder(cli: Cli) -> Path:
    (cli.folder / "price.lua").write_text(SCRIPT)
    parquet.write_table(TABLE, cli.folder / "in.parquet")
    csv.write_csv(TABLE, cli.folder / "in.csv")
    (cli.folder / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in TABLE.to_pylist()))
    return cli.folder


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    found: pa.Table = parquet.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path)
    return found.to_pylist()


@pytest.mark.parametrize(("source", "out"), [("parquet", "csv"), ("csv", "jsonl"), ("jsonl", "parquet")])
def test_formats_go_in_and_out_by_suffix(cli: Cli, folder: Path, source: str, out: str) -> None:
    done = cli(*ARGUMENTS, "--in", f"in.{source}", "--out", f"out.{out}", "--json")
    assert (done.code, done.err) == (1, "")  # a row failed
    assert done.json["failed"] == {"runtime_error": {"count": 1, "examples": [{"row": 2, "message": "seven"}]}}
    rows = read(folder / f"out.{out}")
    assert [row["total"] for row in rows] == [3.0, None, None, 10.0]
    assert [row["_status"] for row in rows] == ["continue", "rejected", "failed", "continue"]
    assert rows[1]["_reason"] == "no quantity" and rows[2]["_error_code"] == "runtime_error"


def test_the_summary_counts_rows_reasons_and_errors(cli: Cli, folder: Path) -> None:
    done = cli(*ARGUMENTS, "--in", "in.csv")
    assert done.err == "" and sorted(path.name for path in folder.glob("*.csv")) == ["in.csv"]
    for part in (
        "4 rows in ",
        " rows/s",
        "changed   2",
        "1         no quantity",
        "runtime_error  2    seven",
        ": columns: ",
    ):
        assert part in done.out


def test_stored_scripts_run_by_event_and_by_name(cli: Cli, folder: Path) -> None:
    cli("scripts", "create", "double", "price.lua", "--on", "order.before_create", "--activate").done()
    for named in ("order.before_create", "double"):
        assert cli("bulk", named, "--in", "in.parquet", "--json").json["rows"] == 4
    assert "no active script runs on it" in cli("bulk", "order.before_update", "--in", "in.parquet").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--in", "none.csv"), "error: not_found: file none.csv: no such file"),
        (("--in", "price.lua"), "got the suffix '.lua', wanted one of .parquet, .csv, .jsonl, .ndjson"),
        (("--in", "bad.parquet"), "file bad.parquet: can't be read as parquet"),
        (("--in", "bad.csv", "--out", "out.csv"), "file bad.csv: can't be read as csv"),
        (("--in", "late.jsonl", "--out", "out.csv"), "file late.jsonl: can't be read as jsonl"),
        (("--in", "short.csv"), "got no column 'price', which script price reads; wanted it among qty"),
        (("--in", "in.csv", "--out", "none/out.csv"), "file none/out.csv: can't be written: no folder none"),
        (("--in", "in.csv", "--out", "out.txt"), "got the suffix '.txt'"),
        (("--in", "nested.jsonl", "--out", "out.csv"), "column 'items' is list<item: int64>, wanted no lists"),
        (("--in", "in.csv", "--type", "total=money"), "type of total: got 'money', wanted an Arrow type"),
    ],
)
def test_what_is_no_good_is_said_and_nothing_is_half_written(
    folder: Path, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (folder / "bad.parquet").write_text("no parquet")
    (folder / "bad.csv").write_text("qty,price\n1,2\n1,2,3\n")
    line = json.dumps({"qty": 1, "price": 2.0}) + "\n"
    (folder / "late.jsonl").write_text(line * 100_000 + "{oops\n")
    (folder / "short.csv").write_text("qty\n1\n")
    (folder / "nested.jsonl").write_text('{"qty": 1, "price": 2.0, "items": [1, 2]}\n')
    (folder / "out.csv").write_text("as it was")
    before = sorted(path.name for path in folder.iterdir())
    monkeypatch.chdir(folder)
    code = main([*ARGUMENTS, *arguments])
    out, err = capsys.readouterr()
    assert code == 1 and out == ""
    assert said in err and len(err.splitlines()) == 1
    assert (folder / "out.csv").read_text() == "as it was"
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("header.csv", b"n\xe9,price\n1,2\n", ""),
        ("cell.csv", b"qty,note\n1,x\xe9\n", " column 'note':"),
        ("late.csv", b"qty,note\n" + b"1,abc\n" * 300_000 + b"1,x\xe9\n", " column 'note':"),
        ("cell.jsonl", b'{"qty": 1, "note": "x\xe9"}\n', " column 'note':"),
        ("name.jsonl", b'{"n\xe9": 1}\n', ""),
    ],
)
def test_a_file_that_is_not_utf8_is_refused_by_name(
    cli: Cli, folder: Path, name: str, content: bytes, column: str
) -> None:
    (folder / name).write_bytes(content)
    (folder / "note.lua").write_text("entity.long = #(entity.note or '')")
    done = cli("bulk", "order.before_create", "--file", "note.lua", "--in", name, "--missing", "null")
    told = f"error: validation_error: file {name}:{column} got bytes that are not UTF-8, wanted UTF-8\n"
    assert (done.code, done.err) == (1, told)


def test_the_input_is_not_written_over(cli: Cli, folder: Path) -> None:
    (folder / "link.csv").symlink_to("in.csv")
    before = (folder / "in.csv").read_bytes()
    for out in ("in.csv", "./in.csv", "link.csv"):
        done = cli(*ARGUMENTS, "--in", "in.csv", "--out", out)
        assert done.code == 1 and "got the file that --in names, wanted another" in done.err
    assert (folder / "in.csv").read_bytes() == before


def test_a_missing_column_is_told_with_the_option_that_allows_it(cli: Cli, folder: Path) -> None:
    (folder / "in.csv").write_text("price\n1\n")
    assert cli(*ARGUMENTS, "--in", "in.csv").err.endswith("wanted it among price, or --missing null\n")


def test_a_script_by_a_name_with_a_dot_is_no_wrong_event(cli: Cli, folder: Path) -> None:
    (folder / "price.lua").rename(folder / "price.v2.lua")
    cli("scripts", "create", "price.v2", "price.v2.lua", "--manual", "--activate").done()
    assert cli("bulk", "price.v2", "--in", "in.csv", "--json").json["rows"] == 4
    done = cli("bulk", "order.nope", "--in", "in.csv")
    assert (done.code, done.err.startswith("error: usage: argument EVENT|NAME: event 'order.nope'")) == (2, True)
