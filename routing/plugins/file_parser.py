"""`file-parser`: PDF files become text that any model can read."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from config.lib.declared import Choice, Group
from routing.call import Call
from routing.errors import invalid_request
from routing.gateway.client import RefusedError
from routing.gateway.dialects.parameters import refused
from routing.plugins.bench import Bench, Failed, Surroundings, changed, with_stage
from routing.plugins.operator import Missing, Operator
from routing.plugins.pdf_engines import ENGINES
from routing.plugins.plugin import Config, Plugin

NATIVE, PDF_TEXT = "native", "pdf-text"
PDF_ENGINES = (PDF_TEXT, "mistral-ocr", NATIVE, "cloudflare-ai")
HERE = frozenset({NATIVE, PDF_TEXT})
"""Engines that need nobody else."""
PDF_START, START_WITHIN = b"%PDF-", 1024
PDF_IN_BASE64 = base64.b64encode(PDF_START + b"1")[:6].decode()
ADDRESSES = ("http://", "https://")
MOST_FILES = 20
MOST_BYTES = 32 << 20
SHOWN = 100

Part = Mapping[str, Any]  # of a message's content


class FileParser(Plugin):
    """Parsing of files."""

    slug = "file-parser"
    name = "PDF inputs"
    about = "Reads the text of PDF files for models that cannot."
    fields = (
        Group(
            name="pdf",
            fields=(Choice(name="engine", values=PDF_ENGINES),),
            help="How PDF files are read.",
        ),
    )

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """An engine that is named and not set up."""
        engine = _engine(config)
        if not engine or engine in HERE or engine in operator.parsers:
            return None
        return Missing("pdf.engine", f"is {engine}, which is not set up here")

    def arrange(self, call: Call, config: Config | None, around: Surroundings) -> Call:
        """Refuse an engine that the operator has not set up. Raises RefusedError (400)."""
        if missing := self.missing(config or {}, around.operator):
            raise refused(missing.at("plugins.file-parser"), missing.reason)
        return call

    async def before(self, call: Call, config: Config, bench: Bench) -> Call:
        """Put the text of each PDF in its place; as it is for models that read files. Raises RefusedError."""
        engine = _engine(config) or (NATIVE if _all_read_files(bench) else PDF_TEXT)
        messages = _messages(call)
        files = [part for message in messages for part in _files(message)]
        if engine == NATIVE or not files:
            return call
        if len(files) > MOST_FILES:
            raise refused("messages", f"may bring at most {MOST_FILES} files")
        read = await _read_all(files, _known(messages), engine, bench)
        if not read:
            return call
        body = {**call.body, "messages": [_with_text(message, read) for message in messages]}
        annotations = tuple(_annotation(key, one) for key, one in read.items())
        call = changed(call, body=body, annotations=(*call.annotations, *annotations))
        pages, new = (
            sum(len(one.pages) for one in read.values()),
            [one for one in read.values() if one.is_new],
        )
        return with_stage(
            call,
            "plugin",
            self.slug,
            f"Read {len(read)} file{'' if len(read) == 1 else 's'}",
            engine=engine,
            files=len(read),
            pages=pages,
            reused=len(read) - len(new),
        )


class Read(msgspec.Struct, frozen=True):
    """What a file says, page by page; not `is_new` when the conversation had it already."""

    name: str
    pages: tuple[str, ...]
    is_new: bool

    @property
    def text(self) -> str:
        """All of it, as the model gets it."""
        return f'<file name="{escape(self.name)}">\n' + "\n\n".join(self.pages) + "\n</file>"


def _engine(config: Config) -> str | None:
    engine: str | None = config.get("pdf", {}).get("engine")
    return engine


def _all_read_files(bench: Bench) -> bool:
    """Whether each model that may be asked reads files by itself."""
    models = [bench.catalog.models.get(attempt.endpoint.model) for attempt in bench.attempts]
    return bool(models) and all(model is not None and "file" in model.input_modalities for model in models)


def _messages(call: Call) -> list[dict[str, Any]]:
    raw = call.body.get("messages")
    messages: list[dict[str, Any]] = msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else raw or []
    return messages


def _files(message: Mapping[str, Any]) -> list[Part]:
    """The parts of a message that are, or may be, PDF files."""
    content = message.get("content")
    return [part for part in content if _may_be_pdf(part)] if isinstance(content, list) else []


def _may_be_pdf(part: Part) -> bool:
    data = _data(part)
    if not data:
        return False
    start = data[:64].lower()
    if start.startswith(ADDRESSES):
        return True
    return start.startswith("data:application/pdf") or data.startswith(PDF_IN_BASE64)


def _data(part: Part) -> str:
    file = part.get("file") if part.get("type") == "file" else None
    data = file.get("file_data") if isinstance(file, dict) else None
    return data if isinstance(data, str) else ""


def _key(part: Part) -> str:
    """What tells a file from others, in annotations too."""
    return hashlib.sha256(_data(part).encode("utf-8", "replace")).hexdigest()


def _name(part: Part) -> str:
    name = part["file"].get("filename")
    return name[:SHOWN] if isinstance(name, str) and name else "file.pdf"


def _known(messages: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The texts of files that were read for earlier answers, by their hash, as the caller sends them back."""
    known = {}
    for message in messages:
        for annotation in _annotations(message):
            file = annotation.get("file")
            if isinstance(file, dict) and isinstance(file.get("hash"), str):
                known[file["hash"]] = _texts(file.get("content"))
    return known


