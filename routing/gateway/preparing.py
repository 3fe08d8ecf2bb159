"""What happens to a request between reading and judging: from the caller's call to the one that is decided on.

Pure, because large bodies are read and prepared in another process. In this order: the preset that the request refers
to is laid under it; the guardrails look at every text, and what they redact nobody sees any more.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot
from routing.decide import blocked
from routing.decision import NOTHING_FOUND
from routing.errors import Refusal
from routing.gateway.output_guard import OutputGuard
from routing.gateway.presets import with_preset
from routing.guardrails.findings import Scan
from routing.guardrails.rules import EffectiveRules
from routing.guardrails.scanning import Scanner, scanner_of
from routing.plugins.resolution import plugins_of
from routing.policy import PluginDefault, Policy, PresetEntry
from routing.selection.variants import applied

NO_PRESETS: Mapping[str, PresetEntry] = MappingProxyType({})
NO_DEFAULTS: Mapping[str, PluginDefault] = {}
ADDED = "data:text/plain;base64,"
"""Texts that plugins add are looked at as files of the request: nobody of the conversation says them."""


class Prepared(msgspec.Struct, frozen=True):
    """A call to decide on, and what was found in it on the way."""

    call: Call
    scan: Scan = NOTHING_FOUND


class Screened(msgspec.Struct, frozen=True):
    """Texts as the guardrails let them pass, and what was found in them; a refusal where it blocks."""

    texts: list[str]
    stages: Sequence[Mapping[str, Any]] = ()
    refusal: Refusal | None = None


class Governing(NamedTuple):
    """What of a policy a request is prepared with: plain values, which go to the other process with a large body."""

    rules: EffectiveRules
    allowlist: tuple[str, ...]
    plugins: Mapping[str, PluginDefault] = NO_DEFAULTS


class Preparation:
    """How the requests of one policy are prepared; compiled once, with the policy.

    `presets` are those that a request may refer to; they stay here, and only the one asked for goes elsewhere.
    """

    __slots__ = ("_scanner", "dear", "governing", "outputs", "presets", "weight")

    def __init__(
        self,
        governing: Governing,
        scanner: Scanner | None,
        outputs: OutputGuard | None = None,
        presets: Mapping[str, PresetEntry] = NO_PRESETS,
    ) -> None:
        self.governing = governing
        self.presets = presets
        self._scanner = scanner
        self.weight = scanner.weight if scanner else 0
        """How dear a look at one byte may be; 0 for everyday patterns."""
        self.dear = scanner.dear if scanner else 0
        """The same of patterns alone that were found to be dear."""
        self.outputs = outputs
        """What looks at answers, where a guardrail asks for that."""

    def prepare(self, call: Call, preset: PresetEntry | None = None) -> Prepared:
        """The call as it is decided on, the preset under it. Raises RefusedError for what cannot be."""
        if preset is not None:
            call = with_preset(call, preset)
        body = call.body
        if self.governing.plugins or call.media_tokens or "plugins" in body or "transforms" in body:
            call = self.with_plugins(call)
        if self._scanner is None:
            return Prepared(call)
        scanner = self._scanner
        scan = scanner.nothing if scanner.finds_nothing(body) else scanner.scan(body)
        if not scan.findings and scan.block is None:
            stages = (*call.stages, *scanner.clean) if call.stages else scanner.clean
            return Prepared(replace(call, stages=stages), scan)
        body = call.body if scan.body is call.body else dict(scan.body)
        if body is not call.body and body.get("plugins") != call.body.get("plugins"):
            call = self.with_plugins(replace(call, body=body))  # what was redacted in their settings is gone
        return Prepared(replace(call, body=body, stages=(*call.stages, *scan.stages())), scan)

    def with_plugins(self, call: Call) -> Call:
        """The call with the plugins that it and its workspace ask for. Raises RefusedError (400)."""
        return replace(call, plugins=plugins_of(call, self.governing.plugins))

    def screen(self, texts: Sequence[str]) -> Screened:
        """Texts that plugins put before the model, looked at as the request's own."""
        if self._scanner is None:
            return Screened(list(texts))
        parts = [{"type": "file", "file": {"file_data": _as_file(text)}} for text in texts]
        scan = self._scanner.scan({"messages": [{"role": "user", "content": parts}]})
        files = scan.body["messages"][0]["content"]
        found = [stage for stage in scan.stages() if stage["data"].get("detected")]
        return Screened([_of_file(part["file"]["file_data"]) for part in files], found, blocked(scan))


def _as_file(text: str) -> str:
    return ADDED + base64.b64encode(text.encode("utf-8", "replace")).decode()


def _of_file(url: str) -> str:
    return base64.b64decode(url.removeprefix(ADDED)).decode("utf-8", "replace")


def with_variants(prepared: Prepared, catalog: CatalogSnapshot, preparation: Preparation) -> Prepared:
    """The call with what its model's variants ask for beside routing: `:online` a search, `:thinking` to think."""
    call = applied(prepared.call, catalog)
    return prepared if call is prepared.call else Prepared(preparation.with_plugins(call), prepared.scan)


def preparation_of(policy: Policy) -> Preparation:
    """How this policy's requests are prepared; takes a while for many patterns, hence not on the event loop."""
    governing = Governing(policy.rules, policy.allowlist, dict(policy.plugins))
    return prepared_with(governing, policy.presets)


def prepared_with(governing: Governing, presets: Mapping[str, PresetEntry] = NO_PRESETS) -> Preparation:
    """The preparation of plain values, as they arrive in another process."""
    scanner = scanner_of(governing.rules, governing.allowlist)
    outputs = OutputGuard(governing.rules.outputs) if governing.rules.outputs else None
    return Preparation(governing, scanner if scanner.has_work else None, outputs, presets)


NO_PREPARATION = Preparation(Governing(EffectiveRules(), ()), None)
