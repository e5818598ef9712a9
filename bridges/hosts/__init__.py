"""The host modules that every platform gets: pure helpers, loaded only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...hostapi import HostModule


def default_modules() -> tuple[HostModule, ...]:
    """Returns the host modules shipped with alloy-lua, in the order of the reference.

    The libraries behind them (re2, decimal, zoneinfo) are imported by the first call that needs them.
    """
    from . import (
        base64_module,
        hash_module,
        json_module,
        money_module,
        regex_module,
        str_module,
        time_module,
        uuid_module,
        validate_module,
    )

    return (
        str_module.MODULE,
        json_module.MODULE,
        time_module.MODULE,
        money_module.MODULE,
        uuid_module.MODULE,
        hash_module.MODULE,
        base64_module.MODULE,
        regex_module.MODULE,
        validate_module.MODULE,
    )
