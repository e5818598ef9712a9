"""A package that cannot be had, or is not the pinned one, is an error that names it: nothing is left out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import __main__ as conformance
from tests.conformance import corpus, fetch
from tests.conformance.packages import Package
from tests.conformance.refusals import REFUSALS, reason_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fetch, "FOLDER", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no client is found there
    return tmp_path


@pytest.mark.parametrize(("registry", "client"), [("npm", "npm"), ("debian", "apt-get")])
def test_a_package_that_cannot_be_had_fails_and_is_named(registry: str, client: str) -> None:
    with pytest.raises(fetch.FetchError, match=rf"somelua 1\.0: {client} failed"):
        fetch.archive(Package(registry, "somelua", "1.0", "0" * 64))


def test_a_package_with_another_digest_is_refused_and_removed(folder: Path) -> None:
    kept = folder / "somelua-1.0.tgz"
    kept.write_bytes(b"something else")
    with pytest.raises(fetch.FetchError, match=r"got sha256 .*, wanted 000"):
        fetch.archive(Package("npm", "somelua", "1.0", "0" * 64))
    assert not kept.exists()


def test_the_target_fails_loudly_when_nothing_can_be_had(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance._third_party(corpus.Corpus()) is False
    assert "NOT RUN: awesome 4.3-7: apt-get failed" in capsys.readouterr().err


def test_only_listed_refusals_have_a_reason() -> None:
    assert (
        reason_of("the script cannot be metered: straight-line code too long (300 operations) near line 1") is not None
    )
    assert reason_of("the script cannot be metered: unmetered loop at line 3") is None
    assert len(set(REFUSALS.values())) == len(REFUSALS)
