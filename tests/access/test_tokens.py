"""API tokens: their text, their life, and what is taken from whom."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua import Alloy, AlloyError
from alloy_lua.access.failures import MAX_ADDRESSES, FailureLimit
from alloy_lua.access.secrets import new_token, token_digest, token_id
from alloy_lua.access.tokens import KEEP_SECONDS, Tokens
from alloy_lua.access_model import Actor, Role, Token
from alloy_lua.errors import ConfigError, NotFound, RateLimited, Unauthenticated, ValidationError
from alloy_lua.stores import open_store

DAY = timedelta(days=1)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    """Tokens in memory, by that clock."""
    failures = FailureLimit(burst=3, seconds=10, clock=clock.monotonic)
    return Tokens(open_store(), failures=failures, now=clock.now, clock=clock.monotonic)


# -- the text ----------------------------------------------------------------------------------------------------
def test_a_token_is_words_of_letters_and_digits_with_its_id_and_no_two_are_alike() -> None:
    made = [new_token() for _ in range(200)]
    for identity, text in made:
        assert re.fullmatch(r"alloy_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", text)
        assert token_id(text) == identity
    assert len({text for _, text in made}) == 200


@given(st.integers(0, 66), st.sampled_from("aZ0_-é"))
def test_a_text_with_any_one_character_changed_is_no_token(place: int, other: str) -> None:
    _, text = new_token()
    changed = text[:place] + other + text[place + 1 :]
    assert changed == text or token_id(changed) is None


@given(st.text() | st.none() | st.binary() | st.integers())
def test_whatever_else_is_no_token(text: object) -> None:
    assert token_id(text) is None


# -- making and keeping ------------------------------------------------------------------------------------------
def test_a_token_authenticates_as_it_was_made(tokens: Tokens, clock: Clock) -> None:
    made = tokens.create("ann", "author", tenants=["b", "a"], scopes=["runs.*"], expires_at=clock.now() + DAY)
    actor = Actor("ann", Role.AUTHOR, frozenset({"a", "b"}), frozenset({"runs.*"}), made.token.id)
    assert tokens.authenticate(made.secret) == actor
    assert tokens.authenticate(tokens.create("root", Role.ADMIN).secret).tenants is None


def test_the_secret_is_kept_nowhere(tmp_path: Any) -> None:
    path = tmp_path / "alloy.db"
    with Alloy(f"sqlite:///{path}") as alloy:
        made = alloy.tokens.create("ann", "author")
        alloy.tokens.authenticate(made.secret)
        assert made.secret not in repr(alloy.audit.list()) + repr(alloy.tokens.list())
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert made.token.id.encode() in stored
    secret = made.secret.split("_")[2].encode()
    assert secret not in stored and secret[:20] not in stored


def test_the_key_may_be_kept_outside_the_store() -> None:
    store = open_store()
    tokens = Tokens(store, "k" * 32)
    made = tokens.create("ann", "author")
    assert made.token.digest == token_digest("k" * 32, made.secret)
    assert tokens.authenticate(made.secret).name == "ann"
    with pytest.raises(Unauthenticated):
        Tokens(store).authenticate(made.secret)
    with pytest.raises(ConfigError, match="5 characters, wanted at least 32"):
        Tokens(store, "short")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"name": " "}, "token name"),
        ({"role": "root"}, "role"),
        ({"tenants": []}, "tenants"),
        ({"tenants": [""]}, "tenants"),
        ({"scopes": ["everything"]}, "scope"),
        ({"expires_at": datetime(2030, 1, 1)}, "expires_at"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(tokens: Tokens, arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        tokens.create(**{"name": "ann", "role": "author", **arguments})
    assert tokens.list() == []


def test_the_first_token_is_made_once(tokens: Tokens) -> None:
    secret = tokens.bootstrap()
    assert secret is not None
    actor = tokens.authenticate(secret)
    assert (actor.name, actor.role, actor.tenants, actor.scopes) == ("admin", Role.ADMIN, None, None)
    assert tokens.bootstrap() is None
    tokens.revoke(tokens.list()[0].id)
    assert tokens.bootstrap() is None


def test_lists_are_paged_and_end_at_the_reach_of_who_acts(alloy: Alloy) -> None:
    for reach in ("acme", "globex", ["acme", "globex"], None, "acme"):
        alloy.tokens.create("ann", "author", tenants=reach)
    everything = [token.id for token in alloy.tokens.list()]
    assert everything == sorted(everything) and len(everything) == 5
    assert [token.id for token in alloy.tokens.list(after=everything[1], limit=2)] == everything[2:4]
    with alloy.acting(Actor("eve", Role.ADMIN, frozenset({"acme"}))):
        own = alloy.tokens.list()
        assert [token.tenants for token in own] == [("acme",)] * 2
        assert len(alloy.tokens.list(limit=1)) == 1
        others = set(everything) - {token.id for token in own}
        for identity in others:
            with pytest.raises(NotFound):
                alloy.tokens.revoke(identity)
            with pytest.raises(NotFound):
                alloy.tokens.get(identity)
        alloy.tokens.revoke(own[0].id)
    assert sum(token.revoked_at is not None for token in alloy.tokens.list()) == 1


# -- checking ----------------------------------------------------------------------------------------------------
def test_a_revoked_token_is_refused_at_once_where_it_was_revoked(tokens: Tokens) -> None:
    made = tokens.create("ann", "author")
    tokens.authenticate(made.secret)
    revoked = tokens.revoke(made.token.id, reason="lost")
    assert revoked.revoked_at is not None
    assert tokens.revoke(made.token.id) == revoked
    with pytest.raises(Unauthenticated):
        tokens.authenticate(made.secret)


def test_a_token_ends_when_it_expires_though_it_is_in_memory(tokens: Tokens, clock: Clock) -> None:
    made = tokens.create("ann", "author", expires_at=clock.now() + timedelta(seconds=5))
    tokens.authenticate(made.secret)
    clock.seconds += 5
    with pytest.raises(Unauthenticated):
        tokens.authenticate(made.secret)


def test_all_refusals_read_the_same(tokens: Tokens, clock: Clock) -> None:
    made, gone = tokens.create("ann", "author"), tokens.create("bob", "author")
    over = tokens.create("eve", "author", expires_at=clock.now() + timedelta(seconds=1))
    tokens.revoke(gone.token.id)
    clock.seconds += 2
    # One of the right form, with the right id and checksum of another secret.
    other = next(text for _, text in iter(new_token, None))
    said = set()
    for n, text in enumerate((None, "", "alloy_", 5, other, made.secret[:-1], gone.secret, over.secret)):
        with pytest.raises(Unauthenticated) as caught:
            tokens.authenticate(text, address=f"10.0.0.{n}")
        said.add((caught.value.message, str(caught.value.details)))
    assert len(said) == 1


def test_a_right_id_with_another_secret_is_refused(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tokens.create("ann", "author")
    monkeypatch.setattr("alloy_lua.access.secrets._random", lambda n: made.token.id if n == 12 else "0" * n)
    _, forged = new_token()
    assert token_id(forged) == made.token.id
    with pytest.raises(Unauthenticated):
        tokens.authenticate(forged)
    assert tokens.authenticate(made.secret).name == "ann"


def test_an_address_that_fails_too_often_waits_and_a_token_in_use_does_not(tokens: Tokens, clock: Clock) -> None:
    used, fresh = tokens.create("ann", "author"), tokens.create("bob", "author")
    tokens.authenticate(used.secret, address="10.0.0.1")
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            tokens.authenticate("wrong", address="10.0.0.1")
    for text in ("wrong", fresh.secret):
        with pytest.raises(RateLimited, match=r"10\.0\.0\.1") as caught:
            tokens.authenticate(text, address="10.0.0.1")
        assert caught.value.details == {"retry_after": 10}
    assert tokens.authenticate(used.secret, address="10.0.0.1").name == "ann"
    tokens.create("makes every process read its tokens anew", "author")
    clock.seconds += 2
    assert tokens.recall(used.secret) is None
    assert tokens.authenticate(used.secret, address="10.0.0.1").name == "ann"
    tokens.revoke(used.token.id)
    for _ in range(2):
        with pytest.raises(RateLimited):
            tokens.authenticate(used.secret, address="10.0.0.1")
    assert tokens.authenticate(fresh.secret, address="10.0.0.2").name == "bob"
    clock.seconds += 8
    with pytest.raises(Unauthenticated):
        tokens.authenticate("wrong", address="10.0.0.1")
    with pytest.raises(RateLimited):
        tokens.authenticate("wrong", address="10.0.0.1")


def test_a_token_in_memory_is_read_again_after_a_while(tokens: Tokens, clock: Clock) -> None:
    made = tokens.create("ann", "author")
    tokens.authenticate(made.secret)
    reads: list[str] = []
    store = tokens._store.tokens
    real = store.get

    def counted(identity: str) -> Token | None:
        reads.append(identity)
        return real(identity)

    store.get = counted  # type: ignore[method-assign]
    for _ in range(10):
        tokens.authenticate(made.secret)
    assert reads == []
    clock.seconds += KEEP_SECONDS + 1
    tokens.authenticate(made.secret)
    assert reads == [made.token.id]


def test_a_token_is_recalled_without_the_store_while_nothing_can_have_changed(tokens: Tokens, clock: Clock) -> None:
    made = tokens.create("ann", "author", expires_at=clock.now() + timedelta(seconds=1.5))
    assert tokens.recall(made.secret) is None
    actor = tokens.authenticate(made.secret)
    real, tokens._store.tokens.get = tokens._store.tokens.get, None  # type: ignore[assignment, method-assign]
    assert tokens.recall(made.secret) == actor
    for wrong in (None, "", 5, made.secret[:-1] + "0", new_token()[1]):
        assert tokens.recall(wrong) is None
    clock.seconds += 1
    assert tokens.recall(made.secret) is None
    assert tokens.authenticate(made.secret) == tokens.recall(made.secret) == actor
    clock.seconds += 0.5
    assert tokens.recall(made.secret) is None
    tokens._store.tokens.get = real  # type: ignore[method-assign]


def test_a_token_read_while_it_was_revoked_elsewhere_is_not_kept(clock: Clock) -> None:
    store = open_store()
    here, there = (Tokens(store, now=clock.now, clock=clock.monotonic) for _ in range(2))
    made = here.create("ann", "author")
    real = store.tokens.get

    def slow(identity: str) -> Token | None:
        found = real(identity)
        store.tokens.get = real  # type: ignore[method-assign]
        there.revoke(identity)
        clock.seconds += 2
        with pytest.raises(Unauthenticated):
            here.authenticate(made.secret)
        return found

    store.tokens.get = slow  # type: ignore[method-assign]
    here.authenticate(made.secret)  # had been read before the end of the token
    with pytest.raises(Unauthenticated):
        here.authenticate(made.secret)


def test_the_time_of_last_use_is_written_when_asked_for_and_at_the_end(tokens: Tokens, clock: Clock) -> None:
    made = tokens.create("ann", "author")
    tokens.authenticate(made.secret)
    used = clock.now()
    assert tokens.get(made.token.id).last_used_at is None
    clock.seconds += 5
    tokens.write_last_used()
    assert tokens.get(made.token.id).last_used_at == used
    with Alloy() as alloy:
        secret = alloy.tokens.create("ann", "author").secret
        alloy.tokens.authenticate(secret)
    assert alloy.store.tokens.page()[0].last_used_at is not None


def test_threads_that_show_tokens_while_one_is_revoked_see_nothing_but_yes_and_no(alloy: Alloy) -> None:
    made = [alloy.tokens.create(f"user-{n}", "author") for n in range(4)]
    odd: list[Exception] = []

    def show(secret: str) -> None:
        for _ in range(200):
            try:
                alloy.tokens.authenticate(secret, address=secret[:18])
            except AlloyError as error:
                if error.code not in ("unauthenticated", "rate_limited"):
                    odd.append(error)
            except Exception as error:
                odd.append(error)

    threads = [threading.Thread(target=show, args=(one.secret,)) for one in made]
    for thread in threads:
        thread.start()
    alloy.tokens.revoke(made[0].token.id)
    for thread in threads:
        thread.join()
    assert odd == []


# -- counting failures -------------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=60))
def test_no_address_gets_more_tries_than_its_burst_and_what_has_come_back(steps: list[tuple[float, bool]]) -> None:
    clock = Clock()
    limit = FailureLimit(burst=5, seconds=7, clock=clock.monotonic)
    start, tries = clock.seconds, 0
    for pause, try_now in steps:
        clock.seconds += pause
        if try_now and limit.wait("a") == 0:
            limit.count("a")
            tries += 1
        assert tries <= 5 + (clock.seconds - start) / 7 + 1e-6
        assert limit.wait("b") == 0


def test_after_its_wait_an_address_may_try_again() -> None:
    clock = Clock()
    limit = FailureLimit(burst=2, seconds=7, clock=clock.monotonic)
    for _ in range(2):
        limit.count("a")
    wait = limit.wait("a")
    assert wait == 7
    clock.seconds += wait
    assert limit.wait("a") == 0


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("unix:/a", "unix:/b", False),
        (None, "", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(first: str | None, second: str | None, together: bool) -> None:
    limit = FailureLimit(burst=1, seconds=60)
    limit.count(first)
    assert (limit.wait(second) > 0) is together


def test_the_number_of_addresses_is_bounded() -> None:
    clock = Clock()
    limit = FailureLimit(burst=1, seconds=60, clock=clock.monotonic)
    for n in range(MAX_ADDRESSES + 5):
        limit.count(str(n))
    assert len(limit._full_at) <= MAX_ADDRESSES
    assert limit.wait(str(MAX_ADDRESSES + 4)) > 0
    clock.seconds += 61
    limit.count("new")
    assert len(limit._full_at) == 1
