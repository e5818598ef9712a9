"""Scripts over HTTP: written, changed, moved through their life, compared, tried."""

from __future__ import annotations

import pytest

from .conftest import Client


def test_a_script_from_its_first_draft_to_its_end(admin: Client) -> None:
    made = admin.post("/scripts", {"name": "life", "source": "return 1", "triggers": [{"kind": "manual"}]})
    assert made.status == 201 and made.headers["ETag"] == '"1"' and made.headers["Location"] == "/api/v1/scripts/life"
    assert admin.get("/scripts/life").json == made.json
    changed = admin("PATCH", "/scripts/life", {"source": "return 2", "message": "two"}, If_Match='"1"')
    assert (changed.json["draft_revision"], changed.json["live_revision"]) == (2, None)
    live = admin.post("/scripts/life/activate", {"reason": "go"}, If_Match=changed.headers["ETag"])
    assert (live.json["status"], live.json["live_revision"]) == ("active", 2)
    assert admin.post("/scripts/life/run").json["value"] == 2
    assert admin.post("/scripts/life/rollback", {"revision": 1}).json["live_revision"] == 1
    assert admin.post("/scripts/life/run").json["value"] == 1
    for verb, status in (("pause", "paused"), ("resume", "active"), ("disable", "disabled"), ("archive", "archived"),
                         ("restore", "draft")):  # fmt: skip
        moved = admin.post(f"/scripts/life/{verb}")
        assert (moved.status, moved.json["status"]) == (200, status)
    assert admin("DELETE", "/scripts/life").status == 204
    assert admin.get("/scripts/life").code == "not_found"


def test_a_stale_write_is_told_who_wrote_and_when(admin: Client) -> None:
    admin.post("/scripts", {"name": "stale", "source": "return 1"})
    admin("PATCH", "/scripts/stale", {"description": "first"}, If_Match='"1"')
    late = admin("PATCH", "/scripts/stale", {"description": "second"}, If_Match='"1"')
    assert (late.status, late.code) == (412, "stale_version")
    details = late.json["error"]["details"]
    assert (details["expected"], details["actual"], details["updated_by"]) == (1, 2, "admin-all")
    assert details["updated_at"]
    assert admin("PATCH", "/scripts/stale", {"description": "x"}, If_Match="three").status == 422
    assert admin("PATCH", "/scripts/stale", {"description": "x"}, If_Match="*").status == 200
    assert admin.get("/scripts/stale", If_None_Match='"3"').status == 304


def test_lists_are_filtered_and_come_in_pages(admin: Client) -> None:
    for number in range(5):
        admin.post("/scripts", {
            "name": f"page-{number}", "source": "return 1", "description": "paged",
            "triggers": [{"kind": "event", "event": "pages.before_create"}],
        })  # fmt: skip
    names, cursor = [], ""
    while True:
        page = admin.get(f"/scripts?event=pages.before_create&limit=2{cursor}").json
        names += [script["name"] for script in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert names == [f"page-{number}" for number in range(5)]
    assert admin.get("/scripts?text=paged&status=active").json["items"] == []
    admin(
        "PATCH",
        "/scripts/page-1",
        {"tags": ["prices", "b2b"], "triggers": [{"kind": "event", "event": "pages.after_update"}]},
    )

    def found(query: str) -> list[str]:
        return [script["name"] for script in admin.get(f"/scripts?{query}").json["items"]]

    assert found("tag=b2b") == found("entity=pages&phase=after") == ["page-1"]
    assert found("tag=b2") == found("entity=page") == found("tag=b2b&phase=before") == []
    assert "page-1" not in found("phase=before") and "page-0" in found("phase=before&entity=pages")
    assert admin.get("/scripts?cursor=%21").code == "validation_error"


def test_revisions_and_what_changed_between_them(admin: Client) -> None:
    admin.post("/scripts", {"name": "texts", "source": "local a = 1\nreturn a\n"})
    admin("PATCH", "/scripts/texts", {"source": "local a = 2\nreturn a\n", "message": "two"})
    page = admin.get("/scripts/texts/revisions").json["items"]
    assert [(r["number"], r["message"], r["draft"]) for r in page] == [(2, "two", True), (1, "", False)]
    assert admin.get("/scripts/texts/revisions/1").json["source"] == "local a = 1\nreturn a\n"
    found = admin.get("/scripts/texts/diff?from_revision=1").json
    assert (found["to_revision"], found["added"], found["removed"]) == (2, 1, 1)
    assert "-local a = 1\n+local a = 2\n" in found["unified"]


def test_validation_says_where_and_what(admin: Client) -> None:
    bad = admin.post("/validate", {"source": "local x = 1\nreturn x +"}).json
    assert bad["valid"] is False and bad["error"]["line"] == 2 and bad["error"]["code"] == "compile_error"
    good = admin.post("/validate", {"source": "entity.a = str.trim(entity.b)"}).json
    assert good["valid"] and good["reads"] == ["b"] and good["writes"] == ["a"] and good["modules"] == ["str"]
    admin.post("/scripts", {"name": "broken", "source": "return +"})
    assert admin.post("/scripts/broken/validate").json["valid"] is False
    refused = admin.post("/scripts/broken/activate")
    assert (refused.status, refused.code) == (422, "compile_error") and refused.json["error"]["line"] == 1


def test_a_diff_of_very_long_texts_takes_no_time(admin: Client) -> None:
    from alloy_lua.api.differences import unified

    old, new = "a\nb\n" * 100_000, "a\nb\n" * 50_000 + "c\n" + "a\nb\n" * 50_000
    text, added, removed = unified(old, new, "old", "new")
    assert (added, removed) == (1, 0) and "+c\n" in text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/scripts", {"name": "x y", "source": ""}),
        ("/scripts", {"name": "x", "source": "", "unknown": 1}),
        ("/scripts", {"name": "x", "source": "", "triggers": [{"kind": "event", "event": "order.befor_create"}]}),
        ("/scripts", {"name": "x", "source": "", "triggers": [{"kind": "cron", "expression": "soon"}]}),
        ("/scripts", {"name": "x", "source": "", "limits": "huge"}),
        ("/scripts", {"source": ""}),
    ],
)
def test_wrong_bodies_are_refused_by_name(admin: Client, path: str, body: object) -> None:
    refused = admin.post(path, body)
    assert (refused.status, refused.code) == (422, "validation_error"), refused.text
    assert refused.json["error"]["request_id"] == refused.headers["X-Request-Id"]
