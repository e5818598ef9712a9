"""The endpoints, by what they are about. Each handler takes what was asked, calls the facade and answers."""

from __future__ import annotations

from . import events, health, scripts

GROUPS = (scripts.GROUP, events.GROUP, health.GROUP)
