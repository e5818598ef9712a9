"""The table of permissions and the one check."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alloy_lua import Alloy, AlloyError
from alloy_lua.access import roles
from alloy_lua.access_model import Actor, Role
from alloy_lua.errors import NotFound, PermissionDenied, ValidationError

ORDER = (Role.VIEWER, Role.AUTHOR, Role.REVIEWER, Role.OPERATOR, Role.ADMIN)
TENANTS = ("acme", "globex", "zeta")
SCOPES = sorted({*roles.PERMISSIONS, *(name.partition(".")[0] + ".*" for name in roles.PERMISSIONS)})

reaches = st.none() | st.frozensets(st.sampled_from(TENANTS), min_size=1)
helds = st.none() | st.frozensets(st.sampled_from(SCOPES), max_size=6)
actors = st.builds(Actor, st.just("ann"), st.sampled_from(ORDER), reaches, helds)


def test_each_role_may_do_all_that_the_one_before_it_may_and_more() -> None:
    assert tuple(Role) == ORDER
    for lower, higher in pairwise(ORDER):
        assert roles.permissions_of(lower) < roles.permissions_of(higher)
    assert roles.permissions_of(Role.ADMIN) == set(roles.PERMISSIONS)


def test_the_guide_shows_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (`\w+\.\w+`.*) \|$", text, re.MULTILINE))
    shown = {name: role for role, names in rows.items() for name in re.findall(r"`(\w+\.\w+)`", names)}
    assert shown == dict(roles.PERMISSIONS)


@given(actors, st.sampled_from(sorted(roles.PERMISSIONS)), st.none() | st.sampled_from(TENANTS))
def test_who_may_is_decided_by_reach_role_and_scopes_together(
    actor: Actor, permission: str, tenant: str | None
) -> None:
    reach = actor.tenants is None or tenant in actor.tenants
    role = ORDER.index(actor.role) >= ORDER.index(roles.PERMISSIONS[permission])
    area = permission.split(".")[0] + ".*"
    scope = actor.scopes is None or permission in actor.scopes or area in actor.scopes
    assert roles.may(actor, permission, tenant) is (reach and role and scope)
    if reach and role and scope:
        roles.check(actor, permission, tenant)
    else:
        hidden = tenant is not None and not reach
        with pytest.raises(NotFound if hidden else PermissionDenied):
            roles.check(actor, permission, tenant)


def test_a_tenant_out_of_reach_looks_the_same_whether_it_is_there_or_not(alloy: Alloy) -> None:
    alloy.scripts.create("x", "return 1", tenant="acme")
    said = []
    with alloy.acting(Actor("eve", Role.ADMIN, frozenset({"globex"}))):
        for tenant in ("acme", "nobody"):
            with pytest.raises(NotFound) as caught:
                alloy.scripts.get("x", tenant=tenant)
            said.append((caught.value.message.replace(tenant, "T"), sorted(caught.value.details)))
    assert said[0] == said[1]


def test_a_refusal_names_the_permission_and_the_role_it_takes() -> None:
    with pytest.raises(
        PermissionDenied, match="'ann' may not; got the role viewer, wanted reviewer or above"
    ) as caught:
        roles.check(Actor("ann", Role.VIEWER), "scripts.activate", "acme")
    assert caught.value.details == {
        "permission": "scripts.activate", "role": "viewer", "wanted_role": "reviewer",
    }  # fmt: skip


@pytest.mark.parametrize("wrong", ["runs.read", ["runs"], ["*"], ["runs.nothing"], [1], 5])
def test_scopes_that_stand_for_nothing_are_refused(wrong: object) -> None:
    with pytest.raises(ValidationError, match="scope"):
        roles.scopes(wrong)


@given(actors, st.sampled_from(ORDER), reaches, helds)
def test_nobody_can_make_a_token_with_more_rights_than_their_own(
    giver: Actor, role: Role, reach: frozenset[str] | None, held: frozenset[str] | None
) -> None:
    with Alloy() as alloy:
        try:
            with alloy.acting(giver):
                made = alloy.tokens.create("bob", role, tenants=reach, scopes=held)
        except AlloyError as error:
            assert error.code in ("permission_denied", "not_found")
            return
        actor = alloy.tokens.authenticate(made.secret)
    for permission in roles.PERMISSIONS:
        for tenant in (None, *TENANTS):
            assert roles.may(giver, permission, tenant) or not roles.may(actor, permission, tenant)


# What each call takes, by the lowest role that may make it.
CALLS = {
    "get": Role.VIEWER, "list": Role.VIEWER, "revisions": Role.VIEWER, "revision": Role.VIEWER, "health": Role.VIEWER,
    "update": Role.AUTHOR, "create": Role.AUTHOR, "activate": Role.REVIEWER, "rollback": Role.REVIEWER,
    "pause": Role.OPERATOR, "resume": Role.OPERATOR, "disable": Role.OPERATOR, "archive": Role.OPERATOR,
    "restore": Role.OPERATOR, "reset_breaker": Role.OPERATOR, "delete": Role.ADMIN,
}  # fmt: skip
ARGUMENTS: dict[str, tuple[object, ...]] = {
    "list": (), "create": ("new", "return 1"), "update": ("x", "return 2"), "rollback": ("x", 1)
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_every_call_on_scripts_asks_for_its_role_and_its_tenant(alloy: Alloy, name: str) -> None:
    alloy.scripts.create("x", "return 1", status="active", tenant="acme")
    call, given = getattr(alloy.scripts, name), ARGUMENTS.get(name, ("x",))

    def code(actor: Actor) -> str:
        try:
            with alloy.acting(actor):
                call(*given, tenant="acme")
        except AlloyError as error:
            return error.code
        return "done"

    entries = len(alloy.audit.list())
    below = ORDER[: ORDER.index(CALLS[name])]
    assert {code(Actor("a", role)) for role in below} <= {"permission_denied"}
    assert code(Actor("a", Role.ADMIN, frozenset({"globex"}))) == "not_found"
    assert code(Actor("a", Role.ADMIN, None, frozenset({"kv.*"}))) == "permission_denied"
    assert len(alloy.audit.list()) == entries
    # The status may stand in the way, the role does not.
    assert code(Actor("a", CALLS[name], frozenset({"acme"}))) in ("done", "validation_error")


def test_every_public_call_on_scripts_is_in_the_list_above(alloy: Alloy) -> None:
    assert {name for name in dir(alloy.scripts) if not name.startswith("_")} == set(CALLS)


def test_making_a_script_run_takes_the_right_to_activate_on_every_way(alloy: Alloy) -> None:
    alloy.scripts.create("x", "return 1", status="active")
    with alloy.acting(Actor("ann", Role.AUTHOR)):
        alloy.scripts.update("x", "return 2", description="still a draft")
        for call in (
            lambda: alloy.scripts.create("y", "return 1", status="active"),
            lambda: alloy.scripts.update("x", capabilities=["http"]),
            lambda: alloy.scripts.update("x", on="order.before_create"),
            lambda: alloy.scripts.update("x", run_as="root"),
        ):
            with pytest.raises(PermissionDenied, match=r"scripts\.activate"):
                call()
    assert alloy.scripts.get("x").capabilities == ()


def test_running_by_hand_asks_for_a_right_too(alloy: Alloy) -> None:
    with alloy.acting(Actor("ann", Role.AUTHOR)):
        assert alloy.evaluate("return 1", dry_run=True).value == 1
        with pytest.raises(PermissionDenied, match=r"scripts\.run"):
            alloy.evaluate("return 1")
        with pytest.raises(PermissionDenied, match=r"scripts\.run"):
            alloy.run("x")
        with pytest.raises(NotFound, match="globex"), alloy.acting(Actor("a", Role.ADMIN, frozenset({"acme"}))):
            alloy.runs(tenant="globex")
