"""Who reads PDF files: a worker of ours, or a service of the operator's. Each gives the text of the pages."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import msgspec

from routing.plugins.bench import Ask, Bench, Failed
from routing.plugins.operator import Service

TASK = "pdf"
OCR_MODEL = "mistral-ocr-latest"


async def pdf_text(data: bytes, bench: Bench) -> list[str]:
    """The text that is in the file. Raises Failed."""
    pages = await bench.work(TASK, data)
    return [page for page in pages if isinstance(page, str)]


async def mistral_ocr(data: bytes, bench: Bench) -> list[str]:
    """What Mistral sees in it (docs.mistral.ai/api, OCR). Raises Failed."""
    service = bench.operator.parsers["mistral-ocr"]
    document = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
    payload = {"model": OCR_MODEL, "document": {"type": "document_url", "document_url": document}}
    answer = await bench.ask(Ask(f"{service.url}/ocr", msgspec.json.encode(payload), _headers(service)))
    pages = answer.get("pages") if isinstance(answer, dict) else None
    if not isinstance(pages, list):
        raise Failed("the service that reads it gave no pages")
    return [_text(page, "markdown") for page in pages]


async def cloudflare_ai(data: bytes, bench: Bench) -> list[str]:
    """What Cloudflare makes of it (developers.cloudflare.com/workers-ai, Markdown Conversion). Raises Failed."""
    service = bench.operator.parsers["cloudflare-ai"]
    boundary = uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="file.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n"
    )
    body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    headers = _headers(service) | {"content-type": f"multipart/form-data; boundary={boundary}"}
    answer = await bench.ask(Ask(f"{service.url}/tomarkdown", body, headers))
    results = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(results, list) or not results or not _text(results[0], "data"):
        raise Failed("the service that reads it gave no text")
    return [_text(result, "data") for result in results]


def _headers(service: Service) -> dict[str, str]:
    return {"authorization": f"Bearer {service.key}"} if service.key else {}


def _text(holder: Any, name: str) -> str:  # the service's JSON
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, str) else ""


ENGINES: Mapping[str, Callable[[bytes, Bench], Awaitable[list[str]]]] = {
    "pdf-text": pdf_text,
    "mistral-ocr": mistral_ocr,
    "cloudflare-ai": cloudflare_ai,
}
