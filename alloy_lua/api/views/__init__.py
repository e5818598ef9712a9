"""The endpoints, by what they are about. Each handler takes what was asked, calls the facade and answers."""

from __future__ import annotations

from . import access, audit, events, health, lifecycle, revisions, runs, scripts

GROUPS = (
    scripts.GROUP, revisions.GROUP, lifecycle.GROUP, events.GROUP, runs.GROUP, access.REVIEWS,
    access.TOKENS, access.TENANTS, audit.GROUP, health.GROUP,
)  # fmt: skip
