"""One schedule: when it fires next, and which ticks are due after a while. Pure: time comes in as an argument."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from ..model import AtTrigger, CronTrigger, Misfire, Script
from .cron import Cron

GRACE = timedelta(seconds=30)  # a tick less late than this has not been missed
_SECOND = timedelta(seconds=1)


class Schedule(NamedTuple):
    """A trigger that goes by the clock, and whose it is.

    ``key`` stands for the script and the times: it stays when only policies change.
    """

    key: str
    tenant: str
    script_id: str
    script_name: str
    trigger: CronTrigger | AtTrigger

    def next_after(self, moment: datetime) -> datetime | None:
        """Returns the first tick later than ``moment``, None if there is none."""
        trigger = self.trigger
        if isinstance(trigger, AtTrigger):
            return trigger.at.astimezone(UTC) if trigger.at > moment else None
        floor = self._floor(trigger)
        tick = _cron(trigger).next_after(moment if floor is None or floor < moment else floor)
        return None if tick is None or (trigger.ends_at is not None and tick > trigger.ends_at) else tick

    def upcoming(self, moment: datetime) -> Iterator[datetime]:
        """Yields the ticks later than ``moment``, in order."""
        tick = self.next_after(moment)
        while tick is not None:
            yield tick
            tick = self.next_after(tick)

    def starts_at(self, tick: datetime) -> datetime:
        """Returns when ``tick`` is to start: the jitter that every process finds for it later."""
        jitter = getattr(self.trigger, "jitter_s", 0)
        if not jitter:
            return tick
        seed = blake2b(f"{self.key}@{tick.timestamp():.0f}".encode(), digest_size=8).digest()
        return tick + timedelta(seconds=jitter * int.from_bytes(seed, "big") / 2**64)

    def due(self, tick: datetime, now: datetime) -> tuple[list[datetime], datetime | None]:
        """Returns the ticks to start at ``now``, when ``tick`` is due and maybe later ones are; and the tick to wait
        for after them. The misfire policy says which; ticks on time are not its business."""
        following = self.next_after(tick)
        if following is None or self.starts_at(following) > now:
            return ([tick] if self._made_up_for(tick, now) else []), following
        trigger = self.trigger
        assert isinstance(trigger, CronTrigger)
        count = trigger.misfire_limit if trigger.misfire is Misfire.ALL else 1
        last = max(tick, now - timedelta(seconds=trigger.jitter_s))
        if trigger.ends_at is not None:
            last = min(last, trigger.ends_at)
        ticks = _cron(trigger).newest(count, tick - _SECOND, last)
        return [each for each in ticks if self._made_up_for(each, now)], self.next_after(ticks[-1])

    def _made_up_for(self, tick: datetime, now: datetime) -> bool:
        return self.trigger.misfire is not Misfire.SKIP or now - self.starts_at(tick) < GRACE

    @staticmethod
    def _floor(trigger: CronTrigger) -> datetime | None:
        limits = [limit for limit in (trigger.starts_at, trigger.paused_until) if limit is not None]
        return max(limits) - timedelta(microseconds=1) if limits else None


def _cron(trigger: CronTrigger) -> Cron:
    return Cron(trigger.expression, trigger.timezone)


def schedules_of(script: Script) -> list[Schedule]:
    """Returns the schedules of a script, one for each of its cron and at triggers; equal ones once."""
    found = {}
    for trigger in script.triggers:
        if isinstance(trigger, CronTrigger | AtTrigger):
            key = f"{script.id}:{_digest(trigger)}"
            found[key] = Schedule(key, script.tenant, script.id, script.name, trigger)
    return list(found.values())


def _digest(trigger: CronTrigger | AtTrigger) -> str:
    if isinstance(trigger, AtTrigger):
        times = trigger.at.astimezone(UTC).isoformat()
    else:
        times = f"{' '.join(trigger.expression.split())} {trigger.timezone}"
    return blake2b(times.encode(), digest_size=5).hexdigest()
