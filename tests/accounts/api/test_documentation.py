"""Our own OpenAPI document and its page."""

from __future__ import annotations

import json
import re

from django.test import Client

from tests.management_api import our_document


class TestTheDocument:
    def test_is_openapi_3_1_public_and_needs_no_database(self):
        response = Client().get("/api/v1/openapi.json")

        assert response["Content-Type"] == "application/json"
        assert json.loads(response.content)["openapi"].startswith("3.1")

    def test_describes_the_management_api_once_and_nothing_else(self):
        paths = set(our_document()["paths"])

        assert {"/keys", "/keys/{hash}", "/workspaces/{id}/budgets/{interval}", "/key", "/credits"} <= paths
        assert not [path for path in paths if path.endswith("/") or path.startswith("/admin")]

    def test_asks_for_a_bearer_token(self):
        assert our_document()["security"] == [{"apiKey": []}]


class TestThePage:
    def test_has_nothing_inline(self):
        response = Client().get("/api/v1/docs")
        page = response.content.decode()

        assert response.status_code == 200
        assert "unsafe" not in response["Content-Security-Policy"]
        assert not re.findall(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", page)
        assert all(url.startswith("/") for url in re.findall(r'(?:src|href)="([^"]+)"', page))

    def test_gets_its_script_from_an_address_of_its_own(self):
        response = Client().get("/api/v1/docs?script=")

        assert response["Content-Type"].startswith("application/javascript")
        assert "/api/v1/openapi.json" in response.content.decode()


class TestAnUnknownAddress:
    def test_answers_in_the_envelope(self):
        response = Client(enforce_csrf_checks=True).post("/api/v1/nowhere")

        assert response.status_code == 404
        assert response.json() == {"error": {"code": 404, "message": "Resource not found"}}
