"""The endpoints, by what they are about. Each handler takes what was asked, calls the facade and answers."""

from __future__ import annotations

from . import (
    access,
    audit,
    catalogue,
    events,
    health,
    jobs,
    kv,
    lifecycle,
    operations,
    replay,
    revisions,
    rollouts,
    runs,
    schedules,
    scripts,
    tail,
)

GROUPS = (
    scripts.GROUP, revisions.GROUP, access.REVIEWS, lifecycle.GROUP, events.GROUP, runs.GROUP, tail.GROUP, replay.TAPES,
    replay.BACKTESTS, rollouts.GROUP, jobs.GROUP, schedules.GROUP, kv.GROUP, catalogue.GROUP, access.TENANTS,
    access.TOKENS, audit.GROUP, operations.GROUP,
    health.GROUP,
)  # fmt: skip
