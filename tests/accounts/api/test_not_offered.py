"""Addresses of the public API that Headgate does not serve."""

from __future__ import annotations

import json

import pytest

from tests.management_api import Api


class TestWhatIsNotOffered:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("post", "/images"),
            ("get", "/images/models"),
            ("get", "/videos/job-1/content"),
            ("post", "/audio/speech"),
            ("post", "/rerank"),
            ("post", "/files"),
            ("get", "/batches"),
            ("get", "/datasets/app-rankings"),
            ("get", "/classifications/task"),
            ("get", "/oauth/jwks"),
            ("get", "/tools"),
        ],
    )
    def test_is_said_to_whoever_asks(self, db: None, method: str, path: str):
        answer = Api(None).send(method, path)
        error = json.loads(answer.content)["error"]

        assert answer.status_code == error["code"] == 404
        assert error["message"].startswith("Headgate does not offer ")
        assert error["metadata"]["docs_url"].endswith("/api/v1/docs")

    def test_includes_coinbase_for_good(self, db: None):
        assert Api(None).post("/credits/coinbase", {}).status_code == 410

    @pytest.mark.parametrize("path", ["/imagesque", "/toolshed", "/nonsense", "/credits/nonsense"])
    def test_does_not_include_what_merely_looks_like_it(self, db: None, path: str):
        assert json.loads(Api(None).get(path).content)["error"]["message"] == "Resource not found"
