"""An organization that broadcasts, as its administrators and its programs see it: from outside, by the API."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
from openrouter import OpenRouter

from tests.e2e.receivers.asking import Received
from tests.e2e.recorder import keys_of
from tests.live_stack import LiveStack
from tests.observability.destinations.traces import PARENT_SPAN_ID

AT_ONCE = 8
SESSIONS = 50
NANO = 10**9
WORD = "sentinel"


class Broadcasting:
    """acme's Default workspace, with its two keys."""

    def __init__(self, stack: LiveStack, management: OpenRouter, http: httpx.Client) -> None:
        self.stack, self.management, self._http = stack, management, http
        self._managing, self._asking = keys_of(stack.demo)
        self._workspace = str(stack.demo["organizations"]["acme"]["workspaces"][0]["slug"])

    # --- As an administrator

    def switch_on(self) -> None:
        """Let the workspace broadcast."""
        changed = self.management.workspaces.update(
            id=self._workspace, is_observability_broadcast_enabled=True
        )
        assert changed.data.is_observability_broadcast_enabled

    def destination(self, kind: Any, config: dict[str, Any], **options: Any) -> str:
        """A new destination's id."""
        made = self.management.observability.create(name=f"{kind} here", type_=kind, config=config, **options)
        return str(made.data.id)

    def state(self, destination: str) -> dict[str, Any]:
        """How a destination fares."""
        return self.managed(f"/observability/destinations/{destination}/state")

    def managed(self, path: str) -> Any:
        """The data of an answer to the management key."""
        answer = self._http.get(path, headers={"Authorization": f"Bearer {self._managing}"})
        answer.raise_for_status()
        return answer.json()["data"]

    def wait_until_sent(self, destination: str, count: int, seconds: float) -> None:
        """Wait until all that was accepted is sent, and that is so many."""
        deadline = time.monotonic() + seconds
        state = self.state(destination)
        while not state["accepted"] == state["sent"] == count:
            assert (state["dead"], state["dropped"]) == (0, 0), state
            assert time.monotonic() < deadline, state
            time.sleep(1)
            state = self.state(destination)

    # --- As a program

    def ask(self, numbers: Sequence[int]) -> list[str]:
        """Make these requests, some at once; the ids of their generations."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._ask, numbers))

    def _ask(self, number: int) -> str:
        path, body, fails = asked(number)
        headers = {"Authorization": f"Bearer {self._asking}"}
        with self._http.stream("POST", path, json=body, headers=headers) as answer:
            text = answer.read().decode()
            assert answer.is_success is not fails, text
            return answer.headers["x-request-id"]

    # --- What Headgate says

    def told(self, ids: Sequence[str]) -> Received:
        """What `GET /generation` says of these, in sum."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            rows = list(pool.map(self._generation, ids))
        return Received(
            count=len({row["id"] for row in rows}),
            tokens=sum(row["tokens_prompt"] + row["tokens_completion"] for row in rows),
            cost_usd=sum(round(row["total_cost"] * NANO) for row in rows) / NANO,
            sessions=frozenset(row["session_id"] for row in rows),
            parents=sum(has_parent(number) for number in range(len(ids))),
        )

    def _generation(self, identifier: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._asking}"}
        answer = self._http.get("/generation", params={"id": identifier}, headers=headers)
        assert answer.is_success, answer.text
        row: dict[str, Any] = answer.json()["data"]
        return row


def has_parent(number: int) -> bool:
    """Whether a request names a span of the caller's own."""
    return number % 5 != 0


def asked(number: int) -> tuple[str, dict[str, Any], bool]:
    """A request by its number: path, body, and whether it fails. All dialects, streamed and not."""
    fails = number % 100 == 99
    trace = {"trace_id": f"trace-{number}", "generation_name": "Answer", "team": "search"}
    if has_parent(number):
        trace |= {"span_name": "Step", "parent_span_id": PARENT_SPAN_ID}
    body: dict[str, Any] = {
        "model": "simulator/error-400" if fails else "simulator/echo",
        "session_id": f"s-{number % SESSIONS}",
        "trace": trace,
        "stream": number % 2 == 1,
    }
    text = " ".join([WORD, *itertools.repeat("word", number % 7)])
    messages = [{"role": "user", "content": text}]
    dialects = (
        ("/chat/completions", {"messages": messages}),
        ("/responses", {"input": text}),
        ("/messages", {"messages": messages, "max_tokens": 50}),
    )
    path, own = dialects[number % 3]
    return path, body | own, fails


@contextmanager
def broadcasting(stack: LiveStack) -> Iterator[Broadcasting]:
    """The clients of a running stack."""
    base = stack.demo["base_url"]
    with (
        httpx.Client(base_url=base, timeout=60) as http,
        OpenRouter(api_key=keys_of(stack.demo)[0], server_url=base) as management,
    ):
        yield Broadcasting(stack, management, http)