def _annotations(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = message.get("annotations")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _texts(content: Any) -> tuple[str, ...]:  # the caller's JSON
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return tuple([text for text in texts if isinstance(text, str)])


async def _read_all(
    files: list[Part], known: Mapping[str, tuple[str, ...]], engine: str, bench: Bench
) -> dict[str, Read]:
    """What the files say, as the guardrails let it pass, by their key. Raises RefusedError."""
    read: dict[str, Read] = {}
    for part in files:
        key, name = _key(part), _name(part)
        if key in read:
            continue
        if pages := known.get(key):
            read[key] = Read(name, tuple(await bench.screen(pages)), is_new=False)
            continue
        try:
            data = await _bytes_of(part, bench)
            read[key] = Read(name, tuple(await bench.screen(await ENGINES[engine](data, bench))), is_new=True)
        except Failed as fault:
            message = f"The file {name} cannot be read: {fault}."
            raise RefusedError(invalid_request(message, parameter="messages")) from None
    return read


async def _bytes_of(part: Part, bench: Bench) -> bytes:
    """The file itself. Raises Failed."""
    data = _data(part)
    if data[:8].lower().startswith(ADDRESSES):
        found = await bench.fetch(data, MOST_BYTES)
    else:
        try:
            found = base64.b64decode(data.partition(",")[2] if data.startswith("data:") else data)
        except (binascii.Error, ValueError):
            raise Failed("it is not base64") from None
    if PDF_START not in found[:START_WITHIN]:
        raise Failed("it is no PDF")
    return found


def _with_text(message: dict[str, Any], read: Mapping[str, Read]) -> dict[str, Any]:
    """The message with text in place of files, and without annotations of files, which are for us."""
    if _files(message):
        message = {**message, "content": [_part(part, read) for part in message["content"]]}
    annotations = _annotations(message)
    rest = [one for one in annotations if one.get("type") != "file"]
    if len(rest) == len(annotations):
        return message
    message = {name: value for name, value in message.items() if name != "annotations"}
    return {**message, "annotations": rest} if rest else message


def _part(part: Part, read: Mapping[str, Read]) -> Part:
    if not _may_be_pdf(part):
        return part
    found = read[_key(part)]
    marks = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    return {"type": "text", "text": found.text, **marks}


def _annotation(key: str, read: Read) -> dict[str, Any]:
    content = [{"type": "text", "text": page} for page in read.pages]
    return {"type": "file", "file": {"hash": key, "name": read.name, "content": content}}
