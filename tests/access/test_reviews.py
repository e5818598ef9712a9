"""Reviews, and tenants where nothing runs without one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alloy_lua import Alloy, AlloyError, Conflict, NotFound, ValidationError
from alloy_lua.access_model import Actor, Role
from alloy_lua.errors import PermissionDenied, ReviewRequired

ANN, BOB, EVE = Actor("ann", Role.AUTHOR), Actor("bob", Role.REVIEWER), Actor("eve", Role.ADMIN)


@pytest.fixture
def strict(alloy: Alloy) -> Alloy:
    """A tenant that asks for reviews, with the draft "x" by ann."""
    alloy.tenants.update("default", review_required=True)
    alloy.scripts.create("x", "entity.a = 1", on="order.before_create", author="ann")
    return alloy


def test_without_the_setting_nobody_is_asked(alloy: Alloy) -> None:
    alloy.scripts.create("x", "return 1", author="ann", status="active")
    alloy.tenants.update("other", review_required=True)
    assert alloy.scripts.activate("x", author="ann").status == "active"


def test_activation_waits_for_the_approval_of_somebody_else(strict: Alloy) -> None:
    with pytest.raises(ReviewRequired, match="wanted the approval of somebody other than 'ann'") as caught:
        strict.scripts.activate("x", author="eve")
    assert caught.value.code == "review_required"
    assert caught.value.details == {
        "script": "x", "revision": 1, "sha256": strict.scripts.revision("x").sha256,
    }  # fmt: skip
    with strict.acting(BOB):
        made = strict.reviews.add("x", "approve", "does what it says")
    assert (made.reviewer, made.revision, made.sha256) == ("bob", 1, strict.scripts.revision("x").sha256)
    assert strict.scripts.activate("x", author="ann").live_revision == 1
    assert strict.reviews.list("x") == [made]


def test_authors_cannot_review_themselves_whatever_their_role(strict: Alloy) -> None:
    with strict.acting(EVE):
        strict.scripts.update("x", "entity.a = 2")
        with pytest.raises(PermissionDenied, match="'eve' wrote it"):
            strict.reviews.add("x", "approve", "mine")
        strict.reviews.add("x", "approve", "that of ann", revision=1)
        with pytest.raises(ReviewRequired):
            strict.scripts.activate("x")
    assert [review.revision for review in strict.reviews.list("x")] == [1]
    assert strict.reviews.list("x", revision=2) == []


def test_an_approval_is_for_one_text(strict: Alloy) -> None:
    strict.reviews.add("x", "approve", "fine", reviewer="bob")
    strict.scripts.update("x", "entity.a = 666", author="ann")
    with pytest.raises(ReviewRequired):
        strict.scripts.activate("x")
    assert strict.scripts.activate("x", 1).live_revision == 1
    strict.reviews.add("x", "approve", "fine too", reviewer="bob")
    assert strict.scripts.activate("x").live_revision == 2


def test_a_rejection_stands_until_the_same_person_approves(strict: Alloy) -> None:
    strict.reviews.add("x", "approve", "fine", reviewer="bob")
    strict.reviews.add("x", "reject", "it loops", reviewer="eve")
    with pytest.raises(ReviewRequired, match="'eve' rejected it: it loops"):
        strict.scripts.activate("x")
    strict.reviews.add("x", "approve", "still fine", reviewer="bob")
    with pytest.raises(ReviewRequired):
        strict.scripts.activate("x")
    strict.reviews.add("x", "approve", "I was wrong", reviewer="eve")
    assert strict.scripts.activate("x").status == "active"


WAYS: dict[str, Callable[[Alloy], object]] = {
    "create active": lambda alloy: alloy.scripts.create("y", "return 1", status="active"),
    "activate": lambda alloy: alloy.scripts.activate("x"),
    "rollback": lambda alloy: alloy.scripts.rollback("x", 2),
    "more rights": lambda alloy: alloy.scripts.update("x", capabilities=["http"]),
    "another event": lambda alloy: alloy.scripts.update("x", on="user.before_delete"),
    "another user": lambda alloy: alloy.scripts.update("x", run_as="root"),
    "other limits": lambda alloy: alloy.scripts.update("x", limits="relaxed"),
    "resumed with more rights": lambda alloy: _resumed(alloy, capabilities=["http"]),
    "resumed with more events": lambda alloy: _resumed(alloy, on=["a.before_create", "b.before_create"]),
}


def _resumed(alloy: Alloy, **settings: object) -> None:
    alloy.scripts.pause("x")
    alloy.scripts.update("x", **settings)  # type: ignore[arg-type]
    alloy.scripts.resume("x")


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_around_the_review(strict: Alloy, way: str) -> None:
    strict.reviews.add("x", "approve", "fine", reviewer="bob")
    strict.scripts.activate("x")
    strict.scripts.update("x", "entity.a = 666", author="ann")
    live = strict.scripts.get("x")
    with pytest.raises(ReviewRequired):
        WAYS[way](strict)
    after = strict.scripts.get("x")
    assert after == live or after.status == "paused"
    assert strict.scripts.list(text="y") == []


def test_what_does_not_change_what_runs_needs_no_review(strict: Alloy) -> None:
    strict.reviews.add("x", "approve", "fine", reviewer="bob")
    strict.scripts.activate("x")
    strict.scripts.update("x", description="words", name="renamed")
    strict.scripts.pause("renamed")
    strict.scripts.resume("renamed")
    assert strict.scripts.activate("renamed").status == "active"


def test_settings_changed_and_reviewed_while_paused_run_after_that(strict: Alloy) -> None:
    strict.reviews.add("x", "approve", "fine", reviewer="bob")
    strict.scripts.activate("x")
    with pytest.raises(ReviewRequired, match="its settings were changed since it was reviewed"):
        _resumed(strict, priority=7)
    strict.reviews.add("x", "approve", "seven it is", reviewer="bob")
    assert strict.scripts.resume("x").priority == 7


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("none", "approve", "why"), NotFound),
        (("x", "maybe", "why"), ValidationError),
        (("x", "approve", " "), ValidationError),
        (("x", "approve", None), ValidationError),
    ],
)
def test_wrong_reviews_are_refused(strict: Alloy, arguments: tuple[str, str, str], error: type[AlloyError]) -> None:
    with pytest.raises(error):
        strict.reviews.add(*arguments, reviewer="bob")
    with pytest.raises(NotFound):
        strict.reviews.add("x", "approve", "why", revision=9, reviewer="bob")
    assert strict.reviews.list("x") == []


# -- tenants -----------------------------------------------------------------------------------------------------
def test_a_tenant_has_all_settings_whether_they_were_set_or_not(alloy: Alloy) -> None:
    assert alloy.tenants.get("acme").settings == {"review_required": False}
    made = alloy.tenants.update("acme", review_required=True)
    assert (made.settings, made.version) == ({"review_required": True}, 1)
    assert alloy.tenants.update("acme", expected_version=1).version == 2
    with pytest.raises(Conflict):
        alloy.tenants.update("acme", expected_version=1, review_required=False)
    assert alloy.tenants.get("acme").settings == {"review_required": True}


@pytest.mark.parametrize("settings", [{"review": True}, {"review_required": "yes"}])
def test_a_wrong_setting_is_named(alloy: Alloy, settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(settings))):
        alloy.tenants.update("acme", **settings)
    assert alloy.tenants.get("acme").version == 0


def test_tenants_are_listed_as_far_as_one_may_see(alloy: Alloy) -> None:
    for name in ("acme", "globex", "zeta"):
        alloy.scripts.create("x", "return 1", tenant=name)
    assert [tenant.name for tenant in alloy.tenants.list()] == ["acme", "globex", "zeta"]
    with alloy.acting(Actor("ann", Role.VIEWER, frozenset({"zeta", "acme"}))):
        assert [tenant.name for tenant in alloy.tenants.list()] == ["acme", "zeta"]
        assert [tenant.name for tenant in alloy.tenants.list(after="acme")] == ["zeta"]
        with pytest.raises(NotFound):
            alloy.tenants.get("globex")
        with pytest.raises(PermissionDenied):
            alloy.tenants.update("acme", review_required=True)
