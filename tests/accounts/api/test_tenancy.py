"""Every operation, asked by every kind of key: one table, allowed and denied."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from accounts.credits import deposit
from accounts.invitations import invite
from accounts.models import Invitation, Revision
from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability import recent
from routing import byok, guardrail_settings
from routing.models import ByokCredential, Guardrail
from routing.preset_config import Content
from routing.presets import save_version
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, operation_of, our_document
from workspaces.budgets import set_budget
from workspaces.external_users import register
from workspaces.workspaces import change, create

INVITATION_ID = "0b54a8c9-95c6-4b07-9c4c-5a3b0f0c1a11"
CALLERS = ("acme", "globex", "inference", "unknown", "nobody")
GUARDRAIL_ID = uuid.UUID("00000000-0000-4000-8000-000000000001")
KEYS = {"key_hashes": ["{bob_key}"]}
MEMBERS = {"member_user_ids": ["{bob}"]}
CATALOG = {"is_filtered_model_catalog_enabled": True}
INTO_PRODUCTION = {"email": "dora@x.example", "workspace_ids": ["{production}"]}
AN_ADMINISTRATOR = {"email": "dora@x.example", "role": "org:admin"}
TABLE: list[tuple[str, str, Any, tuple[int, int, int, int, int]]] = [
    # method, path, body: acme's management key, globex's, an inference key of acme, an unknown key, none
    ("get", "/workspaces", None, (200, 200, 403, 401, 401)),
    ("post", "/workspaces", {"name": "New", "slug": "new"}, (201, 201, 403, 401, 401)),
    ("get", "/workspaces/{production}", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/production", None, (200, 404, 403, 401, 401)),
    ("patch", "/workspaces/{production}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("delete", "/workspaces/{empty}", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/members", None, (200, 404, 403, 401, 401)),
    ("post", "/workspaces/{production}/members/add", {"user_ids": ["{carol}"]}, (200, 404, 403, 401, 401)),
    ("post", "/workspaces/{empty}/members/remove", {"user_ids": ["{bob}"]}, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/budgets", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/budgets/daily", None, (200, 404, 403, 401, 401)),
    ("put", "/workspaces/{production}/budgets/daily", {"limit_usd": 2}, (200, 404, 403, 401, 401)),
    ("delete", "/workspaces/{production}/budgets/daily", None, (200, 404, 403, 401, 401)),
    ("get", "/keys", None, (200, 200, 401, 401, 401)),
    ("get", "/keys?workspace_id={production}", None, (200, 404, 401, 401, 401)),
    ("post", "/keys", {"name": "New"}, (201, 201, 403, 401, 401)),
    ("post", "/keys", {"name": "New", "workspace_id": "{production}"}, (201, 400, 403, 401, 401)),
    ("post", "/keys", {"name": "New", "creator_user_id": "{alice}"}, (201, 400, 403, 401, 401)),
    ("get", "/keys/{bob_key}", None, (200, 404, 401, 401, 401)),
    ("patch", "/keys/{bob_key}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("delete", "/keys/{bob_key}", None, (200, 404, 401, 401, 401)),
    ("get", "/presets", None, (200, 200, 200, 401, 401)),
    ("get", "/presets?workspace_id={production}", None, (200, 404, 200, 401, 401)),
    ("get", "/presets?workspace_id=research", None, (200, 404, 404, 401, 401)),
    ("post", "/presets/new/chat/completions", {"model": "a/b"}, (200, 200, 200, 401, 401)),
    ("post", "/presets/new/messages", {"model": "a/b"}, (200, 200, 200, 401, 401)),
    ("post", "/presets/new/responses", {"model": "a/b"}, (200, 200, 200, 401, 401)),
    ("get", "/presets/brief?workspace_id=production", None, (200, 404, 200, 401, 401)),
    ("patch", "/presets/brief?workspace_id=production", {"name": "B"}, (200, 404, 200, 401, 401)),
    ("delete", "/presets/brief?workspace_id=research", None, (200, 404, 404, 401, 401)),
    ("get", "/presets/brief/versions?workspace_id=production", None, (200, 404, 200, 401, 401)),
    ("get", "/presets/brief/versions/1?workspace_id=production", None, (200, 404, 200, 401, 401)),
    ("get", "/presets/brief/versions/1/diff?workspace_id=production", None, (200, 404, 200, 401, 401)),
    ("get", "/workspaces/{production}/plugins", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/plugins/web", None, (200, 404, 403, 401, 401)),
    ("patch", "/workspaces/{production}/plugins/web", {"enabled": True}, (200, 404, 403, 401, 401)),
    ("delete", "/workspaces/{production}/plugins/web", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/routing", None, (200, 404, 403, 401, 401)),
    ("patch", "/workspaces/{production}/routing", {"is_strict": True}, (200, 404, 403, 401, 401)),
    ("post", "/keys/{bob_key}/rotate", {}, (200, 404, 403, 401, 401)),
    ("get", "/keys/{bob_key}/secrets", None, (200, 404, 403, 401, 401)),
    ("delete", "/keys/{bob_key}/secrets/{former}", None, (404, 404, 403, 401, 401)),
    ("get", "/external-users", None, (200, 200, 403, 401, 401)),
    ("post", "/external-users", {"user": "customer-8"}, (201, 201, 401, 401, 401)),
    ("get", "/external-users/{customer}", None, (200, 404, 403, 401, 401)),
    ("patch", "/external-users/{customer}", {"is_active": False}, (200, 404, 401, 401, 401)),
    ("delete", "/external-users/{customer}", None, (204, 404, 401, 401, 401)),
    ("post", "/auth/keys/code", {"callback_url": "https://app.example/"}, (200, 200, 403, 401, 401)),
    ("post", "/auth/keys", {"code": "auth_code_nonsense"}, (403, 403, 403, 403, 403)),
    ("get", "/key", None, (200, 200, 200, 401, 401)),
    ("get", "/byok", None, (200, 200, 401, 401, 401)),
    ("get", "/byok?workspace_id={production}", None, (200, 400, 401, 401, 401)),
    ("post", "/byok", {"provider": "openai", "key": "sk-1"}, (201, 201, 403, 401, 401)),
    (
        "post",
        "/byok",
        {"provider": "openai", "key": "sk-1", "workspace_id": "{production}"},
        (201, 400, 403, 401, 401),
    ),
    ("get", "/byok/{credential}", None, (200, 404, 401, 401, 401)),
    ("patch", "/byok/{credential}", {"name": "Renamed"}, (200, 404, 401, 401, 401)),
    ("delete", "/byok/{credential}", None, (200, 404, 401, 401, 401)),
    ("get", "/credits", None, (200, 200, 403, 401, 401)),
    ("get", "/audit-log", None, (200, 200, 403, 401, 401)),
    ("get", "/audit-log?workspace_id={production}", None, (200, 404, 403, 401, 401)),
    ("get", "/revisions", None, (200, 200, 403, 401, 401)),
    ("get", "/revisions?workspace_id={production}", None, (200, 404, 403, 401, 401)),
    ("get", "/revisions/{revision}", None, (200, 404, 403, 401, 401)),
    ("get", "/revisions/{revision}/diff", None, (200, 404, 403, 401, 401)),
    ("post", "/revisions/{revision}/restore", {"to": "before"}, (200, 404, 403, 401, 401)),
    ("post", "/revisions/{role}/restore", {"to": "before"}, (403, 404, 403, 401, 401)),
    ("get", "/guardrails", None, (200, 200, 403, 401, 401)),
    ("get", "/guardrails?workspace_id={production}", None, (200, 400, 403, 401, 401)),
    ("post", "/guardrails", {"name": "New"}, (201, 201, 403, 401, 401)),
    ("post", "/guardrails", {"name": "New", "workspace_id": "{production}"}, (201, 400, 403, 401, 401)),
    ("get", "/guardrails/{guardrail}", None, (200, 404, 403, 401, 401)),
    ("get", "/guardrails/{default_guardrail}", None, (200, 404, 403, 401, 401)),
    ("patch", "/guardrails/{guardrail}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("patch", "/guardrails/{default_guardrail}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("delete", "/guardrails/{guardrail}", None, (200, 404, 403, 401, 401)),
    ("get", "/guardrails/assignments/keys", None, (200, 200, 403, 401, 401)),
    ("get", "/guardrails/assignments/members", None, (200, 200, 403, 401, 401)),
    ("get", "/guardrails/{guardrail}/assignments/keys", None, (200, 404, 403, 401, 401)),
    ("post", "/guardrails/{guardrail}/assignments/keys", KEYS, (200, 404, 403, 401, 401)),
    ("post", "/guardrails/{guardrail}/assignments/keys/remove", KEYS, (200, 404, 403, 401, 401)),
    ("get", "/guardrails/{guardrail}/assignments/members", None, (200, 404, 403, 401, 401)),
    ("post", "/guardrails/{guardrail}/assignments/members", MEMBERS, (200, 404, 403, 401, 401)),
    ("post", "/guardrails/{guardrail}/assignments/members/remove", MEMBERS, (200, 404, 403, 401, 401)),
    ("get", "/organization/privacy", None, (200, 200, 403, 401, 401)),
    ("patch", "/organization/privacy", {"enforce_zdr_xai": True}, (200, 200, 403, 401, 401)),
    ("get", "/organization/settings", None, (200, 200, 403, 401, 401)),
    ("patch", "/organization/settings", CATALOG, (200, 200, 403, 401, 401)),
    ("get", "/credits/ledger", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/ledger.csv", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/invoices", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/invoices/1", None, (200, 404, 403, 401, 401)),
    ("get", "/organization/members", None, (200, 200, 401, 401, 401)),
    ("delete", "/organization/members/{bob}", None, (200, 404, 403, 401, 401)),
    ("get", "/organization/invitations", None, (200, 200, 403, 401, 401)),
    ("post", "/organization/invitations", {"email": "dora@x.example"}, (201, 201, 403, 401, 401)),
    ("post", "/organization/invitations", INTO_PRODUCTION, (201, 400, 403, 401, 401)),
    ("post", "/organization/invitations", AN_ADMINISTRATOR, (403, 403, 403, 401, 401)),
    ("get", "/organization/invitations/{invitation}", None, (200, 404, 403, 401, 401)),
    ("delete", "/organization/invitations/{invitation}", None, (200, 404, 403, 401, 401)),
    ("post", "/organization/invitations/{invitation}/resend", None, (200, 404, 403, 401, 401)),
    ("get", "/management-keys", None, (200, 200, 403, 401, 401)),
    ("get", "/management-keys/{management_key}", None, (200, 404, 403, 401, 401)),
    ("delete", "/management-keys/{management_key}", None, (200, 404, 403, 401, 401)),
    ("get", "/generation?id={generation}", None, (404, 404, 404, 401, 401)),
]


CREDENTIAL = uuid.UUID("6f7a7a0c-5c1e-4a52-9d0b-0d8b8c2b7a11")


def filled(value: Any, acme: Acme) -> Any:
    """The path or body with the cast's ids."""
    names = {
        "{credential}": str(CREDENTIAL),
        "{production}": str(acme.production.public_id),
        "{empty}": "empty",
        "{alice}": acme.alice.user.public_id,
        "{bob}": acme.bob.user.public_id,
        "{carol}": acme.carol.user.public_id,
        "{bob_key}": acme.bob_key.key.hash,
        "{customer}": "customer-7",
        "{former}": "f" * 64,
        "{generation}": generation_id(uuid7()),
        "{revision}": str(newest("workspace", acme)),
        "{role}": str(newest("membership", acme)),
        "{guardrail}": str(GUARDRAIL_ID),
        "{default_guardrail}": str(acme.production.default_guardrail_id),
        "{management_key}": acme.management_key.key.hash,
        "{invitation}": INVITATION_ID,
    }
    text = json.dumps(value)
    for name, filling in names.items():
        text = text.replace(name, filling)
    return json.loads(text)


