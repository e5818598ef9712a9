"""Host function ``secret``: an opaque handle that only host functions can open."""

from __future__ import annotations

from ...hostapi import HostCall, HostFunction, HostModule, Param, Vault, check_secret
from ...values import Secret
from .arguments import as_text


def secret_module(vault: Vault) -> HostModule:
    """Returns the module whose one function hands out handles to the secrets in ``vault``."""

    def secret(call: HostCall, name: str | bytes) -> Secret:
        wanted = as_text("secret", name)
        check_secret(wanted, call.grants)
        vault.open(call.tenant, wanted)  # fails here and not in the middle of a request
        return Secret(wanted)

    return HostModule(
        "secret",
        "Secrets that scripts can use and never see.",
        (
            HostFunction(
                "secret",
                "A handle to a secret of the tenant, to be passed to `http` and `hash.hmac`; it shows only its name. "
                "Needs the capability ``secret``, or ``secret.<name>`` for one secret.",
                (Param("name", "string", "The name under which it was stored."),),
                "secret",
                secret,
                wants_call=True,
                blocking=True,
                example='return tostring(secret("crm-key")) --> "secret(crm-key)"',
            ),
        ),
    )
