"""Scripts whose revisions are activated only after a back-test that went well."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..access_ports import AuditQuery
from ..errors import BacktestRequired
from ..model import Revision, Script
from ..ports import Document, Store
from .kinds import BACKTEST, BACKTEST_RULE

if TYPE_CHECKING:
    from .tally import Thresholds


PAGE = 1000


class BacktestRule(NamedTuple):
    """What a back-test has to show before a revision of a script is activated.

    Attributes:
        tenant: Whose script it is.
        script_id: The script.
        thresholds: How much the revision may differ from the live one.
        tapes_only: Whether only back-tests over recorded runs count.
        by: Who asked for it.
        since: When.
    """

    tenant: str
    script_id: str
    thresholds: Thresholds
    tapes_only: bool
    by: str
    since: datetime


def rule_in(document: Document) -> BacktestRule:
    """Returns the rule that a document holds."""
    from .tally import thresholds_in

    body = document.body
    return BacktestRule(
        document.tenant, document.name, thresholds_in(body["thresholds"]), body["tapes_only"], document.updated_by,
        document.updated_at,
    )  # fmt: skip


def require_backtest(store: Store, before: Script | None, revision: Revision, tenant: str) -> None:
    """Returns None if a script may go over to ``revision``: nobody asks for a back-test, or one went well.

    It has to be of this very text against the text that is live. A script that is not live yet has nothing to be
    compared with, and one may always go back to a revision that has been live.

    Raises:
        BacktestRequired: There is none, or it went beyond the thresholds; the details say how.
    """
    if before is None or before.live_revision is None:
        return
    document = store.documents.get(tenant, BACKTEST_RULE, before.id)
    if document is None or _was_live(store, before, revision.number):
        return
    rule = rule_in(document)
    live = store.get_revision(tenant, before.id, before.live_revision)
    problems = _problems(store, rule, revision.sha256, live.sha256)
    if problems:
        raise BacktestRequired(
            f"script {before.name} revision {revision.number}: {'; '.join(problems)}",
            details={"script": before.name, "revision": revision.number, "sha256": revision.sha256,
                     "problems": problems, "thresholds": rule.thresholds.as_dict()},
        )  # fmt: skip


def _was_live(store: Store, script: Script, number: int) -> bool:
    """Returns whether a revision is live or has been, by the audit log: each entry of a script says what was live."""
    if number == script.live_revision:
        return True
    query = AuditQuery(script.tenant, kind="script", object_id=script.id, limit=PAGE)
    while page := store.audit.matching(query):
        if any((entry.details or {}).get("live_revision") == number for entry in page):
            return True
        query = query._replace(before=page[-1].seq)
    return False


def _problems(store: Store, rule: BacktestRule, sha256: str, live_sha256: str) -> list[str]:
    """Returns what keeps a text from being activated, by its newest back-test."""
    from .report import report_in

    bodies = [one.body for one in store.documents.of_kind(BACKTEST, rule.tenant)]
    found = [
        report_in(body) for body in bodies
        if (body["script_id"], body["sha256"], body["baseline_sha256"]) == (rule.script_id, sha256, live_sha256)
        and (body["source"] == "tapes" or not rule.tapes_only)
    ]  # fmt: skip
    if not found:
        over = "recorded runs" if rule.tapes_only else "records"
        return [f"wanted a back-test of this text against the live one over {over}, there is none"]
    tally = max(found, key=lambda report: report.ended).tally
    if tally.records < rule.thresholds.records:
        return [f"records: the back-test was over {tally.records}, wanted at least {rule.thresholds.records}"]
    return rule.thresholds.passed_by(tally)
