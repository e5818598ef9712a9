"""What an Alloy offers of access control: each service is made, and its module loaded, at its first use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from . import acting as acting_module

if TYPE_CHECKING:
    from ..access_model import Actor
    from ..ports import Store
    from .audit import Audit
    from .idempotency import Idempotency
    from .reviews import Reviews
    from .tenants import Tenants
    from .tokens import Tokens


class AccessServices:
    """The part of the facade that knows who may do what, and keeps what was done.

    Attributes:
        store: Where all of it is kept.
    """

    store: Store
    _token_key: str | None
    _each_minute: Callable[[Callable[[], object]], None]

    def acting(
        self, actor: Actor, *, via: str = "python", address: str | None = None, request_id: str | None = None,
        reason: str | None = None,
    ) -> AbstractContextManager[None]:  # fmt: skip
        """Returns a context manager inside which calls are checked against ``actor``'s rights and logged as its own.

        It follows `asyncio.to_thread`, but no executor that leaves the context behind.

        Args:
            actor: Who acts.
            via: Through what: ``api``, ``cli`` or ``python``.
            address: The network address it comes from.
            request_id: The HTTP request.
            reason: Why, where a call has no message of its own.
        """
        return acting_module.acting(actor, via=via, address=address, request_id=request_id, reason=reason)

    @cached_property
    def tokens(self) -> Tokens:
        """The API tokens."""
        from .tokens import Tokens

        made = Tokens(self.store, self._token_key)
        self._each_minute(made.write_last_used)
        return made

    @cached_property
    def tenants(self) -> Tenants:
        """The tenants and their settings."""
        from .tenants import Tenants

        return Tenants(self.store)

    @cached_property
    def reviews(self) -> Reviews:
        """What reviewers said of revisions."""
        from .reviews import Reviews

        return Reviews(self.store)

    @cached_property
    def audit(self) -> Audit:
        """The audit log."""
        from .audit import Audit

        return Audit(self.store)

    @cached_property
    def idempotency(self) -> Idempotency:
        """The calls that carried an idempotency key."""
        from .idempotency import Idempotency

        made = Idempotency(self.store)
        self._each_minute(made.prune)
        return made

    def _flush_access(self) -> None:
        """Writes what is pending; called when the Alloy is closed."""
        if "tokens" in self.__dict__:
            self.tokens.write_last_used()
