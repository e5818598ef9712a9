"""Records that back-tests are given: models and files of tables."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import peewee
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from alloy_lua import Alloy, ValidationError
from alloy_lua.cli.main import main

from .conftest import script


@pytest.fixture
def vip(alloy: Alloy) -> str:
    """A script whose draft differs for totals over 150."""
    script(alloy, "vip", "entity.discount = 0")
    alloy.scripts.update("vip", "entity.discount = entity.total > 150 and 15 or 0")
    return "vip"


@dataclass
class Order:
    total: int
    discount: int = 0


def test_models_are_records(alloy: Alloy, vip: str) -> None:
    db = peewee.SqliteDatabase(":memory:")

    class Sale(peewee.Model):
        total = peewee.IntegerField()
        discount = peewee.IntegerField(default=0)

        class Meta:
            database = db

    db.create_tables([Sale])
    for total in (100, 200, 300):
        Sale.create(total=total)
    for records in (Sale.select(), [Order(100), Order(200), Order(300)]):
        counts = alloy.backtests.run(vip, records).tally.counts
        assert (counts["same"], counts["changed"]) == (1, 2)
    with pytest.raises(ValidationError, match="record 2: got int, wanted a mapping"):
        alloy.backtests.run(vip, [Order(1), 2])


def test_a_job_is_given_the_fields_of_models(alloy: Alloy, vip: str) -> None:
    job = alloy.backtests.start(vip, [Order(100), {"total": 200, "discount": 0}])
    assert alloy.jobs.run_one(job.id).state == "succeeded"
    assert alloy.backtests.get(job.id).tally.counts["changed"] == 1


def test_tables_in_files_are_records(
    alloy: Alloy, vip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pa.table({"total": [100, 200], "discount": [1, 1], "at": pa.array([0, 1], pa.timestamp("ns"))})
    parquet.write_table(table, tmp_path / "o.parquet")
    csv.write_csv(table, tmp_path / "o.csv")
    (tmp_path / "bad.parquet").write_bytes(b"none")
    monkeypatch.setenv("ALLOY_DATABASE", f"sqlite:///{tmp_path}/alloy.db")
    for file in ("o.parquet", "o.csv"):
        assert main(["backtest", vip, "--records", str(tmp_path / file)]) == 0
        assert "changed, record 2: discount 0 -> 15" in capsys.readouterr().out
    assert main(["backtest", vip, "--records", str(tmp_path / "bad.parquet")]) == 1
    assert "can't be read as parquet" in capsys.readouterr().err
    assert main(["backtest", vip, "--records", str(tmp_path / "none.parquet")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_a_terminal_is_shown_how_far_it_is(
    alloy: Alloy, vip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "o.jsonl").write_text('{"total": 1, "discount": 0}\n')
    monkeypatch.setenv("ALLOY_DATABASE", f"sqlite:///{tmp_path}/alloy.db")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["backtest", vip, "--records", str(tmp_path / "o.jsonl")]) == 0
    assert "1 rows" in capsys.readouterr().err
