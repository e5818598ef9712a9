"""The demo: takes made-up customers and orders through the gallery's scripts and tells what came of it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TextIO

from .. import Alloy
from ..model import ApiTrigger, CronTrigger, EventTrigger, FailurePolicy, Trigger
from ..script_files.front_matter import ScriptFile
from ..stores.urls import redacted
from . import data, summary
from .flow import Flow
from .gallery import load_gallery
from .platform import install
from .publish import publish

ORDERS_PER_CUSTOMER = 5
FEWEST_CUSTOMERS = 20
CLOSE_EVERY = 25
PROGRESS_STEPS = 5
REPORT = "nightly-report"


def run_demo(url: str, *, orders: int, progress: TextIO, program: str) -> summary.Summary:
    """Returns what came of the demo. Safe to run again on the same database.

    Args:
        url: Of the database that gets the gallery's scripts, such as ``sqlite:///alloy-demo.db``.
        orders: How many orders to make.
        progress: Where lines about what is going on are printed.
        program: How a shell finds the command line, for the commands to try next.

    Raises:
        AlloyError: The database can't be used.
    """
    with Alloy(url) as alloy:
        scripts = load_gallery()
        flow = Flow(alloy, install(alloy))
        for script in scripts:
            publish(alloy, script)
        print(f"{len(scripts)} scripts are active in {redacted(url)}", file=progress, flush=True)
        started = time.perf_counter()
        customers = _make_customers(flow, max(FEWEST_CUSTOMERS, orders // ORDERS_PER_CUSTOMER), progress)
        leaving = customers[::CLOSE_EVERY]
        _make_orders(flow, orders, [customer for customer in customers if customer not in leaving], progress)
        for customer in leaving:
            flow.delete_customer(customer["id"])
        report = alloy.run(REPORT, params={"day": _a_day(), "mail_to": "boss@example.no"})
        seconds = time.perf_counter() - started
        alloy.flush()
        hooks = hook_stats(alloy.stats(), scripts)
        commands = _commands(program, url)
        return _summary(
            redacted(url), flow, hooks, scripts, seconds=seconds, report=report.value or {}, commands=commands
        )


def _make_customers(flow: Flow, count: int, progress: TextIO) -> list[data.Record]:
    made = [customer for record in data.customers(count) if (customer := flow.create_customer(record)) is not None]
    print(f"{len(made)} of {count} customers accepted", file=progress, flush=True)
    return made


def _make_orders(flow: Flow, count: int, customers: Sequence[data.Record], progress: TextIO) -> None:
    step = max(1, count // PROGRESS_STEPS)
    started = time.perf_counter()
    for index, record in enumerate(data.orders(count, customers), 1):
        flow.live_through(index, record)
        if index % step == 0:
            print(f"{index} of {count} orders, {time.perf_counter() - started:.1f} s", file=progress, flush=True)


def _a_day() -> str:
    return (data.FIRST_DAY + timedelta(days=1)).date().isoformat()


def hook_stats(stats: Sequence[Any], scripts: Sequence[ScriptFile]) -> list[summary.HookStats]:
    """Returns the statistics of the gallery's scripts in the order of ``scripts``; scripts that never ran are left out.

    Args:
        stats: As `Alloy.stats` returns them.
        scripts: The gallery.
    """
    by_name = {entry.name: entry for entry in stats}
    counted = [(by_name[script.name], script) for script in scripts if script.name in by_name]
    return [
        summary.HookStats(
            name=entry.name,
            event=_label(script.triggers),
            runs=entry.runs,
            changed=entry.changed,
            rejected=entry.rejected,
            failed=entry.failed,
            p50_us=entry.p50_us,
            p99_us=entry.p99_us,
            fuel=entry.fuel,
        )
        for entry, script in counted
        if entry.runs
    ]


def _label(triggers: Sequence[Trigger]) -> str:
    more = f"+{len(triggers) - 1}" if len(triggers) > 1 else ""
    match triggers[0] if triggers else None:
        case EventTrigger(event=event):
            return event + more
        case CronTrigger(expression=expression):
            return f"cron {expression}{more}"
        case ApiTrigger(path=path, method=method):
            return f"{method} {path}{more}"
        case _:
            return "manual"


def _summary(
    url: str,
    flow: Flow,
    hooks: Sequence[summary.HookStats],
    scripts: Sequence[ScriptFile],
    *,
    seconds: float,
    report: Mapping[str, Any],
    commands: Sequence[str],
) -> summary.Summary:
    lenient = {script.name for script in scripts if script.failure_policy is FailurePolicy.OPEN}
    return summary.Summary(
        database=url,
        orders=flow.orders,
        customers=flow.customers,
        fires=flow.fires,
        seconds=seconds,
        hooks=hooks,
        examples=tuple(flow.examples.values()),
        rejections=flow.rejections,
        failures=flow.failures,
        open_failures=sum(hook.failed for hook in hooks if hook.name in lenient),
        effects=flow.platform.counts,
        report=report,
        commands=commands,
    )


def _commands(program: str, url: str) -> tuple[str, ...]:
    # Whole, so that they work when pasted; but a password is left for the reader to fill in.
    database = f"--database {shlex.quote(redacted(url))}"
    customer = """{"name": " Ola  Nordmann", "email": "OLA@Example.no"}"""
    return (
        f"{program} scripts list {database}",
        f"{program} scripts show pricing-discount {database}",
        f"{program} runs list --status rejected {database}",
        f"{program} fire customer.before_create --entity '{customer}' {database}",
    )
