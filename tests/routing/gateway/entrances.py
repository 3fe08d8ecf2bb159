"""Every way in: what a request may look like that is to get around a restriction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.routing.gateway.process import CHAT, GatewayProcess
from tests.routing.simulator.process import Answer

COMPLETIONS, MESSAGES = "/api/v1/completions", "/api/v1/messages"
RESPONSES, EMBEDDINGS = "/api/v1/responses", "/api/v1/embeddings"
ENTRANCES = (CHAT, COMPLETIONS, MESSAGES, RESPONSES, EMBEDDINGS)
TEXT, EMBED = "entrance/text", "entrance/embed"
"""What is asked for: the mirror's, who trains on prompts and retains them."""

KEPT, MADE = "kept", "made-{}"
"""Presets of every workspace: one of the test's own, and those that its keys made at the presets' endpoints."""
SAVED_FROM = {CHAT: "chat/completions", MESSAGES: "messages", RESPONSES: "responses"}

Body = Mapping[str, Any]


class Asked(NamedTuple):
    """A request without its key."""

    path: str
    body: Body
    query: str = ""
    is_key_apart: bool = False
    """Whether the key comes as `x-api-key`."""

    def send(self, gateway: GatewayProcess, key: str) -> Answer:
        """Ask with a key."""
        if self.is_key_apart:
            return gateway.post(None, self.body, self.path + self.query, x_api_key=key)
        return gateway.post(key, self.body, self.path + self.query)


def model_at(path: str) -> str:
    """The model that is asked for at an entrance."""
    return EMBED if path == EMBEDDINGS else TEXT


def body(path: str, text: str = "Hi", **more: Any) -> Body:
    """A request in the dialect of an entrance; a field of None is left out."""
    said: dict[str, Any] = {
        CHAT: {"messages": [{"role": "user", "content": text}]},
        COMPLETIONS: {"prompt": text},
        MESSAGES: {"messages": [{"role": "user", "content": text}], "max_tokens": 50},
        RESPONSES: {"input": text},
        EMBEDDINGS: {"input": text},
    }[path]
    given = {"model": model_at(path), **said, **more}
    return {name: value for name, value in given.items() if value is not None}


Way = Callable[[str, str, Body], Iterator[Asked]]
"""From a path, a text and more of the body to the requests."""


def plainly(path: str, text: str, more: Body) -> Iterator[Asked]:
    """As it is documented, whole and streamed."""
    yield Asked(path, body(path, text, **more))
    if path != EMBEDDINGS:
        yield Asked(path, body(path, text, stream=True, **more))


def by_fallback(path: str, text: str, more: Body) -> Iterator[Asked]:
    """After a model that nobody knows, and for Anthropic's clients in their own field too."""
    yield Asked(path, body(path, text, **more, model="nobody/knows", models=[model_at(path)]))
    if path == MESSAGES:
        yield Asked(path, body(path, text, **more, model="nobody/knows", fallbacks=[{"model": TEXT}]))


def by_variant(path: str, text: str, more: Body) -> Iterator[Asked]:
    """With a suffix that says how to choose."""
    for variant in ("nitro", "floor", "exacto"):
        yield Asked(path, body(path, text, **more, model=f"{model_at(path)}:{variant}"))


def by_preset(path: str, text: str, more: Body) -> Iterator[Asked]:
    """Through a preset: instead of a model, after one, and in a field."""
    model = EMBED if path == EMBEDDINGS else None
    if model is None:
        yield Asked(path, body(path, text, **more, model=f"@preset/{KEPT}"))
    yield Asked(path, body(path, text, **more, model=f"{model_at(path)}@preset/{KEPT}"))
    yield Asked(path, body(path, text, **more, model=model, preset=KEPT))


def by_own_preset(path: str, text: str, more: Body) -> Iterator[Asked]:
    """Through a preset that the key itself made from a request at the presets' endpoints."""
    model = EMBED if path == EMBEDDINGS else ""
    for dialect in SAVED_FROM.values():
        slug = MADE.format(dialect.partition("/")[0])
        yield Asked(path, body(path, text, **more, model=f"{model}@preset/{slug}"))


def with_query(path: str, text: str, more: Body) -> Iterator[Asked]:
    """With a query string that would like to say otherwise."""
    query = f"?model={model_at(path)}&api_key=sk-or-v1-other&zdr=false&provider=alpha&preset={KEPT}"
    yield Asked(path, body(path, text, **more), query)


def with_key_apart(path: str, text: str, more: Body) -> Iterator[Asked]:
    """With the key in Anthropic's header."""
    yield Asked(path, body(path, text, **more), is_key_apart=True)


WAYS: dict[str, tuple[tuple[str, ...], Way]] = {
    **{path.removeprefix("/api/v1/"): ((path,), plainly) for path in ENTRANCES},
    "`models`": (ENTRANCES, by_fallback),
    "variants": (ENTRANCES, by_variant),
    "`@preset`": (ENTRANCES, by_preset),
    "presets' endpoints": (ENTRANCES, by_own_preset),
    "query string": (ENTRANCES, with_query),
    "`x-api-key`": (ENTRANCES, with_key_apart),
}
"""By its name, the entrances at which a way is taken, and the way."""
