"""The official client with a witness: every raw answer is held against the documents, every operation noted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from openrouter import OpenRouter

from tests.management_api import PREFIX, contract, operation_of, our_document, validate

LATER = {
    "/scim": "SCIM",
}
"""What comes with later releases, and with what."""
NOT_OFFERED = (
    *("/audio", "/benchmarks", "/classifications", "/credits/coinbase", "/datasets", "/files", "/images"),
    *("/rerank", "/videos"),
)
INFERENCE = ("/chat/completions", "/embeddings", "/messages", "/responses")


class Recorder:
    """Notes which operations were answered, and fails at an answer that is not as described."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def note(self, response: httpx.Response) -> None:
        """Look at one raw answer."""
        response.read()
        method, path = response.request.method.lower(), response.request.url.path.removeprefix(PREFIX)
        if response.status_code != 204:
            validate(method, path, response.status_code, json.loads(response.content))
        operation = operation_of(contract() or our_document(), method, path) or operation_of(
            our_document(), method, path
        )
        if response.is_success and operation is not None:
            self.seen.add(operation["operationId"])

    @contextmanager
    def client(self, base: str, secret: str | None) -> Iterator[OpenRouter]:
        """The official client with a key."""
        with (
            httpx.Client(event_hooks={"response": [self.note]}, timeout=20) as http,
            OpenRouter(api_key=secret, server_url=base, client=http) as client,
        ):
            yield client


def operations_of_the_contract() -> dict[str, tuple[str, str]]:
    """What the contract has and we offer today, inference aside: method and path by operation id."""
    left_out = (*LATER, *NOT_OFFERED)
    return {
        operation["operationId"]: (method.upper(), path)
        for path, operations in (contract() or {"paths": {}})["paths"].items()
        for method, operation in operations.items()
        if method in {"get", "post", "put", "patch", "delete"}
        and not path.startswith(left_out)
        and path not in INFERENCE
    }


def table(claims: dict[str, str]) -> str:
    """The table of operations for docs/api.md: each operation and the scenario that drives it."""
    known: dict[str, tuple[str, str]] = operations_of_the_contract() | {
        operation["operationId"]: (method.upper(), path)
        for path, operations in our_document()["paths"].items()
        for method, operation in operations.items()
        if operation["operationId"] in claims
    }
    rows = sorted((path, method, name) for name, (method, path) in known.items() if name in claims)
    lines = [f"| `{method} {path}` | `{name}` | {claims[name]} |" for path, method, name in rows]
    return "\n".join(["| operation | id | driven by |", "|---|---|---|", *lines])


def keys_of(demo: dict[str, Any]) -> tuple[str, str]:
    """acme's management key and the inference key of its Default workspace."""
    facts = demo["organizations"]["acme"]
    return facts["management_key"], facts["workspaces"][0]["api_key"]
