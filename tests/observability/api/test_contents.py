"""GET and DELETE /generation/content, and POST /generation/content/delete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import AuditEvent
from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability import contents, recent
from observability.models import Generation, GenerationContent
from tests.cast import Acme, Cast
from tests.dashboard_pages import make_generation
from tests.management_api import Api, data_of, error_of
from tests.observability.said import SAID, is_kept, keep

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PATH = "/generation/content"
DELETION = "/generation/content/delete"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a generation that will not come."""
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)


@pytest.fixture
def api(acme: Acme) -> Api:
    return Api(acme.management_key.secret)


def said_with(
    key: Any, *, is_logged: bool = True, said: dict[str, Any] | None = None, **columns: Any
) -> Generation:
    generation = make_generation(key, **columns)
    keep(generation, is_logged=is_logged, **(said or {}))
    return generation


def events(acme: Acme) -> list[dict[str, Any]]:
    with tenant(acme.organization.pk):
        rows = AuditEvent.objects.filter(kind="content_deleted").order_by("pk")
        return list(rows.values_list("detail", flat=True))


class TestContent:
    def test_is_what_was_said(self, acme: Acme, api: Api):
        generation = said_with(acme.bob_key.key)

        content = data_of(api.get(f"{PATH}?id={generation.public_id}"))

        assert content == {
            "input": SAID["input"],
            "output": {"completion": "Hello", "reasoning": None, "tool_calls": None},
            "error": None,
            "is_truncated": False,
        }

    def test_of_a_failure_says_what_its_caller_was_told(self, acme: Acme, api: Api):
        detail = {"previous_errors": [{"provider": "alpha", "code": "x", "status": 503}, "nonsense"]}
        failure = {"status": Generation.ERROR, "http_status": 502, "provider": "beta", "detail": detail}
        generation = said_with(acme.bob_key.key, said={"error": "Provider returned error"}, **failure)

        error = data_of(api.get(f"{PATH}?id={generation.public_id}"))["error"]

        assert error == {
            "status": 502,
            "message": "Provider returned error",
            "provider_name": "beta",
            "raw": None,
            "previous_errors": [
                {"code": 503, "message": "Provider returned error", "provider_name": "alpha", "raw": None}
            ],
        }

    def test_is_shown_to_the_key_that_said_it_alone(self, acme: Acme):
        generation = said_with(acme.bob_key.key)
        address = f"{PATH}?id={generation.public_id}"

        assert Api(acme.bob_key.secret).get(address).status_code == 200
        assert Api(acme.carol_key.secret).get(address).status_code == 404

    def test_that_waits_for_its_delivery_is_404_as_what_is_foreign_or_unknown(self, cast: Cast, api: Api):
        waiting = said_with(cast.acme.bob_key.key, is_logged=False)
        unsaid = make_generation(cast.acme.bob_key.key)
        logged = said_with(cast.acme.bob_key.key)
        foreign = Api(cast.globex.management_key.secret)

        answers = [
            api.get(f"{PATH}?id={name}")
            for name in (waiting.public_id, unsaid.public_id, generation_id(uuid7()), "gen-x")
        ]
        answers.append(foreign.get(f"{PATH}?id={logged.public_id}"))

        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1

    def test_whose_key_is_lost_is_404(self, acme: Acme, api: Api):
        generation = said_with(acme.bob_key.key)
        rows = GenerationContent.objects.using("owner").unscoped(reason="a test loses a key")
        sealed = rows.get(pk=generation.pk).sealed
        rows.filter(pk=generation.pk).update(sealed="lost." + sealed.partition(".")[2])

        assert api.get(f"{PATH}?id={generation.public_id}").status_code == 404

    @pytest.mark.parametrize("query", ["", "?id="])
    def test_needs_an_id(self, api: Api, query: str):
        assert error_of(api.get(PATH + query))[0] == 400


class TestDeletingOne:
    @pytest.mark.parametrize("is_logged", [True, False])
    def test_leaves_nothing_of_it_and_is_audited(self, acme: Acme, api: Api, is_logged: bool):
        generation = said_with(acme.bob_key.key, is_logged=is_logged)

        answer = api.delete(f"{PATH}?id={generation.public_id}")

        assert data_of(answer) == {"deleted": 1, "has_more": False}
        assert not is_kept(generation.pk)
        assert events(acme) == [{"generation_id": generation.public_id, "deleted": 1, "has_more": False}]

    def test_again_is_404(self, acme: Acme, api: Api):
        generation = said_with(acme.bob_key.key)
        api.delete(f"{PATH}?id={generation.public_id}")

        assert api.delete(f"{PATH}?id={generation.public_id}").status_code == 404
        assert len(events(acme)) == 1

    def test_of_somebody_else_is_404(self, cast: Cast):
        generation = said_with(cast.acme.bob_key.key)

        answer = Api(cast.globex.management_key.secret).delete(f"{PATH}?id={generation.public_id}")

        assert (answer.status_code, is_kept(generation.pk)) == (404, True)

    def test_is_refused_to_inference_keys(self, acme: Acme):
        generation = said_with(acme.bob_key.key)

        answer = Api(acme.bob_key.secret).delete(f"{PATH}?id={generation.public_id}")

        assert (answer.status_code, is_kept(generation.pk)) == (403, True)


