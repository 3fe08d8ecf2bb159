"""POST and GET /generation/feedback."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability import recent
from observability.models import Generation, GenerationFeedback
from observability.models.feedback import CATEGORIES
from tests.cast import Acme, Cast
from tests.dashboard_pages import make_generation
from tests.management_api import Api, data_of, error_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PATH = "/generation/feedback"
FOUND = {
    "type": "guardrail",
    "name": "content_filter",
    "guardrail_id": "550e8400-e29b-41d4-a716-446655440000",
    "guardrail_scope": "workspace",
    "summary": "Blocked: content filter matched (1 label)",
    "data": {
        "action": "blocked",
        "detected": True,
        "engines": ["regex"],
        "labels": ["[EMAIL]"],
        "matches": 1,
    },
}
PASSED = {"type": "guardrail", "name": "regex_pi_detection", "data": {"action": "passed", "detected": False}}
REFUSED: dict[str, Any] = {
    "status": Generation.REFUSED,
    "http_status": 403,
    "detail": {"rule": "guardrail", "pipeline": [PASSED, FOUND, {"type": "plugin"}, "no stage"]},
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a generation that will not come."""
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)


@pytest.fixture
def api(acme: Acme) -> Api:
    return Api(acme.management_key.secret)


@pytest.fixture
def refused(acme: Acme) -> str:
    """The id of a request of bob's that a guardrail blocked."""
    return make_generation(acme.bob_key.key, **REFUSED).public_id


def about(public_id: str, **more: Any) -> dict[str, Any]:
    return {"generation_id": public_id, "category": "guardrail_false_positive"} | more


def kept(acme: Acme) -> list[GenerationFeedback]:
    with tenant(acme.organization.pk):
        return list(GenerationFeedback.objects.order_by("pk"))


class TestGivingFeedback:
    def test_is_kept_with_the_key_that_gave_it(self, acme: Acme, api: Api, refused: str):
        answer = api.post(PATH, about(refused, comment="That is nobody's address."))

        assert data_of(answer) == {"success": True}
        [row] = kept(acme)
        assert (row.public_generation_id, row.category) == (refused, "guardrail_false_positive")
        assert (row.comment, row.workspace_id) == ("That is nobody's address.", acme.production.pk)
        assert (row.door, row.management_key_id) == ("api", acme.management_key.key.pk)
        assert (row.user_id, row.api_key_id) == (None, None)

    @pytest.mark.parametrize("category", CATEGORIES)
    def test_has_a_category(self, api: Api, refused: str, category: str):
        assert api.post(PATH, about(refused, category=category)).status_code == 200

    def test_may_be_given_again_but_once_with_the_same_idempotency_key(
        self, acme: Acme, api: Api, refused: str
    ):
        for key in ("one", "one", "two"):
            assert api.post(PATH, about(refused), Idempotency_Key=key).status_code == 200

        assert len(kept(acme)) == 2

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"category": "rude"}, "category: "),
            ({"category": None}, "category: "),
            ({"category": ["other"]}, "category: "),
            ({"comment": None}, "comment: "),
            ({"comment": "x" * 1001}, "comment: "),
            ({"comment": "a\0b"}, "comment: "),
            ({"comment": 5}, "comment: "),
            ({"generation_id": ""}, "generation_id: "),
            ({"generation_id": None}, "generation_id: "),
            ({"rating": 1}, "rating: "),
        ],
    )
    def test_that_is_not_understood_is_400(
        self, acme: Acme, api: Api, refused: str, change: dict[str, Any], fault: str
    ):
        status, message = error_of(api.post(PATH, about(refused) | change))

        assert status == 400
        assert message.startswith(fault)
        assert kept(acme) == []

    @pytest.mark.parametrize("missing", ["generation_id", "category"])
    def test_needs_both(self, api: Api, refused: str, missing: str):
        body = {name: value for name, value in about(refused).items() if name != missing}

        status, message = error_of(api.post(PATH, body))

        assert (status, message.partition(":")[0]) == (400, missing)

    def test_of_any_text_is_kept_as_it_is(self, acme: Acme, api: Api, refused: str):
        comment = "\u202e\U0001f600 " * 300

        answer = api.post(PATH, about(refused, comment=comment))

        assert answer.status_code == 200
        assert kept(acme)[0].comment == comment

    def test_on_somebody_elses_generation_is_404_as_on_an_unknown_one(self, cast: Cast, refused: str):
        foreign = Api(cast.globex.management_key.secret)

        answers = [foreign.post(PATH, about(which)) for which in (refused, generation_id(uuid7()), "gen-x")]

        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert kept(cast.acme) == []

    def test_is_refused_to_an_inference_key(self, acme: Acme, refused: str):
        assert error_of(Api(acme.bob_key.secret).post(PATH, about(refused)))[0] == 401


