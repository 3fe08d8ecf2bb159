"""A client of the management API for tests: every answer is held against the contract and our own document."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

from accounts.api.documentation import document

PREFIX = "/api/v1"
CONTRACT = Path(__file__).resolve().parents[2] / "shared" / "reference" / "openrouter-openapi.yaml"
"""The public contract, where it lies beside the repository; without it only our own document is asked."""


class Api:
    """One key's view of the API; `secret=None` sends no key. Answers are the test client's responses."""

    def __init__(self, secret: str | None) -> None:
        self.client = Client()
        self.headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **query: Any) -> Any:
        """GET, with the query string as keywords."""
        return self.send("get", path, query_params=query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST a body as JSON."""
        return self.send("post", path, body, **headers)

    def put(self, path: str, body: Any) -> Any:
        """PUT a body as JSON."""
        return self.send("put", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH with a body as JSON."""
        return self.send("patch", path, body)

    def delete(self, path: str, **query: Any) -> Any:
        """DELETE, with the query string as keywords."""
        return self.send("delete", path, query_params=query)

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Any request; bytes and text go as they are, everything else as JSON; words like HTTP_X are headers."""
        query = options.pop("query_params", None)
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response: Any = self.client.generic(
            method.upper(),
            PREFIX + path,
            data,
            content_type="application/json",
            headers=self.headers | {name.replace("_", "-"): value for name, value in options.items()},
            query_params=query,
        )
        conforms(method, path, response)
        return response


def data_of(response: HttpResponse, *, status: int = 200) -> Any:
    """The `data` of an answer that should have succeeded."""
    assert response.status_code == status, response.content
    return json.loads(response.content)["data"]


def error_of(response: HttpResponse) -> tuple[int, str]:
    """Status and message of an error; the envelope agrees with the status."""
    error = json.loads(response.content)["error"]
    assert error["code"] == response.status_code
    return error["code"], error["message"]


def at_once(work: Callable[[], int], *, times: int) -> list[int]:
    """What the work gave in as many threads, which began together."""
    barrier, found = threading.Barrier(times), list[int]()

    def run() -> None:
        try:
            barrier.wait()
            found.append(work())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def conforms(method: str, path: str, response: HttpResponse) -> None:
    """Raise unless the answer is what the contract and our own document say about this operation; a file is none."""
    if response.status_code == 204:
        assert (response.content, response.has_header("Content-Type")) == (b"", False)
        return
    if response.streaming:
        return
    assert response["Content-Type"] == "application/json"
    validate(method, path, response.status_code, json.loads(response.content))


def validate(method: str, path: str, status: int, body: Any) -> None:
    """Raise unless a body is what the contract and our own document say an operation answers with this status."""
    for description in filter(None, (our_document(), contract())):
        schema = _schema(description, method, path.partition("?")[0], status)
        if schema is not None:
            whole = {**schema, "components": description["components"]}
            Draft202012Validator(whole, format_checker=FormatChecker()).validate(body)


@cache
def our_document() -> dict[str, Any]:
    """What we say about ourselves."""
    described: dict[str, Any] = json.loads(document())
    return described


@cache
def contract() -> dict[str, Any] | None:
    """The public contract, if it is here; the names of providers are open, because here they are rows."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if not CONTRACT.exists():
        return None
    described: dict[str, Any] = _with_open_providers(yaml.load(CONTRACT.read_text(), loader))
    return described


def _with_open_providers(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_open_providers(each) for each in node]
    if not isinstance(node, dict):
        return node
    is_closed = "AkashML" in (node.get("enum") or ())
    return {
        name: _with_open_providers(each) for name, each in node.items() if not (is_closed and name == "enum")
    }


def _schema(description: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any] | None:
    operation = operation_of(description, method, path)
    described = operation["responses"].get(str(status), {}) if operation else {}
    found: dict[str, Any] | None = described.get("content", {}).get("application/json", {}).get("schema")
    return found


def operation_of(description: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """What a document says about the operation that serves a path."""
    for template, operations in sorted(description["paths"].items(), key=lambda item: item[0].count("{")):
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path.rstrip("/")) and method in operations:
            operation: dict[str, Any] = operations[method]
            return operation
    return None
