"""An `Alloy` as the settings describe it."""

from __future__ import annotations

from .app import Alloy
from .logs import configure as configure_logs
from .runner.health import BreakerPolicy
from .runner.recorder import Recording
from .settings import Settings

SAFE_MODE_REASON = "started with --safe-mode"


def open_alloy(settings: Settings, *, migrate: bool = True) -> Alloy:
    """Returns a new `Alloy`, with the logs set up too.

    Args:
        settings: As `settings.load` read them.
        migrate: Whether to bring the database's schema up to date.

    Raises:
        ConfigError: A setting is wrong, or something it needs is not installed.
        StoreError: The database cannot be reached.
    """
    configure_logs(settings["log_format"], settings["log_level"])
    alloy = Alloy(
        settings["database"],
        recording=Recording(settings["recording"], settings["recording_per_second"]),
        breaker=BreakerPolicy(
            settings["breaker_failures"], settings["breaker_window_seconds"], settings["breaker_cooldown_seconds"]
        ),
        poll_seconds=settings["poll_seconds"],
        keep_runs_days=settings["keep_runs_days"],
        keep_runs=settings["keep_runs"],
        migrate=migrate,
        settings=settings,
    )
    if settings["safe_mode"]:
        alloy.safe_mode.bypass_here(SAFE_MODE_REASON)
    return alloy
