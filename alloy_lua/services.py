"""What an `Alloy` offers beside firing and scripts: secrets, egress, safe mode, cancelling, metrics, tracing.

Each service is made at its first use, so that an Alloy that needs none of them starts as quickly as before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from . import checks
from .access.acting import require
from .hostapi import HostModule
from .ports import Quota, Store
from .runner.health import HealthBoard
from .runner.recorder import Recorder
from .runner.running import Running, RunningRun
from .settings import Settings

if TYPE_CHECKING:
    from .bridges.hosts.http_client import HttpClient
    from .egress import Egress
    from .engine import Engine
    from .kv import KV
    from .metrics import Metrics
    from .runner.ids import RunIds
    from .runner.registry import HookRegistry
    from .runner.runner import Runner
    from .safe_mode import SafeMode
    from .secrets import Secrets

T = TypeVar("T")


class Services:
    """The part of the facade that operators use; `Alloy` is one."""

    store: Store
    settings: Settings
    _lock: threading.RLock
    _recorder: Recorder
    _board: HealthBoard
    _core_made: Any
    refresh: Callable[[], None]

    def _equip(self, settings: Settings | None) -> None:
        """Sets the services up; none of them is made yet."""
        self.settings = Settings() if settings is None else checks.instance(Settings, settings, "settings")
        self._made: dict[str, Any] = {}
        self._running = Running()

    # -- services ------------------------------------------------------------------------------------------------
    @property
    def secrets(self) -> Secrets:
        """Texts that scripts use and never see: see `Secrets`."""
        from .secrets import Secrets

        return self._service("secrets", lambda: Secrets(self.store.documents, self.settings["secrets_key"]))

    @property
    def egress(self) -> Egress:
        """Where scripts may send requests: see `Egress`."""
        from .egress import Egress

        return self._service("egress", lambda: Egress(self.store.documents))

    @property
    def kv(self) -> KV:
        """Small values that scripts keep: see `KV`."""
        from .kv import KV

        return self._service("kv", lambda: KV(self.store.kv, self._quota()))

    @property
    def safe_mode(self) -> SafeMode:
        """Scripts, events and tenants that are bypassed: see `SafeMode`."""
        from .safe_mode import SafeMode

        return self._service("safe_mode", lambda: SafeMode(self.store.documents, self.refresh))

    @property
    def metrics(self) -> Metrics:
        """Numbers for Prometheus: see `Metrics`."""
        from .metrics import Metrics

        return self._service("metrics", lambda: Metrics(self))

    @property
    def http_client(self) -> HttpClient:
        """What sends the requests of scripts; its thread starts with the first."""
        from .bridges.hosts.http_client import HttpClient

        return self._service("http_client", HttpClient)

    @http_client.setter
    def http_client(self, client: HttpClient) -> None:
        """Has ``client`` send requests: one that trusts a private authority, or looks names up in its own way."""
        with self._lock:
            old, self._made["http_client"] = self._made.get("http_client"), client
        if old is not None:
            old.close()

    # -- runs under way ------------------------------------------------------------------------------------------
    def cancel(self, run_id: str, *, tenant: str | None = None) -> bool:
        """Returns whether a run of that id was under way in this process.

        The run ends within moments, with the code ``cancelled``, which no ``pcall`` of the script can hold back.

        Args:
            run_id: The run, as in `running`, or as it was given to `Alloy.run`.
            tenant: Whose run it has to be, None for anyone's.
        """
        require("runs.cancel", checks.optional_name(tenant, "tenant"))
        return self._running.cancel(checks.name(run_id, "run_id"), tenant)

    def running(self, *, tenant: str | None = None) -> list[RunningRun]:
        """Returns the runs under way in this process, the longest first; short pure hooks are over too soon to show."""
        return self._running.under_way(checks.optional_name(tenant, "tenant"))

    # -- inside --------------------------------------------------------------------------------------------------
    def _service(self, name: str, make: Callable[[], T]) -> T:
        found: T | None = self._made.get(name)
        if found is None:
            with self._lock:
                found = self._made.get(name)
                if found is None:
                    found = self._made[name] = make()
        return found

    def _quota(self) -> Quota:
        return Quota(self.settings["kv_keys"], self.settings["kv_bytes"])

    def _modules(self) -> tuple[HostModule, ...]:
        from .bridges.hosts import default_modules

        return self._service("modules", lambda: (*default_modules(), *service_modules(self)))

    def _new_runner(self, engine: Engine, registry: HookRegistry, recorder: Recorder, ids: RunIds) -> Runner:
        from .runner.runner import Runner

        kind = Runner
        if self.settings["tracing"]:
            from .tracing import TracedRunner

            kind = TracedRunner
        return kind(engine, registry, recorder, ids, self._running, self.secrets)

    def _refresh_services(self) -> None:
        for name in ("secrets", "egress"):
            if name in self._made:
                self._made[name].forget()

    def _prune_services(self) -> None:
        self.store.kv.prune(datetime.now(UTC))
        self.safe_mode.prune()

    def _close_services(self) -> None:
        client = self._made.pop("http_client", None)
        if client is not None:
            client.close()


def service_modules(services: Services) -> tuple[HostModule, ...]:
    """Returns the host modules that need a store: ``secret``, ``http`` and ``kv``."""
    from .bridges.hosts.http_module import HttpLimits, http_module
    from .bridges.hosts.kv_module import kv_module
    from .bridges.hosts.secret_module import secret_module

    given = services.settings
    traced: dict[str, Any] = {}
    if given["tracing"]:
        from .tracing import outgoing

        traced = {"outgoing": outgoing}
    limits = HttpLimits(given["http_seconds"], given["http_response_bytes"], given["http_requests"])
    return (
        secret_module(services.secrets),
        http_module(lambda: services.http_client, lambda *asked: services.egress.check(*asked), limits, **traced),
        kv_module(services.store.kv, services._quota()),
    )
