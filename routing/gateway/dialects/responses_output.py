"""The output of a Responses answer as it comes out of Chat Completions deltas, item by item.

A whole answer's message is one large delta: streamed or not, an answer has the same output.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any, TypeAlias

from routing.gateway.dialects.dialect import ToolCalled
from routing.gateway.dialects.responses_items import Events, Item, Json, Message, Reasoning, ToolCall
from routing.gateway.dialects.responses_tool_items import ServerTool
from routing.providers.openai import encode

Fields: TypeAlias = Mapping[str, Any]  # a provider's JSON


class Output:
    """Takes deltas and gives events; `items` is the output so far.

    What is said and what is thought take turns: the one ends when the other begins, and both when a tool is called.
    Calls are open until the end, because their pieces may come mixed. Of the annotations of a message those of
    addresses are passed on; others have no form here.
    """

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix
        self._items: list[Item] = []
        self._current: Item | None = None
        self._calls: dict[int, ToolCall] = {}
        self._call_ids: dict[int, str] = {}
        self._tools: dict[str, ServerTool] = {}

    @property
    def items(self) -> list[Json]:
        """The items as they are now."""
        return [item.shown for item in self._items]

    def take(self, delta: Fields, logprobs: Any = None) -> Events:
        """What a delta (or a whole message) adds."""
        yield from self._think(delta)
        text = text_of(delta.get("content"))
        if text:
            message = yield from self._in_message()
            yield from message.write(text, list(_logprobs(logprobs)))
        if refusal := text_of(delta.get("refusal")):
            message = yield from self._in_message()
            yield from message.refuse(refusal)
        for annotation in _objects(delta.get("annotations")):
            if citation := _citation(annotation):
                message = yield from self._in_message()
                yield from message.annotate(citation)
        for image in _objects(delta.get("images")):
            yield from self._draw(image)
        for position, call in enumerate(_objects(delta.get("tool_calls"))):
            yield from self._call(position, call)

    def begin_tool(self, called: ToolCalled) -> Events:
        """A server tool runs; what was said before it is complete."""
        yield from self._leave()
        item = self._tools[called.id] = ServerTool(len(self._items), self._identifier("st"), called)
        self._items.append(item)
        yield item.added()
        yield from item.begin()

    def tell_tool(self, called: ToolCalled, event: str, fields: Fields) -> Events:
        """Something happens within it."""
        if called.id in self._tools:
            yield from self._tools[called.id].tell(event, fields)

    def end_tool(self, called: ToolCalled) -> Events:
        """It has run."""
        if called.id not in self._tools:
            yield from self.begin_tool(called)
        yield from self._tools.pop(called.id).end(called)

    def end(self, status: str) -> Events:
        """Whatever is open ends in this status; an answer of nothing at all is an empty message."""
        if not self._items and status == "completed":
            message = yield from self._in_message()
            yield from message.write("", [])
        for item in self._items:
            yield from item.done(status)

    def break_off(self) -> None:
        """Nothing more comes; what is open stays as it is."""
        for item in self._items:
            for _ in item.done("incomplete"):
                pass

    def _identifier(self, prefix: str) -> str:
        return f"{prefix}_{self._suffix}_{len(self._items)}"

    def _leave(self) -> Events:
        if self._current is not None:
            yield from self._current.done("completed")
            self._current = None

    def _enter(self, item: Item) -> Events:
        self._items.append(item)
        self._current = item
        yield item.added()

    def _in_message(self) -> Generator[Json, None, Message]:
        if isinstance(self._current, Message):
            return self._current
        yield from self._leave()
        message = Message(len(self._items), self._identifier("msg"))
        yield from self._enter(message)
        return message

    def _think(self, delta: Fields) -> Events:
        has_text = False
        for detail in _objects(delta.get("reasoning_details")):
            has_text = has_text or detail.get("type") in ("reasoning.text", "reasoning.summary")
            yield from self._detail(detail)
        text = text_of(delta.get("reasoning")) or text_of(delta.get("reasoning_content"))
        if text and not has_text:  # otherwise it is the same once more
            item = yield from self._in_reasoning({})
            yield from item.think(text, None)

    def _detail(self, detail: Fields) -> Events:
        kind = detail.get("type")
        words = detail.get("summary" if kind == "reasoning.summary" else "text")
        if kind == "reasoning.encrypted":
            if isinstance(detail.get("data"), str):
                yield from self._seal(detail, {"encrypted_content": detail["data"]})
        elif isinstance(words, str) and words:
            item = yield from self._in_reasoning(detail)
            block = detail.get("index")
            yield from (item.summarize if kind == "reasoning.summary" else item.think)(words, block)
        if kind == "reasoning.text" and isinstance(detail.get("signature"), str) and detail["signature"]:
            yield from self._seal(detail, {"signature": detail["signature"]})

    def _in_reasoning(self, detail: Fields) -> Generator[Json, None, Reasoning]:
        """The reasoning that this belongs to: a signature is the end of one."""
        current = self._current_reasoning(detail)
        if current is not None and "signature" not in current.shown:
            return current
        yield from self._leave()
        item = self._new_reasoning(detail)
        yield from self._enter(item)
        return item

    def _current_reasoning(self, detail: Fields) -> Reasoning | None:
        """The reasoning that is open, unless the detail is of another by its id."""
        current, known = self._current, detail.get("id")
        if not isinstance(current, Reasoning):
            return None
        ours: str = current.shown["id"]
        is_other = isinstance(known, str) and known != ours and not ours.startswith(f"rs_{self._suffix}_")
        return None if is_other else current

    def _seal(self, detail: Fields, seal: Json) -> Events:
        """What proves or hides reasoning: it belongs to the reasoning that is open, or is an item of its own.

        A message that is open goes on after that.
        """
        current = self._current_reasoning(detail)
        if current is not None and not current.shown.keys() & seal.keys():
            current.shown |= seal | _about(detail)
            return
        item = self._new_reasoning(detail)
        self._items.append(item)
        yield item.added()
        item.shown |= seal
        yield from item.done("completed")

    def _new_reasoning(self, detail: Fields) -> Reasoning:
        taken = {item.shown["id"] for item in self._items}
        known = detail.get("id")
        is_fresh = isinstance(known, str) and known and known not in taken
        item = Reasoning(len(self._items), str(known) if is_fresh else self._identifier("rs"))
        item.shown |= _about(detail)
        return item

    def _draw(self, image: Fields) -> Events:
        holder = image.get("image_url")
        url = holder.get("url") if isinstance(holder, dict) else None
        if not isinstance(url, str):
            return
        data = url.partition(",")[2] if url.startswith("data:") else url
        shown = {"type": "image_generation_call", "id": self._identifier("ig"), "status": "in_progress"}
        item = Item(len(self._items), {**shown, "result": None})
        self._items.append(item)
        yield item.added()
        item.shown["result"] = data
        yield from item.done("completed")

    def _call(self, position: int, given: Fields) -> Events:
        index = given.get("index")
        index = index if isinstance(index, int) else position
        identifier = str(given.get("id") or "")
        custom, function = given.get("custom"), given.get("function")
        named = custom if isinstance(custom, dict) else function if isinstance(function, dict) else {}
        call = self._calls.get(index)
        # Some providers give all calls the same index.
        if call is None or (identifier and self._call_ids.get(index, identifier) != identifier):
            yield from self._leave()
            call = self._new_call(index, identifier, is_custom=isinstance(custom, dict))
        name = named.get("name")
        piece = _payload(named.get("input") if isinstance(custom, dict) else named.get("arguments"))
        yield from call.write(name if isinstance(name, str) else "", piece)

    def _new_call(self, index: int, identifier: str, *, is_custom: bool) -> ToolCall:
        prefix = "ctc" if is_custom else "fc"
        # Clients tell calls apart by these ids.
        is_taken = identifier in [item.shown.get("call_id") for item in self._items]
        call_id = self._identifier("call") if is_taken or not identifier else identifier
        call = ToolCall(len(self._items), self._identifier(prefix), call_id, is_custom=is_custom)
        self._items.append(call)
        self._calls[index] = call
        if identifier:
            self._call_ids[index] = identifier
        return call


def text_of(content: Any) -> str:
    """The text of a content, which some providers give in parts."""
    if isinstance(content, str):
        return content
    return "".join([part["text"] for part in _objects(content) if isinstance(part.get("text"), str)])


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _payload(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else encode(value).decode()


def _about(detail: Fields) -> Json:
    known = detail.get("format")
    return {"format": known} if isinstance(known, str) else {}


def _citation(annotation: Fields) -> Json | None:
    """A citation of an address, flat where Chat Completions nests it."""
    nested = annotation.get("url_citation")
    given = nested if isinstance(nested, dict) else annotation
    if annotation.get("type") != "url_citation" or not isinstance(given.get("url"), str):
        return None
    places = {
        name: given[name] if isinstance(given.get(name), int) else 0 for name in ("start_index", "end_index")
    }
    title = given.get("title")
    citation = {"type": "url_citation", "url": given["url"], "title": title if isinstance(title, str) else ""}
    content = {"content": given["content"]} if isinstance(given.get("content"), str) else {}
    return citation | places | content


def _logprobs(logprobs: Any) -> Iterator[Json]:
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    for token in _objects(tokens):
        if one := _logprob(token):
            others = [_logprob(other) for other in _objects(token.get("top_logprobs"))]
            yield one | {"top_logprobs": [other for other in others if other]}


def _logprob(token: Fields) -> Json | None:
    text, value, known = token.get("token"), token.get("logprob"), token.get("bytes")
    if not isinstance(text, str) or not isinstance(value, int | float):
        return None
    data = known if isinstance(known, list) else list(text.encode("utf-8", "replace"))
    return {"token": text, "bytes": data, "logprob": value}
