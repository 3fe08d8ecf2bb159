"""Services that read PDF files: what each is sent, and what is made of its answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from routing.plugins.bench import Failed
from routing.plugins.operator import Operator, Service
from routing.plugins.pdf_engines import cloudflare_ai, mistral_ocr
from tests.routing.plugins.pdfs import data_url, pdf

SERVICE = Service("https://reader.example", "secret")
FILE = pdf("One")


class Desk:
    """A bench whose services give one answer."""

    operator = Operator(parsers={"mistral-ocr": SERVICE, "cloudflare-ai": SERVICE})

    def __init__(self, answer):
        self.answer, self.asked = answer, None

    async def ask(self, ask):
        self.asked = ask
        return self.answer


def read(engine, answer):
    desk = Desk(answer)
    return asyncio.run(engine(FILE, desk)), desk.asked


class TestMistral:
    def test_is_sent_the_file_and_gives_its_pages(self):
        pages, asked = read(mistral_ocr, {"pages": [{"markdown": "# One"}, {"markdown": "Two"}]})

        assert pages == ["# One", "Two"]
        assert asked.url == "https://reader.example/ocr"
        assert asked.headers["authorization"] == "Bearer secret"
        assert json.loads(asked.body)["document"]["document_url"] == data_url(FILE)

    @pytest.mark.parametrize("answer", [None, [], {}, {"pages": "x"}])
    def test_that_gives_no_pages_has_failed(self, answer):
        with pytest.raises(Failed):
            read(mistral_ocr, answer)


class TestCloudflare:
    def test_is_sent_the_file_as_a_form_and_gives_its_text(self):
        pages, asked = read(cloudflare_ai, {"result": [{"data": "# One"}]})

        assert pages == ["# One"]
        assert asked.url == "https://reader.example/tomarkdown"
        boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
        assert asked.body.startswith(b"--" + boundary)
        assert FILE in asked.body

    @pytest.mark.parametrize(
        "answer", [None, {}, {"result": []}, {"result": [{"data": ""}]}, {"result": [1]}]
    )
    def test_that_gives_no_text_has_failed(self, answer):
        with pytest.raises(Failed):
            read(cloudflare_ai, answer)
