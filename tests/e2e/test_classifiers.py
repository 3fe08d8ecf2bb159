"""A classifier sorts what was asked: through the gateway, for the workspace's money, and never itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from openrouter import OpenRouter

from tests.e2e.recorder import keys_of
from tests.live_stack import LiveStack

pytestmark = pytest.mark.full

TAXONOMY = [
    {"name": "topic", "labels": [{"label": "billing", "description": "Money."}, {"label": "other"}]},
    {"name": "audience", "labels": [{"label": "internal"}, {"label": "public"}]},
]
LABELS = {"topic": {"billing", "other"}, "audience": {"internal", "public"}}


@pytest.fixture
def api(live_stack: LiveStack) -> Iterator[httpx.Client]:
    key, _ = keys_of(live_stack.demo)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=live_stack.demo["base_url"], headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def classifier(api: httpx.Client) -> Iterator[dict[str, Any]]:
    """One of the Default workspace, gone afterwards."""
    given = {"name": "Topics", "model": "simulator/echo", "taxonomy": TAXONOMY}
    made = api.post("/classifiers", json=given).raise_for_status().json()["data"]
    yield made
    api.delete(f"/classifiers/{made['id']}").raise_for_status()


def ask(live_stack: LiveStack, model: str = "simulator/echo") -> str:
    """A request of the workspace's own key; the generation's id."""
    _, key = keys_of(live_stack.demo)
    with OpenRouter(api_key=key, server_url=live_stack.demo["base_url"]) as client:
        messages: Any = [{"role": "user", "content": "Why was I charged twice?"}]
        return str(client.chat.send(model=model, messages=messages).id)


def sorted_by(api: httpx.Client, classifier: dict[str, Any]) -> list[dict[str, Any]]:
    found = api.get(f"/classifiers/{classifier['id']}/classifications").raise_for_status().json()
    return list(found["data"])


def settled(
    live_stack: LiveStack, api: httpx.Client, classifier: dict[str, Any], asked: str
) -> dict[str, Any]:
    """What became of a request, once that is known."""

    def look() -> list[dict[str, Any]]:
        rows = sorted_by(api, classifier)
        return [row for row in rows if row["generation_id"] == asked and row["status"] != "pending"]

    live_stack.wait(look, 60, "a classification")
    return look()[0]


def asked_until_taken(live_stack: LiveStack, api: httpx.Client, classifier: dict[str, Any]) -> str:
    """A request that the classifier took: gateways learn of it within a second."""
    asked: list[str] = []

    def is_taken() -> bool:
        asked.append(ask(live_stack))
        return bool(sorted_by(api, classifier))

    live_stack.wait(is_taken, 30, "a request that is taken")
    return str(sorted_by(api, classifier)[0]["generation_id"])


class TestAnAnsweredRequest:
    def test_gets_a_label_in_each_dimension_for_the_workspaces_money(self, live_stack, api, classifier):
        asked = asked_until_taken(live_stack, api, classifier)

        row = settled(live_stack, api, classifier, asked)

        assert row["status"] == "done", row
        assert {name: label in LABELS[name] for name, label in row["tags"].items()} == dict.fromkeys(
            LABELS, True
        )
        question = api.get("/generation", params={"id": row["answer_id"]}).raise_for_status().json()["data"]
        assert question["model"] == "simulator/echo"
        assert question["total_cost"] == pytest.approx(row["cost"])
        assert row["cost"] > 0
        live_stack.manage("reconcile")  # fails on any violation

    def test_is_never_the_classifiers_own(self, live_stack, api, classifier):
        row = settled(live_stack, api, classifier, asked_until_taken(live_stack, api, classifier))
        later = ask(live_stack)
        settled(live_stack, api, classifier, later)

        rows = sorted_by(api, classifier)
        assert row["answer_id"] not in {each["generation_id"] for each in rows}
        assert {each["answer_id"] for each in rows}.isdisjoint(each["generation_id"] for each in rows)

    def test_is_forgotten_once_it_is_sorted(self, live_stack, api, classifier):
        asked = asked_until_taken(live_stack, api, classifier)

        settled(live_stack, api, classifier, asked)

        live_stack.wait(
            lambda: all(row["status"] != "pending" for row in sorted_by(api, classifier)), 60, "the others"
        )
        with psycopg.connect(live_stack.environment()["HEADGATE_OWNER_DATABASE_URL"]) as connection:
            kept = connection.execute(
                "SELECT count(*) FROM generation_content WHERE generation_id = %s",
                [asked.removeprefix("gen-")],
            ).fetchone()
        assert kept == (0,)


class TestAClassifierWithoutMoney:
    def test_skips_requests_and_says_so(self, live_stack, api, classifier):
        api.patch(f"/keys/{classifier['key_hash']}", json={"limit": 0}).raise_for_status()

        row = settled(live_stack, api, classifier, asked_until_taken(live_stack, api, classifier))

        assert (row["status"], row["tags"], row["cost"], row["answer_id"]) == ("skipped", None, 0, None)


class TestAModelThatFails:
    def test_is_asked_no_more_than_it_makes_sense(self, live_stack, api, classifier):
        changed = {"model": "simulator/broken-json"}
        api.patch(f"/classifiers/{classifier['id']}", json=changed).raise_for_status()

        row = settled(live_stack, api, classifier, asked_until_taken(live_stack, api, classifier))

        assert (row["status"], row["tags"]) == ("failed", None)
        assert row["error"]
