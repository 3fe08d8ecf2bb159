"""PDF files at every entrance: read, fetched, looked at by the guardrails, remembered by the caller."""

from __future__ import annotations

import pytest
from django.db import connections

from config.lib.scoping import tenant
from tests.routing.gateway.plugin_bodies import (
    MESSAGES,
    RESPONSES,
    stages,
    with_file,
)
from tests.routing.gateway.process import CHAT
from tests.routing.gateway.stage import held_to
from tests.routing.plugins.pdfs import data_url, pdf

pytestmark = pytest.mark.usefixtures("plugins_world")


@pytest.fixture
def gateway(equipped):
    """A gateway whose operator has set services up."""
    return equipped


class TestFiles:
    @pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_become_text(self, gateway, mirror, key, path, is_streamed):
        asked = with_file(path, data_url(pdf("Hello page", "Second page")), stream=is_streamed)

        answer = gateway.post(key, asked, path)

        assert answer.status == 200, answer.body
        part = mirror.asked[0]["messages"][0]["content"][0]
        assert part == {"type": "text", "text": '<file name="a.pdf">\nHello page\n\nSecond page\n</file>'}
        stage = stages(gateway, answer)[0]
        assert stage["name"] == "file-parser"
        assert stage["data"] == {"engine": "pdf-text", "files": 1, "pages": 2, "reused": 0}

    def test_that_are_large_are_read_in_other_processes(self, gateway, mirror, key):
        large = pdf("Hello page") + b"%" + b"x" * 400_000

        answer = gateway.post(key, with_file(CHAT, data_url(large)))

        assert answer.status == 200
        assert "Hello page" in mirror.asked[0]["messages"][0]["content"][0]["text"]

    def test_are_fetched_where_they_are(self, gateway, mirror, services, key):
        answer = gateway.post(key, with_file(CHAT, f"{services.url}/file.pdf"))

        assert answer.status == 200, answer.body
        assert "From the web" in mirror.asked[0]["messages"][0]["content"][0]["text"]

    @pytest.mark.parametrize(
        ("where", "fault"),
        [("/gone.pdf", "answered 404"), ("/page.html", "is no PDF"), ("http://10.0.0.1/x.pdf", "cannot be")],
    )
    def test_that_cannot_be_fetched_are_refused(self, gateway, mirror, services, key, where, fault):
        url = where if where.startswith("http") else services.url + where

        answer = gateway.post(key, with_file(CHAT, url))

        assert answer.status == 400
        assert fault in answer.json()["error"]["message"]
        assert mirror.asked == []

    def test_come_back_as_annotations_and_are_not_read_again(self, gateway, mirror, key):
        asked = with_file(CHAT, data_url(pdf("Hello page")))
        message = gateway.post(key, asked).json()["choices"][0]["message"]
        assert message["annotations"][0]["file"]["content"] == [{"type": "text", "text": "Hello page"}]

        asked["messages"] += [message, {"role": "user", "content": "And?"}]
        answer = gateway.post(key, asked)

        assert stages(gateway, answer)[0]["data"]["reused"] == 1
        assert "Hello page" in mirror.asked[1]["messages"][0]["content"][0]["text"]
        assert "annotations" not in mirror.asked[1]["messages"][1]

    def test_are_read_by_the_engine_that_is_asked_for(self, gateway, mirror, services, key):
        plugin = {"id": "file-parser", "pdf": {"engine": "mistral-ocr"}}

        answer = gateway.post(key, with_file(CHAT, data_url(pdf("x")), plugins=[plugin]))

        assert answer.status == 200, answer.body
        assert "Seen by the OCR" in mirror.asked[0]["messages"][0]["content"][0]["text"]
        assert services.asked[0].headers["authorization"] == "Bearer ocr-key"

    def test_of_an_engine_that_is_not_set_up_are_refused_by_name(self, gateway, key):
        plugin = {"id": "file-parser", "pdf": {"engine": "cloudflare-ai"}}

        answer = gateway.post(key, with_file(CHAT, data_url(pdf("x")), plugins=[plugin]))

        assert answer.status == 400
        assert "cloudflare-ai" in answer.json()["error"]["message"]

    def test_are_passed_on_where_the_plugin_is_off(self, gateway, mirror, key):
        data = data_url(pdf("x"))
        gateway.post(key, with_file(CHAT, data, plugins=[{"id": "file-parser", "enabled": False}]))

        assert mirror.asked[0]["messages"][0]["content"][0]["file"]["file_data"] == data

    def test_are_seen_by_the_guardrails(self, gateway, mirror, stage, django_db_blocker):
        settings = {"content_filter_builtins": [{"slug": "email", "action": "block"}]}
        with django_db_blocker.unblock():
            with tenant(stage.acme.organization.pk):
                secret = held_to(stage.acme.default, "files", settings)
            connections.close_all()

        answer = gateway.post(secret, with_file(CHAT, data_url(pdf("Mail ann@example.com"))))

        assert answer.status == 403
        assert mirror.asked == []

    @pytest.mark.parametrize("data", ["data:application/pdf;base64,???", "data:application/pdf;base64,QUJD"])
    def test_that_are_none_are_refused(self, gateway, key, data):
        answer = gateway.post(key, with_file(CHAT, data))

        assert answer.status == 400
        assert answer.json()["error"]["message"].startswith("The file a.pdf cannot be read")


class TestFilesThatNobodyAnswered:
    def test_are_in_the_error_and_need_not_be_read_again(self, gateway, key):
        asked = with_file(CHAT, data_url(pdf("Hello page"))) | {"model": "test/error-500"}

        answer = gateway.post(key, asked)

        assert answer.status >= 500
        [annotation] = answer.json()["error"]["metadata"]["file_annotations"]
        assert annotation["file"]["content"] == [{"type": "text", "text": "Hello page"}]

    @pytest.mark.parametrize(
        "annotations", ["x", 1, [1], [{"type": "file"}], [{"type": "file", "file": {"hash": 1}}]]
    )
    def test_are_read_again_where_what_comes_back_makes_no_sense(self, gateway, key, annotations):
        asked = with_file(CHAT, data_url(pdf("Hello page")))
        asked["messages"].append({"role": "assistant", "content": "Yes", "annotations": annotations})

        answer = gateway.post(key, asked)

        assert answer.status == 200
        assert stages(gateway, answer)[0]["data"]["reused"] == 0