def newest(object_type: str, acme: Acme) -> int:
    """The id of the newest revision of this kind of object."""
    with tenant(acme.organization.pk):
        return int(Revision.objects.filter(object_type=object_type).latest("pk").pk)


def a_credential(acme: Acme) -> None:
    """A credential of acme's, with an id that is known beforehand."""
    made = byok.create(
        organization=acme.organization,
        workspace=acme.production,
        provider="openai",
        secret="sk-1",
        by=STAGE,
    )
    ByokCredential.objects.filter(pk=made.pk).update(public_id=CREDENTIAL)


def api_of(caller: str, cast: Cast) -> Api:
    """The API as one of the callers sees it."""
    secrets = {
        "acme": cast.acme.management_key.secret,
        "globex": cast.globex.management_key.secret,
        "inference": cast.acme.production_key.secret,
        "unknown": "sk-hg-mgmt-v1-" + "f" * 64,
        "nobody": None,
    }
    return Api(secrets[caller])


@pytest.fixture(autouse=True)
def furniture(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace without keys, one object of each kind, and no patience with generations that do not exist."""
    with tenant(acme.organization.pk):
        create(organization=acme.organization, name="Empty", slug="empty", by=STAGE)
        change(workspace=acme.production, by=STAGE, name="Live")
        set_budget(workspace=acme.production, interval="d", limit_nano=10**9, by=STAGE)
        for workspace in (acme.production, acme.research):
            save_version(workspace=workspace, slug="brief", content=Content(), by=STAGE)
        default = Guardrail.default_of(acme.default)
        own = Guardrail(
            public_id=GUARDRAIL_ID, organization=acme.organization, workspace=acme.default, name="Own"
        )
        guardrail_settings.recreate(guardrail=own, by=STAGE)
        guardrail_settings.change(guardrail=default, by=STAGE, name="Everybody's")
        a_credential(acme)
        register(organization=acme.organization, identifier="customer-7", by=STAGE)
        deposit(organization=acme.organization, kind="purchase", amount_nano=10**9, description="", by=STAGE)
        invited = invite(organization=acme.organization, email="new@x.example", role="member", by=STAGE)
        # Sent a while ago, so that it may be sent again, and with an id that the table can name.
        Invitation.objects.filter(pk=invited.pk).update(
            public_id=INVITATION_ID, sent_at=invited.sent_at - timedelta(hours=1)
        )
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)


class TestTheTable:
    @pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1]}")
    def test_answers_each_kind_of_key(self, cast: Cast, row: tuple[str, str, Any, tuple[int, ...]]):
        method, path, body, statuses = row

        # Whoever may do it comes last, so that the object is there for all.
        answers = {
            caller: api_of(caller, cast)
            .send(method, filled(path, cast.acme), filled(body, cast.acme))
            .status_code
            for caller in reversed(CALLERS)
        }

        assert answers == dict(zip(CALLERS, statuses, strict=True))

    def test_names_every_operation_of_our_document(self):
        document = our_document()
        described = {
            operation["operationId"] for row in document["paths"].values() for operation in row.values()
        }

        named = {
            operation["operationId"]
            for method, path, *_ in TABLE
            if (operation := operation_of(document, method, path.partition("?")[0]))
        }

        assert described <= named


class TestSomebodyElsesObject:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("get", "/workspaces/{}", None),
            ("patch", "/workspaces/{}", {"name": "Mine"}),
            ("patch", "/workspaces/{}", {"nonsense": 1}),
            ("delete", "/workspaces/{}", None),
            ("get", "/workspaces/{}/members", None),
            ("put", "/workspaces/{}/budgets/daily", {"limit_usd": 1}),
            ("get", "/keys?workspace_id={}", None),
            ("post", "/keys", {"name": "New", "workspace_id": "{}"}),
            ("get", "/byok?workspace_id={}", None),
            ("post", "/byok", {"provider": "openai", "key": "sk-1", "workspace_id": "{}"}),
        ],
    )
    def test_answers_byte_for_byte_like_an_unknown_one(self, cast: Cast, method: str, path: str, body: Any):
        api = Api(cast.globex.management_key.secret)

        answers = [
            api.send(method, path.format(name), json.loads(json.dumps(body).replace("{}", name)))
            for name in (str(cast.acme.production.public_id), str(uuid.uuid4()))
        ]

        assert answers[0].content == answers[1].content
        assert answers[0].status_code == answers[1].status_code

    def test_is_not_changed(self, cast: Cast):
        Api(cast.globex.management_key.secret).delete(f"/keys/{cast.acme.bob_key.key.hash}")

        assert Api(cast.acme.bob_key.secret).get("/key").status_code == 200
