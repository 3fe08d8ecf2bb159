"""/byok and /byok/{id}."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision, Version
from accounts.organizations import add_member, remove_member
from config.lib.crypto import sealing_ring
from config.lib.scoping import tenant
from routing.models import ByokCredential, Provider
from tests.cast import STAGE, Acme, Cast, acting
from tests.management_api import Api, data_of, error_of
from tests.routing.byok_secrets import FORMATS, PLAIN, REGIONAL, SENTINEL
from workspaces import api_keys, workspaces

NEW = {"provider": "openai", "key": PLAIN}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def made(api: Api, **fields: Any) -> Any:
    """A new credential as the answer shows it."""
    return data_of(api.post("/byok", NEW | fields), status=201)


def stored(acme: Acme, identifier: str) -> ByokCredential:
    """The row behind an answer, deleted or not."""
    with tenant(acme.organization.pk):
        row: ByokCredential = ByokCredential.objects.get(public_id=identifier)
    return row


def secret_of(row: ByokCredential) -> str:
    """The secret, opened."""
    return sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode()


class TestACredential:
    def test_begins_without_restrictions_in_the_default_workspace(self, acme: Acme, api: Api):
        credential = made(api)

        assert credential | {"id": "", "created_at": ""} == {
            "id": "",
            "provider": "openai",
            "workspace_id": str(acme.default.public_id),
            "label": "sk-...AbCd",
            "name": None,
            "disabled": False,
            "is_fallback": False,
            "is_required": False,
            "is_byok_only": False,
            "declared_zdr": None,
            "declared_region": None,
            "allowed_models": None,
            "allowed_api_key_hashes": None,
            "allowed_user_ids": None,
            "sort_order": 0,
            "created_at": "",
        }

    def test_is_global_when_its_workspace_is_null(self, api: Api):
        assert made(api, workspace_id=None)["workspace_id"] is None

    @pytest.mark.parametrize("reference", ["production", "{id}"])
    def test_belongs_to_the_workspace_that_is_named(self, acme: Acme, api: Api, reference: str):
        named = reference.format(id=acme.production.public_id)

        assert made(api, workspace_id=named)["workspace_id"] == str(acme.production.public_id)

    def test_needs_a_workspace_named_when_the_default_one_is_gone(self, acme: Acme, api: Api):
        for issued in (acme.alice_key, acme.default_key):
            api.delete(f"/keys/{issued.key.hash}")
        api.delete("/workspaces/default", confirm_default_workspace_deletion="true")

        assert error_of(api.post("/byok", NEW))[0] == 400
        assert error_of(api.get("/byok"))[0] == 400
        assert made(api, workspace_id=None)["workspace_id"] is None

    def test_takes_everything_that_can_be_set(self, acme: Acme, api: Api):
        settings = {
            "name": "Production",
            "disabled": True,
            "is_fallback": False,
            "is_required": True,
            "is_byok_only": True,
            "declared_zdr": False,
            "declared_region": "global",
            "allowed_models": ["openai/gpt-4o", "openai/gpt-4o:free"],
            "allowed_api_key_hashes": [acme.bob_key.key.hash, acme.default_key.key.hash],
            "allowed_user_ids": [acme.carol.user.public_id, acme.bob.user.public_id],
        }

        credential = made(api, **settings)

        assert {name: credential[name] for name in settings} == settings
        assert data_of(api.get(f"/byok/{credential['id']}")) == credential

    def test_is_last_of_its_providers_in_its_place(self, api: Api):
        orders = [
            made(api, **fields)["sort_order"]
            for fields in ({}, {}, {"provider": "groq"}, {"workspace_id": None}, {"is_fallback": True})
        ]

        assert orders == [0, 1, 0, 0, 2]

    def test_may_be_for_a_provider_of_our_own_catalog(self, db: None, api: Api):
        Provider.objects.create(slug="our-own", name="Ours")

        response = api.client.post(
            "/api/v1/byok",
            json.dumps(NEW | {"provider": "our-own"}),
            content_type="application/json",
            headers=api.headers,
        )

        assert response.status_code == 201

    @pytest.mark.parametrize("provider", list(FORMATS))
    def test_is_kept_sealed_whatever_its_format(self, acme: Acme, api: Api, provider: str):
        row = stored(acme, made(api, provider=provider, key=FORMATS[provider])["id"])

        assert SENTINEL not in row.sealed_secret
        assert secret_of(row) == FORMATS[provider]

    def test_moves_the_version_of_what_it_may_be_used_in(self, acme: Acme, api: Api):
        def versions() -> list[int]:
            scopes = [("workspace", acme.production.pk), ("organization", acme.organization.pk)]
            return [Version.objects.get(kind=kind, object_id=pk).value for kind, pk in scopes]

        before = versions()
        made(api, workspace_id="production")
        between = versions()
        made(api, workspace_id=None)

        assert between == [before[0] + 1, before[1]]
        assert versions() == [before[0] + 1, before[1] + 1]


class TestWhatIsNoCredential:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("provider", "nobody"),
            ("provider", "simulator"),
            ("provider", ""),
            ("provider", None),
            ("provider", 7),
            ("key", ""),
            ("key", None),
            ("key", {"api_key": "x"}),
            ("key", "two words"),
            ("key", "line\r\nbreak"),
            ("key", "k" * 40_000),
            ("key", "{}"),
            ("key", "[" * 20_000),
            ("name", "n" * 256),
            ("disabled", None),
            ("disabled", "false"),
            ("is_fallback", 1),
            ("declared_zdr", "true"),
            ("declared_region", "mars"),
            ("declared_region", "us"),
            ("allowed_models", ["gpt-4o"]),
            ("allowed_models", "openai/gpt-4o"),
            ("allowed_models", ["a/b"] * 101),
            ("allowed_models", [None]),
            ("allowed_api_key_hashes", []),
            ("allowed_api_key_hashes", ["A" * 64]),
            ("allowed_api_key_hashes", ["a" * 63]),
            ("allowed_api_key_hashes", ["a" * 64] * 101),
            ("allowed_api_key_hashes", ["0" * 64]),
            ("allowed_user_ids", ["user_999999999999999999"]),
            ("allowed_user_ids", ["nobody"]),
            ("allowed_user_ids", [7]),
            ("allowed_user_ids", ["user_1"] * 101),
            ("workspace_id", "nowhere"),
            ("workspace_id", ""),
            ("sort_order", 1),
            ("label", "mine"),
            ("id", "73c21c40-a186-4fe0-ac1c-231c1700c26e"),
            ("nonsense", 1),
        ],
    )
    def test_is_refused_naming_the_field(self, api: Api, field: str, value: Any):
        status, message = error_of(api.post("/byok", NEW | {field: value}))

        assert (status, field in message) == (400, True)

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"provider": "openai"}', b'{"key": "a\\u0000b"}', b"{"])
    def test_is_refused_whatever_the_body_is(self, api: Api, body: bytes):
        assert error_of(api.send("post", "/byok", body))[0] == 400

    def test_is_a_fallback_that_forbids_falling_back(self, api: Api):
        credential = made(api, is_byok_only=True)

        assert error_of(api.post("/byok", NEW | {"is_fallback": True, "is_byok_only": True}))[0] == 400
        assert error_of(api.patch(f"/byok/{credential['id']}", {"is_fallback": True}))[0] == 400

    def test_names_no_key_that_was_deleted_and_no_member_who_left(self, acme: Acme, api: Api):
        api.delete(f"/keys/{acme.carol_key.key.hash}")
        with tenant(acme.organization.pk):
            remove_member(membership=acme.carol, by=acting(acme.alice))

        for filters in (
            {"allowed_api_key_hashes": [acme.bob_key.key.hash, acme.carol_key.key.hash]},
            {"allowed_user_ids": [acme.bob.user.public_id, acme.carol.user.public_id]},
        ):
            assert error_of(api.post("/byok", NEW | filters))[0] == 400

    @pytest.mark.parametrize("name", ["allowed_api_key_hashes", "allowed_user_ids", "workspace_id"])
    def test_names_what_is_foreign_as_what_is_unknown(self, cast: Cast, api: Api, name: str):
        foreign, unknown = {
            "allowed_api_key_hashes": ([cast.globex.mallory_key.key.hash], ["0" * 64]),
            "allowed_user_ids": ([cast.globex.mallory.user.public_id], ["user_999999999"]),
            "workspace_id": (str(cast.globex.default.public_id), str(uuid.uuid4())),
        }[name]

        with CaptureQueriesContext(connection) as of_foreign:
            first = api.post("/byok", NEW | {name: foreign})
        with CaptureQueriesContext(connection) as of_unknown:
            second = api.post("/byok", NEW | {name: unknown})

        assert (first.status_code, first.content) == (400, second.content)
        assert len(of_foreign) == len(of_unknown)


class TestTheRegion:
    def test_comes_from_a_key_that_names_it(self, api: Api):
        assert made(api, key=REGIONAL)["declared_region"] == "us"

    def test_must_be_the_one_that_the_key_names(self, api: Api):
        assert error_of(api.post("/byok", NEW | {"key": REGIONAL, "declared_region": "europe"}))[0] == 400

    @pytest.mark.parametrize(
        ("provider", "region", "status"),
        [
            ("azure", "europe", 201),
            ("azure", "us", 201),
            ("anthropic", "us", 201),
            ("anthropic", "europe", 400),
            ("groq", "us", 400),
            ("groq", "global", 201),
        ],
    )
    def test_may_be_declared_where_there_is_one(self, api: Api, provider: str, region: str, status: int):
        body = {"provider": provider, "key": FORMATS.get(provider, PLAIN), "declared_region": region}

        assert api.post("/byok", body).status_code == status

    def test_follows_the_key_when_it_is_rotated(self, api: Api):
        address = f"/byok/{made(api, key=REGIONAL)['id']}"

        assert data_of(api.patch(address, {"name": "same key"}))["declared_region"] == "us"
        assert data_of(api.patch(address, {"declared_region": None}))["declared_region"] is None
        assert data_of(api.patch(address, {"key": REGIONAL}))["declared_region"] == "us"
        assert data_of(api.patch(address, {"key": PLAIN}))["declared_region"] is None


class TestTheList:
    def test_shows_what_may_be_used_in_a_workspace_in_the_order_of_attempts(self, api: Api):
        wanted = [
            made(api, name="1", workspace_id="production"),
            made(api, name="2", workspace_id="production"),
            made(api, name="3", workspace_id=None),
        ]
        made(api, name="elsewhere", workspace_id="research")
        fallback = made(api, name="4", workspace_id="production", is_fallback=True)
        first = made(api, name="0", workspace_id="production", provider="groq")

        body = json.loads(api.get("/byok", workspace_id="production").content)

        assert body["data"] == [first, *wanted, fallback]
        assert body["total_count"] == 5

    def test_is_of_the_default_workspace_when_none_is_named(self, api: Api):
        credential = made(api)
        made(api, workspace_id="production")

        assert data_of(api.get("/byok")) == [credential]

    def test_is_filtered_by_provider(self, api: Api):
        made(api)
        credential = made(api, provider="groq")

        body = json.loads(api.get("/byok", provider="groq").content)

        assert body == {"data": [credential], "total_count": 1}

    def test_is_cut_into_pages(self, api: Api):
        all_of_them = [made(api) for _ in range(3)]

        pages = [data_of(api.get("/byok", offset=offset, limit=2)) for offset in (0, 2, 4)]

        assert pages == [all_of_them[:2], all_of_them[2:], []]

    @pytest.mark.parametrize(
        "query",
        [
            {"provider": "nobody"},
            {"provider": "a\x00"},
            {"workspace_id": "nowhere"},
            {"workspace_id": "\x00"},
            {"limit": "0"},
            {"limit": "101"},
            {"offset": "-1"},
        ],
    )
    def test_refuses_what_it_does_not_know(self, api: Api, query: dict[str, str]):
        assert error_of(api.get("/byok", **query))[0] == 400

    def test_costs_the_same_number_of_queries_however_long(self, acme: Acme, api: Api):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                api.get("/byok")
            return len(captured)

        filters = {
            "allowed_api_key_hashes": [acme.bob_key.key.hash],
            "allowed_user_ids": [acme.bob.user.public_id],
        }
        made(api, **filters)
        before = queries()
        for _ in range(5):
            made(api, **filters)

        assert queries() == before


class TestChangingACredential:
    def test_leaves_alone_what_is_left_out(self, acme: Acme, api: Api):
        credential = made(
            api, name="Before", allowed_models=["a/b"], allowed_user_ids=[acme.bob.user.public_id]
        )

        changed = data_of(api.patch(f"/byok/{credential['id']}", {"disabled": True}))

        assert changed == credential | {"disabled": True}

    def test_lifts_restrictions_with_null(self, acme: Acme, api: Api):
        filters = {
            "allowed_models": ["a/b"],
            "allowed_api_key_hashes": [acme.bob_key.key.hash],
            "allowed_user_ids": [acme.bob.user.public_id],
            "name": "Before",
            "declared_zdr": True,
        }
        credential = made(api, **filters)

        changed = data_of(api.patch(f"/byok/{credential['id']}", dict.fromkeys(filters)))

        assert changed == credential | dict.fromkeys(filters)

    def test_may_admit_no_model_and_nobody(self, api: Api):
        credential = made(api, allowed_models=[], allowed_user_ids=[])

        assert (credential["allowed_models"], credential["allowed_user_ids"]) == ([], [])

    def test_rotates_the_key_in_place(self, acme: Acme, api: Api):
        credential = made(api)
        before = stored(acme, credential["id"]).sealed_secret

        changed = data_of(api.patch(f"/byok/{credential['id']}", {"key": "sk-proj-another-key-WxYz"}))

        row = stored(acme, credential["id"])
        assert changed == credential | {"label": "sk-...WxYz"}
        assert secret_of(row) == "sk-proj-another-key-WxYz"
        assert row.sealed_secret != before

    @pytest.mark.parametrize("field", ["provider", "workspace_id", "sort_order", "label", "id", "created_at"])
    def test_refuses_what_is_settled(self, api: Api, field: str):
        credential = made(api)

        status, message = error_of(api.patch(f"/byok/{credential['id']}", {field: credential[field]}))

        assert (status, field in message) == (400, True)

    @pytest.mark.parametrize("body", [{"key": ""}, {"key": None}, {"is_required": None}, {"key": "{}"}])
    def test_refuses_what_is_no_change(self, api: Api, body: dict[str, Any]):
        assert error_of(api.patch(f"/byok/{made(api)['id']}", body))[0] == 400


class TestDeletingACredential:
    def test_wipes_its_secret_and_keeps_the_row(self, acme: Acme, api: Api):
        credential = made(api)

        response = api.delete(f"/byok/{credential['id']}")

        row = stored(acme, credential["id"])
        assert json.loads(response.content) == {"deleted": True}
        assert (row.sealed_secret, row.deleted_at is None) == ("", False)

    def test_leaves_nothing_to_be_found(self, api: Api):
        address = f"/byok/{made(api)['id']}"
        api.delete(address)

        answers = [api.get(address), api.patch(address, {}), api.delete(address)]

        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert data_of(api.get("/byok")) == []

    def test_happens_with_its_workspace(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            workspaces.create(organization=acme.organization, name="Empty", slug="empty", by=STAGE)
        gone, kept = made(api, workspace_id="empty"), made(api, workspace_id=None)

        api.delete("/workspaces/empty")

        assert stored(acme, gone["id"]).sealed_secret == ""
        assert stored(acme, gone["id"]).deleted_at is not None
        assert secret_of(stored(acme, kept["id"])) == PLAIN


class TestAFilter:
    def test_forgets_a_key_that_is_deleted(self, acme: Acme, api: Api):
        credential = made(api, allowed_api_key_hashes=[acme.bob_key.key.hash, acme.production_key.key.hash])

        api.delete(f"/keys/{acme.bob_key.key.hash}")

        left = data_of(api.get(f"/byok/{credential['id']}"))["allowed_api_key_hashes"]
        assert left == [acme.production_key.key.hash]

    def test_that_loses_its_last_key_admits_nobody_instead_of_everybody(self, acme: Acme, api: Api):
        credential = made(api, allowed_api_key_hashes=[acme.bob_key.key.hash])

        api.delete(f"/keys/{acme.bob_key.key.hash}")

        assert data_of(api.get(f"/byok/{credential['id']}"))["allowed_api_key_hashes"] == []
        assert stored(acme, credential["id"]).allowed_api_key_ids == []

    def test_forgets_a_member_who_leaves_even_if_he_returns(self, acme: Acme, api: Api):
        credential = made(api, allowed_user_ids=[acme.carol.user.public_id])
        api.delete(f"/keys/{acme.carol_key.key.hash}")

        with tenant(acme.organization.pk):
            remove_member(membership=acme.carol, by=acting(acme.alice))
            add_member(
                organization=acme.organization, user=acme.carol.user, role="member", by=acting(acme.alice)
            )

        assert data_of(api.get(f"/byok/{credential['id']}"))["allowed_user_ids"] == []

    def test_follows_a_key_into_another_workspace(self, acme: Acme, api: Api):
        credential = made(api, allowed_api_key_hashes=[acme.production_key.key.hash])

        with tenant(acme.organization.pk):
            api_keys.change(key=acme.production_key.key, workspace=acme.research, by=STAGE)

        left = data_of(api.get(f"/byok/{credential['id']}"))["allowed_api_key_hashes"]
        assert left == [acme.production_key.key.hash]


class TestARevision:
    def test_says_what_changed_and_nothing_of_the_secret(self, acme: Acme, api: Api):
        credential = made(api)
        api.patch(f"/byok/{credential['id']}", {"key": PLAIN + "2", "name": "Now"})
        api.delete(f"/byok/{credential['id']}")

        with tenant(acme.organization.pk):
            kept = list(Revision.objects.filter(object_type="byokcredential").order_by("pk"))

        text = json.dumps([[row.before, row.after] for row in kept])
        assert [row.action for row in kept] == ["create", "update", "delete"]
        assert [row.management_key_id for row in kept] == [acme.management_key.key.pk] * 3
        assert (kept[1].after["name"], kept[1].after["secret"]) == ("Now", "rotated")
        assert SENTINEL not in text
        assert "sealed" not in text


class TestSomebodyElsesCredential:
    @pytest.mark.parametrize("method", ["get", "patch", "delete"])
    def test_answers_like_an_unknown_one(self, cast: Cast, api: Api, method: str):
        credential = made(api)
        stranger = Api(cast.globex.management_key.secret)

        with CaptureQueriesContext(connection) as of_foreign:
            foreign = stranger.send(method, f"/byok/{credential['id']}", {"name": "Mine"})
        with CaptureQueriesContext(connection) as of_unknown:
            unknown = stranger.send(method, f"/byok/{uuid.uuid4()}", {"name": "Mine"})

        assert (foreign.status_code, foreign.content) == (404, unknown.content)
        assert len(of_foreign) == len(of_unknown)
        assert data_of(api.get(f"/byok/{credential['id']}")) == credential

    def test_of_everywhere_is_in_nobody_elses_list(self, cast: Cast, api: Api):
        made(api, workspace_id=None)

        assert data_of(Api(cast.globex.management_key.secret).get("/byok")) == []

    @pytest.mark.parametrize("identifier", ["x", "%00", "1" * 5000, "00000000-0000-0000-0000-00000000000g"])
    def test_is_found_by_nothing_that_is_no_id(self, api: Api, identifier: str):
        assert api.get(f"/byok/{identifier}").status_code == 404


class TestRepeatingACreation:
    def test_makes_one_credential(self, api: Api):
        first, second = (api.post("/byok", NEW, Idempotency_Key="once") for _ in range(2))

        assert (second.status_code, second.content) == (201, first.content)
        assert len(data_of(api.get("/byok"))) == 1
