"""Every operation, asked by every kind of key: one table, allowed and denied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from observability import recent
from tests.api_objects import World, acme_home, filled, furnish
from tests.cast import Acme, Cast
from tests.management_api import Api, operation_of, our_document
from tests.observability.destination_kinds import NEW

CALLERS = ("acme", "globex", "inference", "unknown", "nobody")
KEYS = {"key_hashes": ["{bob_key}"]}
MEMBERS = {"member_user_ids": ["{bob}"]}
CATALOG = {"is_filtered_model_catalog_enabled": True}
INTO_PRODUCTION = {"email": "dora@x.example", "workspace_ids": ["{production}"]}
AN_ADMINISTRATOR = {"email": "dora@x.example", "role": "org:admin"}
FREE = {"prompt": "0", "completion": "0"}
OWN_UPSTREAM = {
    "model_permaslug": "own/llama",
    "model_name": "Llama",
    "provider_slug": "ollama",
    "upstream_model_id": "llama3",
    "base_url": "https://llm.x.example/v1",
}
BUDGET_OF_PRODUCTION = {"workspace_ids": ["{production}"]}
MAIL = {"type": "email", "name": "Ops", "config": {"to": ["ops@x.example"]}}
MAILBOX = NEW | {"name": "New"}
TRIAL = {"type": NEW["type"], "config": NEW["config"]}
YESTERDAY = {
    "since": (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds").replace("+00:00", "Z")
}
TOPICS = {
    "name": "Topics",
    "model": "a/b",
    "taxonomy": [{"name": "topic", "labels": [{"label": "billing"}, {"label": "other"}]}],
}
FALSE_POSITIVE = {"generation_id": "{generation}", "category": "guardrail_false_positive"}
TRIED_IN_PRODUCTION = {"activate": {"workspace_id": "{production}"}}
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
    ("post", "/explain", {"request": {}, "key": "{bob_key}"}, (200, 400, 400, 401, 401)),
    ("post", "/explain", {"request": {}}, (400, 400, 200, 401, 401)),
    ("post", "/explain", {"request": {}, "guardrail": {}}, (400, 400, 403, 401, 401)),
    ("post", "/guardrails/preview", {}, (200, 200, 403, 401, 401)),
    ("post", "/guardrails/preview", {"key": "{bob_key}"}, (200, 400, 403, 401, 401)),
    ("post", "/guardrails/preview", {"workspace_id": "{production}"}, (200, 400, 403, 401, 401)),
    ("post", "/guardrails/preview", {"text": "a@b.example", "guardrail": {}}, (200, 200, 403, 401, 401)),
    ("get", "/workspaces/{production}/plugins", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/plugins/web", None, (200, 404, 403, 401, 401)),
    ("patch", "/workspaces/{production}/plugins/web", {"prevent_overrides": True}, (200, 404, 403, 401, 401)),
    ("delete", "/workspaces/{production}/plugins/web", None, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/routing", None, (200, 404, 403, 401, 401)),
    ("patch", "/workspaces/{production}/routing", {"is_strict": True}, (200, 404, 403, 401, 401)),
    ("get", "/workspaces/{production}/observability", None, (200, 404, 403, 401, 401)),
    (
        "patch",
        "/workspaces/{production}/observability",
        {"io_logging_retention_days": 7},
        (200, 404, 403, 401, 401),
    ),
    ("post", "/keys/{bob_key}/rotate", {}, (200, 404, 403, 401, 401)),
    ("get", "/keys/{rotated}/secrets", None, (200, 404, 403, 401, 401)),
    ("delete", "/keys/{rotated}/secrets/{former}", None, (200, 404, 403, 401, 401)),
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
    ("get", "/private-endpoints", None, (200, 200, 403, 401, 401)),
    ("post", "/private-endpoints", OWN_UPSTREAM, (201, 201, 403, 401, 401)),
    ("post", "/private-endpoints", OWN_UPSTREAM | TRIED_IN_PRODUCTION, (422, 404, 403, 401, 401)),
    ("get", "/private-endpoints/{private}", None, (200, 404, 403, 401, 401)),
    ("patch", "/private-endpoints/{private}", {"upstream_model_id": "other"}, (200, 404, 403, 401, 401)),
    ("delete", "/private-endpoints/{private}", None, (200, 404, 403, 401, 401)),
    ("put", "/private-endpoints/{private}/pricing", {"pricing": FREE}, (200, 404, 403, 401, 401)),
    (
        "post",
        "/private-endpoints/{private}/validate",
        {"workspace_id": "{production}"},
        (200, 404, 403, 401, 401),
    ),
    ("post", "/private-endpoints/{private}/activate", None, (409, 404, 403, 401, 401)),
    ("post", "/private-endpoints/{active_private}/disable", None, (200, 404, 403, 401, 401)),
    ("post", "/private-endpoints/{active_private}/enable", None, (409, 404, 403, 401, 401)),
    ("get", "/classifiers", None, (200, 200, 403, 401, 401)),
    ("get", "/classifiers?workspace_id={production}", None, (200, 400, 403, 401, 401)),
    ("post", "/classifiers", TOPICS, (201, 201, 403, 401, 401)),
    ("post", "/classifiers", TOPICS | {"workspace_id": "{production}"}, (201, 400, 403, 401, 401)),
    ("post", "/classifiers", TOPICS | {"api_key_hashes": ["{bob_key}"]}, (201, 400, 403, 401, 401)),
    ("get", "/classifiers/{classifier}", None, (200, 404, 403, 401, 401)),
    ("patch", "/classifiers/{classifier}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("delete", "/classifiers/{classifier}", None, (200, 404, 403, 401, 401)),
    ("get", "/classifiers/{classifier}/classifications", None, (200, 404, 403, 401, 401)),
    ("get", "/observability/destinations", None, (200, 200, 401, 401, 401)),
    ("get", "/observability/destinations?workspace_id={production}", None, (200, 400, 401, 401, 401)),
    ("post", "/observability/destinations", MAILBOX, (201, 201, 403, 401, 401)),
    (
        "post",
        "/observability/destinations",
        MAILBOX | {"workspace_id": "{production}"},
        (201, 400, 403, 401, 401),
    ),
    (
        "post",
        "/observability/destinations",
        MAILBOX | {"api_key_hashes": ["{bob_key}"]},
        (201, 400, 403, 401, 401),
    ),
    ("post", "/observability/destinations/test", TRIAL, (200, 200, 403, 401, 401)),
    ("get", "/observability/destinations/{destination}", None, (200, 404, 401, 401, 401)),
    ("patch", "/observability/destinations/{destination}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("delete", "/observability/destinations/{destination}", None, (200, 404, 401, 401, 401)),
    ("post", "/observability/destinations/{copy}/detach", None, (200, 404, 403, 401, 401)),
    ("post", "/observability/destinations/{destination}/test", None, (200, 404, 403, 401, 401)),
    ("post", "/observability/destinations/{destination}/test-trace", None, (200, 404, 403, 401, 401)),
    ("get", "/observability/destinations/{destination}/state", None, (200, 404, 403, 401, 401)),
    ("get", "/observability/destinations/{destination}/deliveries", None, (200, 404, 403, 401, 401)),
    ("get", "/observability/destinations/{destination}/dead-letters", None, (200, 404, 403, 401, 401)),
    ("get", "/observability/destinations/{destination}/receipts", None, (200, 404, 403, 401, 401)),
    ("get", "/observability/destinations/{destination}/jobs", None, (200, 404, 403, 401, 401)),
    ("post", "/observability/destinations/{destination}/replay", {}, (202, 404, 403, 401, 401)),
    ("post", "/observability/destinations/{destination}/discard", {}, (202, 404, 403, 401, 401)),
    ("post", "/observability/destinations/{destination}/backfill", YESTERDAY, (202, 404, 403, 401, 401)),
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
    ("get", "/organization/members/{bob}", None, (200, 404, 403, 401, 401)),
    ("patch", "/organization/members/{bob}", {"requests_per_minute": 9}, (200, 404, 403, 401, 401)),
    ("delete", "/organization/members/{bob}", None, (200, 404, 403, 401, 401)),
    ("get", "/organization/invitations", None, (200, 200, 403, 401, 401)),
    ("post", "/organization/invitations", {"email": "dora@x.example"}, (201, 201, 403, 401, 401)),
    ("post", "/organization/invitations", INTO_PRODUCTION, (201, 400, 403, 401, 401)),
    ("post", "/organization/invitations", AN_ADMINISTRATOR, (403, 403, 403, 401, 401)),
    ("get", "/organization/invitations/{invitation}", None, (200, 404, 403, 401, 401)),
    ("delete", "/organization/invitations/{invitation}", None, (200, 404, 403, 401, 401)),
    ("post", "/organization/invitations/{invitation}/resend", None, (200, 404, 403, 401, 401)),
    ("get", "/notifications", None, (200, 200, 403, 401, 401)),
    ("get", "/notifications/rules", None, (200, 200, 403, 401, 401)),
    ("get", "/notifications/rules/key_limit", None, (200, 200, 403, 401, 401)),
    ("patch", "/notifications/rules/key_limit", {"disabled": False}, (200, 200, 403, 401, 401)),
    ("patch", "/notifications/rules/key_limit", BUDGET_OF_PRODUCTION, (200, 400, 403, 401, 401)),
    ("patch", "/notifications/rules/key_limit", {"channel_ids": ["{channel}"]}, (200, 400, 403, 401, 401)),
    ("get", "/notifications/channels", None, (200, 200, 403, 401, 401)),
    ("post", "/notifications/channels", MAIL, (201, 201, 403, 401, 401)),
    ("get", "/notifications/channels/{channel}", None, (200, 404, 403, 401, 401)),
    ("patch", "/notifications/channels/{channel}", {"name": "Renamed"}, (200, 404, 403, 401, 401)),
    ("delete", "/notifications/channels/{channel}", None, (200, 404, 403, 401, 401)),
    ("post", "/notifications/channels/{channel}/test", None, (200, 404, 403, 401, 401)),
    ("post", "/notifications/channels/{channel}/enable", None, (200, 404, 403, 401, 401)),
    ("post", "/notifications/channels/{channel}/disable", None, (200, 404, 403, 401, 401)),
    ("get", "/management-keys", None, (200, 200, 403, 401, 401)),
    ("get", "/management-keys/{management_key}", None, (200, 404, 403, 401, 401)),
    ("delete", "/management-keys/{management_key}", None, (200, 404, 403, 401, 401)),
    ("get", "/activity", None, (200, 200, 403, 401, 401)),
    ("get", "/activity?workspace_id={production}", None, (200, 404, 403, 401, 401)),
    ("get", "/activity?api_key_hash={bob_key}", None, (200, 404, 403, 401, 401)),
    ("get", "/activity?user_id={bob}", None, (200, 404, 403, 401, 401)),
    ("get", "/activity.csv", None, (200, 200, 403, 401, 401)),
    ("get", "/activity.csv?workspace_id={production}", None, (200, 404, 403, 401, 401)),
    ("get", "/analytics/meta", None, (200, 200, 403, 401, 401)),
    ("post", "/analytics/query", {"metrics": ["request_count"]}, (200, 200, 403, 401, 401)),
    ("post", "/analytics/query.csv", {"metrics": ["request_count"]}, (200, 200, 403, 401, 401)),
    ("get", "/generation?id={generation}", None, (404, 404, 404, 401, 401)),
    ("get", "/generation/content?id={generation}", None, (404, 404, 404, 401, 401)),
    ("delete", "/generation/content?id={generation}", None, (404, 404, 403, 401, 401)),
    ("post", "/generation/content/delete", {"user": "ann"}, (200, 200, 403, 401, 401)),
    (
        "post",
        "/generation/content/delete",
        {"workspace_id": "{production}"},
        (200, 400, 403, 401, 401),
    ),
    ("get", "/generation/feedback", None, (200, 200, 403, 401, 401)),
    ("post", "/generation/feedback", FALSE_POSITIVE, (404, 404, 401, 401, 401)),
]


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


@pytest.fixture
def world(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> World:
    """One object of each kind at acme, and no patience with generations that do not exist."""
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)
    return furnish(acme_home(acme))


class TestTheTable:
    @pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1]}")
    def test_answers_each_kind_of_key(
        self, cast: Cast, world: World, row: tuple[str, str, Any, tuple[int, ...]]
    ):
        method, path, body, statuses = row

        # Whoever may do it comes last, so that the object is there for all.
        answers = {
            caller: api_of(caller, cast).send(method, filled(path, world), filled(body, world)).status_code
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
    def test_is_not_changed(self, cast: Cast):
        Api(cast.globex.management_key.secret).delete(f"/keys/{cast.acme.bob_key.key.hash}")

        assert Api(cast.acme.bob_key.secret).get("/key").status_code == 200