class TestTheList:
    def test_shows_what_the_guardrails_had_found(self, api: Api, refused: str):
        api.post(PATH, about(refused, comment="Not one."))

        answer = api.get(PATH)

        [row] = data_of(answer)
        assert (row["generation_id"], row["category"], row["comment"]) == (
            refused,
            "guardrail_false_positive",
            "Not one.",
        )
        assert (row["status"], row["model"]) == ("refused", "simulator/echo")
        assert row["guardrails"] == [FOUND]

    def test_is_the_newest_first_and_paged(self, acme: Acme, api: Api, refused: str):
        for comment in ("first", "second", "third"):
            api.post(PATH, about(refused, comment=comment))

        page = api.get(PATH, offset=1, limit=1).json()

        assert ([row["comment"] for row in page["data"]], page["total_count"]) == (["second"], 3)

    def test_is_narrowed_by_category_and_generation(self, acme: Acme, api: Api, refused: str):
        other = make_generation(acme.bob_key.key).public_id
        api.post(PATH, about(refused))
        api.post(PATH, about(other, category="latency"))

        by_category = data_of(api.get(PATH, category="guardrail_false_positive"))
        by_generation = data_of(api.get(PATH, generation_id=other))
        by_both = data_of(api.get(PATH, generation_id=other, category="billing"))

        assert [row["generation_id"] for row in by_category] == [refused]
        assert [row["category"] for row in by_generation] == ["latency"]
        assert by_both == []

    @pytest.mark.parametrize("query", [{"category": "rude"}, {"generation_id": "x"}, {"limit": 101}])
    def test_cannot_be_asked_nonsense(self, api: Api, query: dict[str, Any]):
        assert error_of(api.get(PATH, **query))[0] == 400

    def test_outlives_the_generation(self, acme: Acme, api: Api, refused: str):
        api.post(PATH, about(refused))
        Generation.objects.using("owner").unscoped(reason="retention").all().delete()

        [row] = data_of(api.get(PATH))

        assert (row["generation_id"], row["model"], row["guardrails"]) == (refused, None, [])

    def test_is_of_ones_own_organization(self, cast: Cast, api: Api, refused: str):
        api.post(PATH, about(refused))

        foreign = Api(cast.globex.management_key.secret)

        assert data_of(foreign.get(PATH)) == data_of(foreign.get(PATH, generation_id=refused)) == []

    def test_is_refused_to_an_inference_key(self, acme: Acme):
        assert error_of(Api(acme.bob_key.secret).get(PATH))[0] == 403

    def test_asks_the_database_as_often_for_many_rows_as_for_one(self, acme: Acme, api: Api, refused: str):
        def statements() -> int:
            with CaptureQueriesContext(connection) as asked:
                assert api.get(PATH).status_code == 200
            return len(asked)

        api.post(PATH, about(refused))
        for_one = statements()
        for _ in range(4):
            api.post(PATH, about(make_generation(acme.bob_key.key).public_id))

        assert statements() == for_one
