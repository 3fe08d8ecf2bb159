"""First light: official clients, one key, one answer, and the same cost in every place that shows it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from decimal import Decimal
from typing import Any

import pytest
from openai import APIStatusError, OpenAI
from openrouter import OpenRouter

from tests.live_stack import LiveStack

HELLO = [{"role": "user", "content": "the quick brown fox jumps over the lazy dog"}]
TEXT = HELLO[0]["content"]


def ask(url: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One request to the management API, parsed with exact numbers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=15) as answer:
        found: dict[str, Any] = json.loads(answer.read(), parse_float=Decimal)
    return found


class Acme:
    """What a newcomer holds after `dev.py up --demo`."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.base = stack.demo["base_url"]
        facts = stack.demo["organizations"]["acme"]
        self.management_key: str = facts["management_key"]
        self.default: dict[str, str] = facts["workspaces"][0]

    def new_key(self, **fields: Any) -> tuple[str, str]:
        """A fresh key of the Default workspace: its secret and its hash."""
        made = ask(f"{self.base}/keys", self.management_key, {"name": "first light", **fields})
        return made["key"], made["data"]["hash"]

    def key(self, hash_: str) -> dict[str, Any]:
        """What the management API says about a key."""
        found: dict[str, Any] = ask(f"{self.base}/keys/{hash_}", self.management_key)["data"]
        return found

    def credits(self) -> Decimal:
        """Credits left, in dollars."""
        data = ask(f"{self.base}/credits", self.management_key)["data"]
        return Decimal(data["total_credits"]) - Decimal(data["total_usage"])

    def wait_for_generation(self, key: str, identifier: str) -> dict[str, Any]:
        """The generation, once ingest has it; the API itself waits up to three seconds."""
        data: dict[str, Any] = ask(f"{self.base}/generation?id={identifier}", key)["data"]
        return data

    def wait_until_booked(self, hash_: str, usage: Decimal) -> None:
        """Return when the key's usage is what it should be; fails when it never is."""
        deadline = time.monotonic() + 30
        while self.key(hash_)["usage"] != usage:
            assert time.monotonic() < deadline, f"{self.key(hash_)['usage']} is not {usage}"
            time.sleep(0.05)


@pytest.fixture
def acme(live_stack: LiveStack) -> Acme:
    return Acme(live_stack)


def openai_client(acme: Acme, key: str) -> OpenAI:
    return OpenAI(base_url=acme.base, api_key=key, max_retries=0)


def chat_with_openai(acme: Acme, key: str) -> tuple[str, str, Decimal]:
    with openai_client(acme, key) as client:
        answer = client.chat.completions.create(model="simulator/echo", messages=HELLO)
    return answer.id, answer.choices[0].message.content, Decimal(str(answer.usage.model_extra["cost"]))


def stream_with_openai(acme: Acme, key: str) -> tuple[str, str, Decimal]:
    with openai_client(acme, key) as client:
        chunks = list(client.chat.completions.create(model="simulator/echo", messages=HELLO, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return chunks[0].id, text, Decimal(str(chunks[-1].usage.model_extra["cost"]))


def chat_with_openrouter(acme: Acme, key: str) -> tuple[str, str, Decimal]:
    with OpenRouter(server_url=acme.base, api_key=key) as client:
        answer = client.chat.send(model="simulator/echo", messages=HELLO)
    return answer.id, answer.choices[0].message.content, Decimal(str(answer.usage.cost))


def stream_with_openrouter(acme: Acme, key: str) -> tuple[str, str, Decimal]:
    with OpenRouter(server_url=acme.base, api_key=key) as client:
        chunks = list(client.chat.send(model="simulator/echo", messages=HELLO, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return chunks[0].id, text, Decimal(str(chunks[-1].usage.cost))


CLIENTS = [chat_with_openai, stream_with_openai, chat_with_openrouter, stream_with_openrouter]


class TestARealClientsRequest:
    @pytest.mark.parametrize("client", CLIENTS)
    def test_is_answered_and_costs_the_same_everywhere(self, acme, client):
        secret, hash_ = acme.new_key(limit=1)
        before = acme.credits()

        identifier, text, cost = client(acme, secret)

        assert identifier.startswith("gen-")
        assert text.strip() == TEXT
        assert cost > 0
        generation = acme.wait_for_generation(secret, identifier)
        assert Decimal(generation["total_cost"]) == cost
        assert (generation["tokens_prompt"], generation["tokens_completion"]) == (9, 9)
        acme.wait_until_booked(hash_, cost)
        assert acme.key(hash_)["limit_remaining"] == 1 - cost
        assert acme.credits() == before - cost

    def test_leaves_the_books_in_order(self, acme):
        secret, hash_ = acme.new_key()
        _, _, cost = chat_with_openai(acme, secret)
        acme.wait_until_booked(hash_, cost)

        assert "clean" in acme.stack.manage("reconcile")

    @pytest.mark.parametrize(("kind", "status"), [("unknown", 401), ("management", 403)])
    def test_is_refused_without_a_good_key(self, acme, kind, status):
        secret = acme.management_key if kind == "management" else "sk-hg-v1-" + "0" * 64

        with openai_client(acme, secret) as client, pytest.raises(APIStatusError) as refusal:
            client.chat.completions.create(model="simulator/echo", messages=HELLO)

        assert refusal.value.status_code == status

    def test_of_another_organization_is_no_business_of_ours(self, acme):
        secret, _ = acme.new_key()
        identifier, _, _ = chat_with_openai(acme, secret)
        globex = acme.stack.demo["organizations"]["globex"]["management_key"]
        acme.wait_for_generation(secret, identifier)

        with pytest.raises(urllib.error.HTTPError) as refusal:
            ask(f"{acme.base}/generation?id={identifier}", globex)

        with refusal.value as answer:
            assert answer.code == 404