class TestDeletingMany:
    @pytest.fixture
    def said(self, acme: Acme) -> dict[str, Generation]:
        """What bob and carol said, each in a workspace of his own."""
        return {
            "bob": said_with(acme.bob_key.key, user="ann", session_id="s1"),
            "bob, waiting": said_with(acme.bob_key.key, is_logged=False, user="ben", session_id="s1"),
            "bob, long ago": said_with(acme.bob_key.key, seconds_ago=86_400, user="ann"),
            "carol": said_with(acme.carol_key.key, user="ann", session_id="s2"),
        }

    @pytest.mark.parametrize(
        ("asked", "gone"),
        [
            ({"workspace_id": "production"}, {"bob", "bob, waiting", "bob, long ago"}),
            ({"api_key_hash": "{carol}"}, {"carol"}),
            ({"user": "ann"}, {"bob", "bob, long ago", "carol"}),
            ({"session_id": "s1"}, {"bob", "bob, waiting"}),
            ({"user": "ann", "workspace_id": "production"}, {"bob", "bob, long ago"}),
            ({"since": "{an hour ago}"}, {"bob", "bob, waiting", "carol"}),
            ({"until": "{an hour ago}", "user": "ann"}, {"bob, long ago"}),
            ({"user": "nobody"}, set()),
        ],
    )
    def test_takes_what_meets_all_conditions(self, acme: Acme, api: Api, said, asked, gone):
        hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        words = {"{carol}": acme.carol_key.key.hash, "{an hour ago}": hour_ago}
        body = {name: words.get(value, value) for name, value in asked.items()}

        answer = api.post(DELETION, body)

        assert data_of(answer) == {"deleted": len(gone), "has_more": False}
        assert {name for name, generation in said.items() if not is_kept(generation.pk)} == gone
        assert [event["deleted"] for event in events(acme)] == [len(gone)]

    def test_takes_so_many_at_once_and_says_whether_there_are_more(self, api: Api, said, monkeypatch):
        monkeypatch.setattr(contents, "MOST_AT_ONCE", 2)

        answers = [data_of(api.post(DELETION, {"workspace_id": "production"})) for _ in range(3)]

        assert answers == [
            {"deleted": 2, "has_more": True},
            {"deleted": 1, "has_more": False},
            {"deleted": 0, "has_more": False},
        ]

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({}, "says of nothing"),
            ({"workspace_id": "nowhere"}, "workspace_id: "),
            ({"api_key_hash": "x"}, "api_key_hash: "),
            ({"user": None}, "user: "),
            ({"user": "a\0b"}, "user: "),
            ({"since": "yesterday"}, "since: "),
            ({"all": True}, "all: "),
        ],
    )
    def test_of_what_is_not_understood_is_400(self, api: Api, said, body: dict[str, Any], fault: str):
        status, message = error_of(api.post(DELETION, body))

        assert (status, fault in message) == (400, True)
        assert all(is_kept(generation.pk) for generation in said.values())

    def test_of_foreign_things_is_400(self, cast: Cast, said):
        foreign = Api(cast.globex.management_key.secret)
        key = cast.acme.bob_key.key

        answers = [
            foreign.post(DELETION, {"workspace_id": str(key.workspace.public_id)}),
            foreign.post(DELETION, {"api_key_hash": key.hash}),
        ]

        assert [answer.status_code for answer in answers] == [400, 400]
        assert data_of(foreign.post(DELETION, {"user": "ann"}))["deleted"] == 0
        assert all(is_kept(generation.pk) for generation in said.values())


class TestTheApplicationsRole:
    def test_may_read_and_delete_what_was_said_and_nothing_else(self, acme: Acme):
        with connection.cursor() as cursor:
            rights = {}
            for right in ("SELECT", "DELETE", "INSERT", "UPDATE", "TRUNCATE"):
                cursor.execute(
                    "SELECT has_table_privilege('headgate_app', 'generation_content', %s)", [right]
                )
                rights[right] = cursor.fetchone()[0]

        assert {right for right, has in rights.items() if has} == {"SELECT", "DELETE"}
