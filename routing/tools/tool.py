"""The shape of a server tool: what callers may configure, what the model is offered, and one verb that runs it.

The gateway's loop (routing.gateway.server_tools) reads the request's `tools`, offers each as a function, runs what the
model calls and gives it the result. No I/O here but through the bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol

import msgspec

from config.lib.declared import Field, read
from routing.catalog_snapshot import CatalogSnapshot
from routing.plugins.bench import Ask
from routing.plugins.operator import Missing, Operator

Config = Mapping[str, Any]  # what the tool declares
Json = dict[str, Any]  # a JSON object
MayGo = Callable[[str], bool]

PREFIXES = ("openrouter:", "headgate:")
FUNCTION = "openrouter_"
"""What the names of the functions begin with that models are offered."""


class Use(msgspec.Struct, frozen=True):
    """One entry of a request's `tools` that is ours to run.

    `type` is what the caller wrote, `function` the name that the model calls it by, `where` its place in the request
    (`tools[2]`), `instance` counts the entries of one tool from 0.
    """

    slug: str
    type: str
    function: str
    where: str
    config: Config
    instance: int = 0
    is_one_of_several: bool = False
    """Whether callers are told which entry it is even if it is the first."""


class Ran(NamedTuple):
    """What a call of a tool came to.

    `result` is what the model is given. `item` are the fields that the caller's dialect tells beside (those of the
    tool's Responses item, without type, id and status). `annotations` are Chat Completions' `url_citation` entries.
    """

    result: Json
    item: Json = {}
    is_failed: bool = False
    annotations: Sequence[Json] = ()
    searches: int = 0
    fetches: int = 0
    told: Json = {}
    """What the log tells of it: `engine`, `results`."""


class Fetched(NamedTuple):
    """What was behind an address; `url` is where redirects led to, headers' names are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def anywhere(url: str) -> bool:
    """Every address will do, as far as the caller is concerned."""
    return True


class Answered(NamedTuple):
    """What a model said to a tool; `error` and `status` instead where it did not."""

    model: str
    text: str = ""
    reasoning: str = ""
    annotations: Sequence[Json] = ()
    finish_reason: str | None = None
    error: str | None = None
    status: int = 200


class Told(Protocol):
    """Takes pieces of an inner model's answer as they come: its visible text, or its reasoning."""

    def __call__(self, text: str, *, is_reasoning: bool = False) -> None:
        """One piece."""


class Paid(Protocol):
    """Money that is set aside for a service; `femto` says in the end what of it is spent."""

    femto: int


class Bench(Protocol):
    """What one request's tools work with. What a service does not do raises routing.plugins.bench.Failed."""

    operator: Operator
    catalog: CatalogSnapshot
    now: datetime
    models: tuple[str, ...]
    """Whom the outer request asks, in order."""
    memory: dict[str, Any]
    """What the tools of this request remember between calls, by a name that starts with the function's."""

    @property
    def request(self) -> Mapping[str, Any]:
        """The request's Chat Completions body: model, messages so far, and parameters; not to be changed."""

    def permitted(self) -> CatalogSnapshot:
        """The catalog with the models that this caller alone can reach, and without those that he may not ask."""

    async def fetch(self, url: str, most_bytes: int, may_go: MayGo = anywhere) -> Fetched:
        """What is behind an address that a model or a caller named; few redirects are followed, each one checked.

        `may_go` is asked of each address, the first one too, before anybody is connected to.
        """

    async def ask(self, ask: Ask) -> Any:  # the service's JSON
        """What a service of the operator's answers."""

    async def work(self, task: str, data: bytes) -> Any:  # plain values
        """The result of heavy work in a process that is ended when it takes too long."""

    def paid(self, model: str, provider: str, most_femto: int) -> AbstractAsyncContextManager[Paid]:
        """Money for a service, set aside before it is asked: one generation of its own. Raises RefusedError (402)."""

    async def complete(self, body: Json, *, seconds: float, told: Told | None = None) -> Answered:
        """A model's answer to a Chat Completions body, under the caller's policy and at his expense.

        What refuses or fails is in the answer. `tools` may hold server tools, which then run inside.
        """

    def tell(self, event: str, **fields: Any) -> None:
        """Tell a streaming caller what is going on, where his dialect has words for it (`fusion_call.panel.added`)."""


class ServerTool:
    """A tool by its slug, as `openrouter:<slug>`; listed in the package's `__init__`."""

    slug: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ()
    """Other names for it behind the prefix."""
    name: ClassVar[str]
    about: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]] = ()
    most_instances: ClassVar[int] = 1
    """How many entries of it a request may have."""
    names_the_first: ClassVar[bool] = False
    """Whether the first of several entries is told apart as the others are (the contract's `instance_name`)."""

    def read_config(self, given: Mapping[str, Any]) -> Json:
        """An entry's `parameters` as they are kept. Raises config.lib.declared.NotValid."""
        return read(self.fields, given, within="parameters")

    def without(self, config: Config, disabled: frozenset[str], operator: Operator) -> Config:
        """The configuration where the workspace has disabled tools: of what it does not name, these are left out."""
        return config

    def check_together(self, uses: Sequence[Use]) -> Iterator[tuple[Use, str, str]]:
        """What is wrong with several entries of it: the entry, the parameter ("" for the whole) and why."""
        return iter(())

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """What keeps this configuration from running here; None where nothing is known to."""
        return None

    def models_of(self, use: Use, bench: Bench) -> Iterator[tuple[str, str]]:
        """The slugs of the models that it may ask, each with its place in the request: all must be permitted."""
        return iter(())

    def function(self, use: Use) -> Json:
        """`description` and `parameters` (JSON Schema) of the function that the model is offered."""
        raise NotImplementedError

    def requested(self, arguments: Json, use: Use) -> Json:
        """The fields of its item that are known before it has run."""
        return {}

    async def run(self, arguments: Json, use: Use, bench: Bench) -> Ran:
        """Do what the model asks for. `arguments` is whatever JSON object it sent: trust nothing in it."""
        raise NotImplementedError


def failed(error: str, **fields: Any) -> Ran:
    """A call that came to nothing, in the words that model and caller are told."""
    return Ran({"status": "error", "error": error, **fields}, {"error": error}, is_failed=True)
