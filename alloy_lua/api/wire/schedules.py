"""Schedules as callers see them: when scripts run by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from .common import Input, Output, ScriptKey
from .lifecycle import Reason
from .outcomes import User
from .triggers import AtTrigger, CronTrigger, Moment

Count = Annotated[int, Meta(ge=1, le=100, description="How many times of each.")]


class ScheduleFilters(Input, kw_only=True):
    """Which schedules to list.

    Attributes:
        script: Those of one script, active or not; of all active ones if left out.
        after: Times later than this; than now if left out.
    """

    script: ScriptKey | None = None
    count: Count = 1
    after: Moment | None = None


class Schedule(Output, kw_only=True):
    """A trigger that goes by the clock.

    Attributes:
        script: The script's name.
        times: When it is due next, in the trigger's zone.
    """

    script: str
    trigger: CronTrigger | AtTrigger
    times: list[datetime]


class Schedules(Output, kw_only=True):
    """Schedules, the next to run first."""

    items: list[Schedule]


class PreviewQuery(Input, kw_only=True):
    """A cron expression to try.

    Attributes:
        expression: Five fields, or six with seconds first, or ``@daily`` and its like.
        timezone: An IANA name.
        after: Times later than this; than now if left out.
    """

    expression: Annotated[str, Meta(min_length=1, max_length=200)]
    timezone: Annotated[str, Meta(min_length=1, max_length=100)] = "UTC"
    count: Count = 10
    after: Moment | None = None


class Preview(Output, kw_only=True):
    """When a cron expression is due, in its zone."""

    times: list[datetime]


class RunNow(Input, kw_only=True):
    """A run of a scheduled script besides its times."""

    user: User | None = None
    reason: Reason | None = None
