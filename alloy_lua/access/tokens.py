"""API tokens: made, shown once, checked, revoked."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple, NoReturn

from .. import checks
from ..access_model import Actor, AuditEntry, Role, Token
from ..errors import AlloyError, ConfigError, NotFound, PermissionDenied, RateLimited, Unauthenticated
from ..forking import after_fork
from ..ports import Store
from . import roles
from .acting import MAX_REASON, current, require, who
from .digests import digest_of, without
from .failures import FailureLimit
from .secrets import new_key, new_token, same, token_digest, token_id
from .trail import entry

LOOK_SECONDS = 1.0  # between two looks at the change counter: how long a revoked token may still be taken
KEEP_SECONDS = 60.0  # how long a token is kept in memory without reading it again
MIN_KEY = 32


class NewToken(NamedTuple):
    """A token that was made now. ``secret`` is its text: it is kept nowhere, and cannot be had again."""

    token: Token
    secret: str


class _Known(NamedTuple):
    """A token in memory."""

    token: Token
    actor: Actor
    read_at: float


class Tokens:
    """The API tokens of a store. Safe to use from any thread.

    Args:
        store: Where they are kept.
        key: What their texts are hashed with; None for a key kept in the store.
        failures: How many wrong tokens an address may show.
        now: Returns the time.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self, store: Store, key: str | None = None, *, failures: FailureLimit | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC), clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        if key is not None and len(checks.text(key, "token_key")) < MIN_KEY:
            raise ConfigError(f"token_key: got {len(key)} characters, wanted at least {MIN_KEY}")
        self._store = store
        self._key = key
        self._failures = FailureLimit() if failures is None else failures
        self._now = now
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._good: dict[str, str] = {}  # id and digest of tokens that were good when last read
        self._used: dict[str, datetime] = {}
        self._counter = -1
        self._looked_at = -math.inf
        self._renew()
        after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    # -- keeping -------------------------------------------------------------------------------------------------
    def create(
        self, name: str, role: Role | str, *, tenants: Iterable[str] | str | None = None,
        scopes: Iterable[str] | None = None, expires_at: datetime | None = None,
    ) -> NewToken:  # fmt: skip
        """Returns a new token with its secret, which is shown this once.

        Args:
            name: Who will show it: a person or a program.
            role: viewer, author, reviewer, operator or admin.
            tenants: Where it may act; None for every tenant.
            scopes: The permissions it is held to (`roles.PERMISSIONS`, or ``runs.*``); None for all of its role.
            expires_at: When it ends; None for never.

        Raises:
            ValidationError: An argument is wrong.
            PermissionDenied: Whoever acts would give more rights than it has.
        """
        ends = None if expires_at is None else checks.aware_time(expires_at, "expires_at")
        if ends is not None and ends <= self._now():
            raise checks.wrong("expires_at", ends.isoformat(), "a time to come")
        reach = None if tenants is None else checks.names([tenants] if isinstance(tenants, str) else tenants, "tenants")
        if reach is not None and not reach:
            raise checks.wrong("tenants", [], "at least one tenant, or None for every tenant")
        held = roles.scopes(scopes)
        actor = Actor(checks.name(name, "token name"), checks.one_of(Role, role, "role"), reach, held)
        _may_give(actor)
        token, secret = self._made(actor, ends)
        self._store.tokens.add(token, audit=_entry("token.create", token, after=_state(token)))
        return NewToken(token, secret)

    def bootstrap(self, name: str = "admin") -> str | None:
        """Returns the text of a first token, with the role admin in every tenant; None if there ever was a token.

        Of any number of processes that ask at once, one gets it.
        """
        if self._store.tokens.page(limit=1):
            return None
        token, secret = self._made(Actor(checks.name(name, "token name"), Role.ADMIN), None)
        audit = _entry("token.create", token, after=_state(token), reason="first start")
        return secret if self._store.tokens.add_first(token, audit=audit) else None

    def get(self, token_id: str) -> Token:
        """Returns one token.

        Raises:
            NotFound: There is none of that id within reach of whoever acts.
        """
        token = self._store.tokens.get(checks.name(token_id, "token id"))
        if token is None or not _in_reach(token):
            raise NotFound(f"token {checks.shown(token_id)}: there is none", details={"token": token_id})
        _require("tokens.read", token)
        return token

    def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[Token]:
        """Returns the tokens within reach of whoever acts, in order of id, behind the one with the id ``after``."""
        checks.whole_number(limit, "limit", 1, 1000)
        _require("tokens.read", None)
        found: list[Token] = []
        while len(found) < limit and (page := self._store.tokens.page(after=after, limit=1000)):
            found += filter(_in_reach, page)
            after = page[-1].id
        return found[:limit]

    def revoke(self, token_id: str, *, reason: str | None = None) -> Token:
        """Returns the token, revoked: no process takes it any more after two seconds at most.

        Raises:
            NotFound: There is none of that id within reach of whoever acts.
        """
        token = self.get(token_id)
        _require("tokens.write", token)
        why = None if reason is None else checks.text(reason, "reason", MAX_REASON)
        at, by = self._now(), who()
        revoked = token._replace(revoked_at=at, revoked_by=by)
        audit = _entry("token.revoke", token, before=_state(token), after=_state(revoked), reason=why)
        done = self._store.tokens.revoke(token.id, at, by, audit=audit)
        self._known = {}
        return revoked if done else self.get(token_id)

    # -- checking ------------------------------------------------------------------------------------------------
    def authenticate(self, text: object, *, address: str | None = None) -> Actor:
        """Returns who showed the token with that text.

        Args:
            text: What was shown, whatever it is.
            address: The network address it came from; wrong tokens are counted by it.

        Raises:
            Unauthenticated: It is no token, or is wrong, expired or revoked.
            RateLimited: The address has shown too many wrong ones; ``details["retry_after"]`` says how long to wait.
                A token that was good when it was last shown is looked at all the same.
        """
        self._heed_changes()
        actor = self.recall(text)
        if actor is not None:
            return actor
        identity = token_id(text)
        if identity is None or not isinstance(text, str):
            self._refuse(address)
        digest = token_digest(self._server_key(), text)
        was_good = same(self._good.get(identity, ""), digest)
        if not was_good:
            self._check_wait(address)
        actor = self._actor(self._read(identity), text)
        if actor is None:
            if was_good:
                self._good.pop(identity, None)
            self._refuse(address)
        self._good[identity] = digest
        return actor

    def recall(self, text: object) -> Actor | None:
        """Returns who showed a good token that is in memory; None if only `authenticate` can say.

        Never waits for the store: for event loops, which call `authenticate` in a thread if this knows nothing.
        """
        now = self._clock()
        if now - self._looked_at >= LOOK_SECONDS:
            return None
        known = self._known.get(token_id(text) or "")
        if known is None or now - known.read_at > KEEP_SECONDS:
            return None
        return self._actor(known, str(text))

    def write_last_used(self) -> None:
        """Writes when tokens were used last; called about once a minute, and at the end."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            self._store.tokens.touch(dict(used))
        except AlloyError:
            self._used = used | self._used
            raise

    # -- inside --------------------------------------------------------------------------------------------------
    def _made(self, actor: Actor, expires_at: datetime | None) -> tuple[Token, str]:
        identity, text = new_token()
        reach = None if actor.tenants is None else tuple(sorted(actor.tenants))
        held = None if actor.scopes is None else tuple(sorted(actor.scopes))
        digest = token_digest(self._server_key(), text)
        token = Token(identity, actor.name, actor.role, reach, held, digest, self._now(), who(), expires_at)
        return token, text

    def _server_key(self) -> str:
        if self._key is None:
            self._key = self._store.tokens.key(new_key())
        return self._key

    def _heed_changes(self) -> None:
        """Forgets what is in memory if anything was written since the last look."""
        now = self._clock()
        if now - self._looked_at < LOOK_SECONDS:
            return
        with self._lock:
            if now - self._looked_at < LOOK_SECONDS:
                return
            counter = self._store.change_counter()
            if counter != self._counter:
                self._known = {}
                self._counter = counter
            self._looked_at = now

    def _read(self, identity: str) -> _Known | None:
        known = self._known
        token = self._store.tokens.get(identity)
        if token is None:
            return None
        # Kept in the dictionary of before the read: one that was dropped meanwhile is not filled again.
        found = known[identity] = _Known(token, actor_of(token), self._clock())
        return found

    def _actor(self, known: _Known | None, text: str) -> Actor | None:
        """Returns who shows ``known``, if ``text`` is its text and it is in force."""
        if known is None or not same(known.token.digest, token_digest(self._server_key(), text)):
            return None
        token, now = known.token, self._now()
        if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
            return None
        self._used[token.id] = now
        return known.actor

    def _check_wait(self, address: str | None) -> None:
        seconds = self._failures.wait(address)
        if seconds > 0:
            raise RateLimited(
                f"tokens: too many wrong ones from {address or 'here'}; wanted a wait of {math.ceil(seconds)} s",
                details={"retry_after": math.ceil(seconds)},
            )

    def _refuse(self, address: str | None) -> NoReturn:
        self._check_wait(address)
        self._failures.count(address)
        raise Unauthenticated("token: missing, wrong, expired or revoked")


def actor_of(token: Token) -> Actor:
    """Returns who shows ``token``."""
    reach = None if token.tenants is None else frozenset(token.tenants)
    held = None if token.scopes is None else frozenset(token.scopes)
    return Actor(token.name, token.role, reach, held, token.id)


def _may_give(actor: Actor) -> None:
    """Returns None if whoever acts has all the rights of ``actor``.

    Raises:
        NotFound, PermissionDenied: as `roles.check`.
    """
    giver = current()
    if giver is None:
        return
    for tenant in (None,) if actor.tenants is None else sorted(actor.tenants):
        require("tokens.write", tenant)
    if not roles.at_least(giver.role, actor.role):
        raise _too_much(f"the role {actor.role}, wanted {giver.role} or below")
    wide = roles.permissions_of(actor.role) - {p for p in roles.PERMISSIONS if roles.covers(giver.scopes, p)}
    if any(roles.covers(actor.scopes, permission) for permission in wide):
        raise _too_much("permissions that are not in the giver's scopes")


def _too_much(what: str) -> AlloyError:
    return PermissionDenied(f"new token: got {what}", details={"permission": "tokens.write"})


def _in_reach(token: Token) -> bool:
    actor = current()
    if actor is None or actor.tenants is None:
        return True
    return token.tenants is not None and actor.tenants.issuperset(token.tenants)


def _require(permission: str, token: Token | None) -> None:
    """Checks the permission in the token's tenants; without a token, in any tenant of whoever acts."""
    actor = current()
    if actor is None:
        return
    reach = actor.tenants if token is None else token.tenants
    for tenant in (None,) if reach is None else sorted(reach):
        require(permission, tenant)


def _state(token: Token) -> str:
    return digest_of(without(token, "digest", "last_used_at"))


def _entry(action: str, token: Token, **more: str | None) -> AuditEntry:
    tenant = token.tenants[0] if token.tenants is not None and len(token.tenants) == 1 else None
    details = {"role": token.role.value, "tenants": token.tenants, "scopes": token.scopes}
    return entry(action, tenant=tenant, object_id=token.id, name=token.name, details=details, **more)
