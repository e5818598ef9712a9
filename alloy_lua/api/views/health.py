"""Whether the process lives, and whether it can do its work."""

from __future__ import annotations

from ...errors import AlloyError
from ...version import VERSION
from ..endpoint import Group
from ..errors import RETRY_AFTER
from ..reply import Reply
from ..service import Call
from ..wire.health import Liveness, Readiness

GROUP = Group("health", "For load balancers and supervisors; anybody may ask.", tenant=False)


@GROUP.get("/health/live", None, Liveness)
async def live(call: Call) -> Liveness:
    """Say that the process answers."""
    return Liveness(status="live", version=VERSION)


@GROUP.get("/health/ready", None, Readiness, replies={503: Readiness})
def ready(call: Call) -> Reply:
    """Say whether the store can be reached and the service is not shutting down."""
    checks = {"store": _store(call), "serving": "shutting down" if call.service.stopping.is_set() else "ok"}
    good = all(found == "ok" for found in checks.values())
    if good:
        return Reply(Readiness(status="ready", checks=checks))
    return Reply(Readiness(status="not_ready", checks=checks), 503, {"Retry-After": str(RETRY_AFTER["store_error"])})


def _store(call: Call) -> str:
    try:
        call.alloy.store.change_counter()
    except AlloyError as error:
        return error.code
    return "ok"
