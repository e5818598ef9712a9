"""The endpoints, by what they are about. Each handler takes what was asked, calls the facade and answers."""

from __future__ import annotations

from . import health, scripts

GROUPS = (scripts.GROUP, health.GROUP)
