"""/guardrails and /guardrails/{id}."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision, Version
from config.lib.scoping import tenant
from routing.models import Guardrail
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces import workspaces

LISTS = ("allowed_models", "ignored_models", "allowed_providers", "ignored_providers")
NULLABLE_FLAGS = (
    "enable_paid_model_training",
    "enable_free_model_training",
    "enable_free_model_publication",
    "enforce_zdr_anthropic",
    "enforce_zdr_openai",
    "enforce_zdr_google",
    "enforce_zdr_xai",
    "enforce_zdr_other",
    "allow_safety_retention_google",
    "allow_safety_retention_other",
)
EVERYTHING = {
    "name": "Strict",
    "description": "For the interns",
    "limit_usd": 12.5,
    "reset_interval": "weekly",
    "include_byok_in_budgets": True,
    "allowed_models": ["openai/gpt-5.2", "deepseek/deepseek-r1-0528:free"],
    "ignored_models": ["openai/gpt-4o-mini"],
    "allowed_providers": ["openai", "google-vertex/us-east5"],
    "ignored_providers": ["azure"],
    "allowed_data_regions": ["europe", "us"],
    **dict.fromkeys(NULLABLE_FLAGS, True),
    "enforce_zdr_other": False,
    "content_filters": [{"pattern": r"PROJ-\d{4,6}", "action": "redact", "label": "[PROJECT]"}],
    "content_filter_builtins": [{"slug": "email", "action": "flag"}],
    "filter_outputs": True,
}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def created(api: Api, **settings: Any) -> dict[str, Any]:
    """A new guardrail of the Default workspace."""
    body: dict[str, Any] = data_of(api.post("/guardrails", {"name": "New"} | settings), status=201)
    return body


def refused(api: Api, body: dict[str, Any]) -> str:
    """Why creating and changing a guardrail like that are refused; both for the same reason."""
    path = f"/guardrails/{created(api)['id']}"
    status, message = error_of(api.patch(path, body))
    assert status == 400
    assert error_of(api.post("/guardrails", {"name": "Other"} | body)) == (400, message)
    return message


class TestCreatingAGuardrail:
    def test_gives_everything_the_contract_names_and_restricts_nothing(self, api: Api, acme: Acme):
        guardrail = created(api)

        assert uuid.UUID(guardrail.pop("id"))
        assert guardrail.pop("created_at").endswith("Z")
        assert guardrail == {
            "workspace_id": str(acme.default.public_id),
            "name": "New",
            "description": None,
            "limit_usd": None,
            "reset_interval": None,
            "include_byok_in_budgets": False,
            "allowed_data_regions": None,
            **dict.fromkeys(LISTS),
            **dict.fromkeys(NULLABLE_FLAGS),
            "enforce_zdr": None,
            "content_filters": None,
            "content_filter_builtins": None,
            "filter_outputs": False,
            "updated_at": None,
        }

    def test_keeps_what_was_set(self, api: Api):
        guardrail = created(api, **EVERYTHING)

        shown = data_of(api.get(f"/guardrails/{guardrail['id']}"))
        assert shown == guardrail
        builtins = [{"slug": "email", "action": "flag", "label": "[EMAIL]"}]
        assert {name: shown[name] for name in EVERYTHING} == EVERYTHING | {
            "content_filter_builtins": builtins
        }

    def test_in_another_workspace_takes_its_id_or_slug(self, api: Api, acme: Acme):
        for reference in ("production", str(acme.production.public_id)):
            assert created(api, workspace_id=reference)["workspace_id"] == str(acme.production.public_id)

    def test_is_recorded_without_touching_anybodys_policy(self, api: Api, acme: Acme):
        versions = list(Version.objects.order_by("kind", "object_id").values_list("value", flat=True))

        created(api)

        with tenant(acme.organization.pk):
            revision = Revision.objects.order_by("-pk").first()
        assert (revision.object_type, revision.action, revision.door) == ("guardrail", "create", "api")
        assert list(Version.objects.order_by("kind", "object_id").values_list("value", flat=True)) == versions

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "name"),
            ({"name": ""}, "name"),
            ({"name": "n" * 201}, "name"),
            ({"name": None}, "name"),
            ({"name": "New", "workspace_id": "nowhere"}, "workspace_id"),
            ({"name": "New", "workspace_id": None}, "workspace_id"),
            ({"name": "New", "id": "d98bae77-b693-4171-9d4a-97ad7e74ec45"}, "id"),
            ({"name": "New", "colour": "red"}, "colour"),
        ],
    )
    def test_refuses_what_is_missing_or_strange(self, api: Api, body: dict[str, Any], field: str):
        status, message = error_of(api.post("/guardrails", body))

        assert (status, message.partition(":")[0]) == (400, field)

    def test_needs_a_workspace_once_the_default_one_is_gone(self, api: Api):
        for key in data_of(api.get("/keys")):
            api.delete(f"/keys/{key['hash']}")
        api.delete("/workspaces/default", confirm_default_workspace_deletion="true")

        assert error_of(api.post("/guardrails", {"name": "New"}))[0] == 400
        assert error_of(api.get("/guardrails"))[0] == 400

    def test_twice_with_one_idempotency_key_is_done_once(self, api: Api):
        answers = [api.post("/guardrails", {"name": "New"}, Idempotency_Key="g-1") for _ in range(2)]

        assert answers[0].content == answers[1].content
        assert json.loads(api.get("/guardrails").content)["total_count"] == 2


class TestEachField:
    @pytest.mark.parametrize("field", ["description", *LISTS, "allowed_data_regions", *NULLABLE_FLAGS])
    def test_is_cleared_by_null_and_kept_when_it_is_left_out(self, api: Api, field: str):
        guardrail = created(api, **EVERYTHING)
        path = f"/guardrails/{guardrail['id']}"

        kept = data_of(api.patch(path, {"name": "Renamed"}))
        cleared = data_of(api.patch(path, {field: None}))

        assert kept[field] == EVERYTHING[field]
        assert cleared[field] is None

    @pytest.mark.parametrize("field", [*LISTS, "allowed_data_regions"])
    def test_that_lists_what_is_allowed_or_ignored_is_never_empty(self, api: Api, field: str):
        assert refused(api, {field: []}).startswith(f"{field}:")

    @pytest.mark.parametrize("field", ["content_filters", "content_filter_builtins"])
    def test_that_lists_filters_keeps_an_empty_list_apart_from_null(self, api: Api, field: str):
        path = f"/guardrails/{created(api, **EVERYTHING)['id']}"

        emptied = data_of(api.patch(path, {field: []}))
        cleared = data_of(api.patch(path, {field: None}))

        assert (emptied[field], cleared[field]) == ([], None)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", 5),
            ("description", "d" * 1001),
            ("include_byok_in_budgets", None),
            ("include_byok_in_budgets", "true"),
            ("allowed_models", "openai/gpt-4o"),
            ("allowed_models", [1]),
            ("allowed_models", ["gpt-4o"]),
            ("allowed_models", ["openai/gpt 4o"]),
            ("allowed_models", ["x" * 65_536]),
            ("ignored_providers", [""]),
            ("ignored_providers", [None]),
            ("ignored_providers", ["open ai"]),
            ("allowed_data_regions", ["mars"]),
            ("allowed_data_regions", [{}]),
            ("allowed_data_regions", {"europe": True}),
            ("enforce_zdr", "yes"),
            ("enforce_zdr_openai", 1),
            ("content_filters", {}),
            ("content_filters", ["secret"]),
            ("content_filters", [{"pattern": "a"}]),
            ("content_filters", [{"pattern": "a", "action": []}]),
            ("content_filters", [{"pattern": "a", "action": "warn"}]),
            ("content_filters", [{"pattern": 5, "action": "block"}]),
            ("content_filters", [{"pattern": "a", "action": "block", "label": "l" * 101}]),
            ("content_filters", [{"pattern": "a", "action": "block", "flags": "i"}]),
            ("content_filters", [{"pattern": "a", "action": "block"}] * 501),
            ("content_filter_builtins", [{"slug": "iban", "action": "block"}]),
            ("content_filter_builtins", [{"slug": {}, "action": "block"}]),
            ("content_filter_builtins", [{"slug": "email"}]),
            ("content_filter_builtins", [{"slug": "email", "action": "block", "scan_scope": "user_only"}]),
        ],
    )
    def test_refuses_what_it_cannot_hold_and_is_named(self, api: Api, field: str, value: Any):
        assert refused(api, {field: value}).startswith(field)

    def test_may_name_what_the_catalog_does_not_know_yet(self, api: Api):
        guardrail = created(api, ignored_providers=["brand-new"], allowed_models=["nobody/serves-this"])

        assert guardrail["ignored_providers"] == ["brand-new"]


class TestAHostileBody:
    @pytest.mark.parametrize(
        "body",
        [
            b'{"name":"a\\u0000"}',
            b'{"name":"\\ud800"}',
            b'{"name":"New","content_filters":[{"action":"block","pattern":"\\udc00"}]}',
            b'{"name":"New","content_filters":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
            b'{"name":"New","limit_usd":1e400,"reset_interval":"daily"}',
            b'{"name":"New","name":"Old"}',
            b"[]",
            b"null",
            b"\xff",
        ],
    )
    def test_is_refused(self, api: Api, acme: Acme, body: bytes):
        for method, path in (
            ("post", "/guardrails"),
            ("patch", f"/guardrails/{acme.default.default_guardrail_id}"),
            ("post", f"/guardrails/{acme.default.default_guardrail_id}/assignments/keys"),
            ("patch", "/organization/privacy"),
        ):
            assert error_of(api.send(method, path, body))[0] == 400


class TestTheBudget:
    @pytest.mark.parametrize(
        "body",
        [
            {"limit_usd": 5},
            {"reset_interval": "daily"},
            {"limit_usd": 5, "reset_interval": None},
            {"limit_usd": None, "reset_interval": "monthly"},
            {"limit_usd": -1, "reset_interval": "daily"},
            {"limit_usd": "5", "reset_interval": "daily"},
            {"limit_usd": 5, "reset_interval": "yearly"},
            {"limit_usd": 5, "reset_interval": ["daily"]},
            {"limit_usd": 0.0000000001, "reset_interval": "daily"},
        ],
    )
    def test_is_refused_by_halves(self, api: Api, body: dict[str, Any]):
        assert refused(api, body).startswith(("limit_usd", "reset_interval"))

    def test_may_be_nothing_at_all(self, api: Api):
        assert created(api, limit_usd=0, reset_interval="daily")["limit_usd"] == 0

    def test_is_changed_by_halves_once_it_is_whole(self, api: Api):
        path = f"/guardrails/{created(api, limit_usd=5, reset_interval='daily')['id']}"

        changed = data_of(api.patch(path, {"limit_usd": 7.000000001}))

        assert (changed["limit_usd"], changed["reset_interval"]) == (7.000000001, "daily")
        assert error_of(api.patch(path, {"limit_usd": None}))[0] == 400

    def test_is_cleared_as_a_whole(self, api: Api):
        path = f"/guardrails/{created(api, limit_usd=5, reset_interval='daily')['id']}"

        cleared = data_of(api.patch(path, {"limit_usd": None, "reset_interval": None}))

        assert (cleared["limit_usd"], cleared["reset_interval"]) == (None, None)


class TestZeroDataRetention:
    def test_for_all_is_copied_to_the_groups_that_are_not_named(self, api: Api):
        guardrail = created(api, enforce_zdr=True, enforce_zdr_google=False, enforce_zdr_xai=None)

        groups = {name: guardrail[name] for name in guardrail if name.startswith("enforce_zdr")}
        assert groups == {
            "enforce_zdr": None,
            "enforce_zdr_anthropic": True,
            "enforce_zdr_openai": True,
            "enforce_zdr_google": False,
            "enforce_zdr_xai": None,
            "enforce_zdr_other": True,
        }

    def test_for_all_is_shown_while_all_agree(self, api: Api):
        path = f"/guardrails/{created(api, enforce_zdr=True)['id']}"

        agreed = data_of(api.get(path))["enforce_zdr"]
        differing = data_of(api.patch(path, {"enforce_zdr_openai": False}))["enforce_zdr"]

        assert (agreed, differing) == (True, None)


class TestContentFilters:
    @pytest.mark.parametrize("pattern", [r"(?=a)", r"(a)\1", r"(a+)+", r"[a", r"(?<!x)y"])
    def test_with_a_pattern_that_is_none_are_refused_by_name(self, api: Api, pattern: str):
        filters = [{"pattern": "fine", "action": "block"}, {"pattern": pattern, "action": "redact"}]

        response = api.post("/guardrails", {"name": "New", "content_filters": filters})

        error = json.loads(response.content)["error"]
        assert error["code"] == 400
        assert error["message"].startswith("content_filters[1].pattern: invalid_regex_pattern:")
        assert error["metadata"] == {"error_type": "invalid_regex_pattern"}

    def test_keep_a_pattern_as_it_was_written(self, api: Api):
        filters = [{"pattern": r"caf\u00e9\s", "action": "flag"}]

        guardrail = created(api, content_filters=filters)

        assert guardrail["content_filters"] == [{"pattern": r"caf\u00e9\s", "action": "flag", "label": None}]

    def test_that_are_built_in_have_labels_of_their_own(self, api: Api):
        builtins = [
            {"slug": "ssn", "action": "block", "label": "[MINE]"},
            {"slug": "regex-prompt-injection", "action": "flag"},
            {"slug": "regex-prompt-injection", "action": "block", "scan_scope": "user_only"},
        ]

        shown = created(api, content_filter_builtins=builtins)["content_filter_builtins"]

        injection = {"slug": "regex-prompt-injection", "label": "[PROMPT_INJECTION]"}
        assert shown == [
            {"slug": "ssn", "action": "block", "label": "[SSN]"},
            injection | {"action": "flag", "scan_scope": "all_messages"},
            injection | {"action": "block", "scan_scope": "user_only"},
        ]

    @pytest.mark.parametrize("slug", ["person-name", "address"])
    def test_that_need_an_extra_name_it(self, api: Api, slug: str):
        message = refused(api, {"content_filter_builtins": [{"slug": slug, "action": "redact"}]})

        assert "'presidio'" in message


class TestTheDefaultGuardrail:
    def test_is_there_before_it_is_written(self, api: Api, acme: Acme):
        guardrail_id = str(acme.production.default_guardrail_id)

        guardrail = data_of(api.get(f"/guardrails/{guardrail_id}"))
        listed = json.loads(api.get("/guardrails", workspace_id="production").content)

        assert guardrail["id"] == data_of(api.get("/workspaces/production"))["default_guardrail_id"]
        assert guardrail["name"] == f"Workspace {acme.production.public_id} Default"
        assert (listed["data"], listed["total_count"]) == ([guardrail], 1)
        with tenant(acme.organization.pk):
            assert not Guardrail.objects.exists()

    def test_is_written_when_it_is_first_changed(self, api: Api, acme: Acme):
        path = f"/guardrails/{acme.production.default_guardrail_id}"
        before = data_of(api.get(path))

        first = data_of(api.patch(path, {"enforce_zdr_openai": True}))
        second = data_of(api.patch(path, {"enforce_zdr_xai": True}))

        changed = {"enforce_zdr_openai": True, "updated_at": first["updated_at"]}
        assert first == before | changed
        assert second == first | {"enforce_zdr_xai": True, "updated_at": second["updated_at"]}
        with tenant(acme.organization.pk):
            assert Guardrail.objects.get().is_default

    def test_moves_its_workspaces_version_on(self, api: Api, acme: Acme):
        def version() -> int:
            return Version.objects.get(kind="workspace", object_id=acme.production.pk).value

        before = version()
        api.patch(f"/guardrails/{acme.production.default_guardrail_id}", {"name": "Ours"})

        assert version() == before + 1

    def test_restricts_nothing_again_once_it_is_deleted(self, api: Api, acme: Acme):
        path = f"/guardrails/{acme.production.default_guardrail_id}"
        before = data_of(api.get(path))
        api.patch(path, {"allowed_models": ["openai/gpt-4o"]})

        answers = [json.loads(api.delete(path).content) for _ in range(2)]

        assert answers == [{"deleted": True}] * 2
        assert data_of(api.get(path)) == before

    def test_is_nobody_elses(self, cast: Cast):
        path = f"/guardrails/{cast.acme.production.default_guardrail_id}"

        assert Api(cast.globex.management_key.secret).get(path).status_code == 404


class TestListingGuardrails:
    def test_shows_a_workspaces_own_with_its_default_first(self, api: Api):
        created(api, workspace_id="production")
        mine = [created(api, name=name)["name"] for name in ("A", "B")]

        names = [row["name"] for row in data_of(api.get("/guardrails"))]

        assert names[1:] == mine
        assert names[0].startswith("Workspace ")

    @pytest.mark.parametrize("is_written", [False, True])
    def test_pages_with_and_without_a_written_default(self, api: Api, acme: Acme, is_written: bool):
        for name in ("A", "B", "C"):
            created(api, name=name)
        if is_written:
            api.patch(f"/guardrails/{acme.default.default_guardrail_id}", {"name": "Default"})

        pages = [json.loads(api.get("/guardrails", offset=n, limit=1).content) for n in range(5)]
        whole = data_of(api.get("/guardrails", limit=4))

        assert [row for page in pages for row in page["data"]] == whole
        assert [row["name"] for row in whole[1:]] == ["A", "B", "C"]
        assert {page["total_count"] for page in pages} == {4}

    def test_takes_the_same_queries_however_many_there_are(
        self, api: Api, django_assert_max_num_queries: Any
    ):
        for number in range(7):
            created(api, name=str(number))

        with django_assert_max_num_queries(14):
            api.get("/guardrails")

    def test_of_a_foreign_or_unknown_workspace_is_refused_alike(self, api: Api, cast: Cast):
        answers = {
            api.get("/guardrails", workspace_id=str(name)).content
            for name in (cast.globex.default.public_id, uuid.uuid4())
        }

        assert len(answers) == 1
        assert error_of(api.get("/guardrails", workspace_id="nowhere"))[0] == 400


class TestAnUnknownGuardrail:
    @pytest.mark.parametrize("name", ["nonsense", "0" * 32, "%00", "d98bae77-b693-4171-9d4a-97ad7e74ec45"])
    def test_is_not_found(self, api: Api, name: str):
        assert api.get(f"/guardrails/{name}").status_code == 404

    @pytest.mark.parametrize(
        ("method", "body"),
        [("get", None), ("patch", {"name": "Mine"}), ("patch", {"x": 1}), ("delete", None)],
    )
    def test_answers_as_a_foreign_one_does_with_the_same_queries(self, cast: Cast, method: str, body: Any):
        foreign = created(Api(cast.acme.management_key.secret))["id"]
        api = Api(cast.globex.management_key.secret)

        answers, counts = [], []
        for name in (foreign, str(uuid.uuid4()), str(cast.acme.production.default_guardrail_id)):
            with CaptureQueriesContext(connection) as count:
                answers.append(api.send(method, f"/guardrails/{name}", body).content)
            counts.append(len(count))

        assert len(set(answers)) == len(set(counts)) == 1


class TestDeletingAGuardrail:
    def test_ends_it(self, api: Api):
        path = f"/guardrails/{created(api)['id']}"

        assert json.loads(api.delete(path).content) == {"deleted": True}
        assert api.get(path).status_code == 404
        assert api.delete(path).status_code == 404

    def test_comes_with_its_workspace(self, api: Api, acme: Acme):
        with tenant(acme.organization.pk):
            workspaces.create(organization=acme.organization, name="Empty", slug="empty", by=STAGE)
        mine = created(api, workspace_id="empty")["id"]
        default = data_of(api.get("/workspaces/empty"))["default_guardrail_id"]
        api.patch(f"/guardrails/{default}", {"name": "Default"})

        api.delete("/workspaces/empty")

        assert {api.get(f"/guardrails/{name}").status_code for name in (mine, default)} == {404}
        with tenant(acme.organization.pk):
            kinds = Revision.objects.filter(action="delete").values_list("object_type", flat=True)
            assert sorted(kinds) == ["guardrail", "guardrail", "workspace"]
