"""Every operation, asked by every kind of key: one table, allowed and denied."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from accounts.credits import deposit
from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability import recent
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, our_document
from workspaces.budgets import set_budget
from workspaces.workspaces import create

CALLERS = ("acme", "globex", "inference", "unknown", "nobody")
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
    ("get", "/key", None, (200, 200, 200, 401, 401)),
    ("get", "/credits", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/ledger", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/ledger.csv", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/invoices", None, (200, 200, 403, 401, 401)),
    ("get", "/credits/invoices/1", None, (200, 404, 403, 401, 401)),
    ("get", "/generation?id={generation}", None, (404, 404, 404, 401, 401)),
]


def filled(value: Any, acme: Acme) -> Any:
    """The path or body with the cast's ids."""
    names = {
        "{production}": str(acme.production.public_id),
        "{empty}": "empty",
        "{alice}": acme.alice.user.public_id,
        "{bob}": acme.bob.user.public_id,
        "{carol}": acme.carol.user.public_id,
        "{bob_key}": acme.bob_key.key.hash,
        "{generation}": generation_id(uuid7()),
    }
    text = json.dumps(value)
    for name, filling in names.items():
        text = text.replace(name, filling)
    return json.loads(text)


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
    """An empty workspace, a budget and an invoice to look at, and no patience with generations that do not exist."""
    with tenant(acme.organization.pk):
        create(organization=acme.organization, name="Empty", slug="empty", by=STAGE)
        set_budget(workspace=acme.production, interval="d", limit_nano=10**9, by=STAGE)
        deposit(organization=acme.organization, kind="purchase", amount_nano=10**9, description="", by=STAGE)
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
        described = {(method, path) for path, row in our_document()["paths"].items() for method in row}

        named = {(row[0], row[1].partition("?")[0]) for row in TABLE}

        named = {(method, path.replace("/invoices/1", "/invoices/{number}")) for method, path in named}
        wildcards = {"{production}": "{id}", "{empty}": "{id}", "{bob_key}": "{hash}", "daily": "{interval}"}
        for filling, name in wildcards.items():
            named = {(method, path.replace(filling, name)) for method, path in named}
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
