"""A client of the management API for tests: every answer is held against the contract and our own document."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
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


def conforms(method: str, path: str, response: HttpResponse) -> None:
    """Raise unless the answer is what the contract and our own document say about this operation; a file is none."""
    if response.streaming:
        return
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    for description in filter(None, (our_document(), contract())):
        schema = _schema(description, method, path.partition("?")[0], response.status_code)
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
    """The public contract, if it is here."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(CONTRACT.read_text(), loader) if CONTRACT.exists() else None


def _schema(description: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any] | None:
    for template, operations in sorted(description["paths"].items(), key=lambda item: item[0].count("{")):
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path.rstrip("/")) and method in operations:
            described = operations[method]["responses"].get(str(status), {})
            return described.get("content", {}).get("application/json", {}).get("schema")
    return None
