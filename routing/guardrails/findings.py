"""What was found in a request, and how the caller and the log are told: never with the text itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from routing.guardrails.rules import FLAG, REDACT, Layer
from routing.guardrails.texts import Place

PROMPT_INJECTION = "regex-prompt-injection"
CUSTOM = "custom"
UNLABELLED = "[BLOCKED]"
ENGINES = ["regex"]
INJECTION_MESSAGE = "Request blocked: prompt injection patterns detected"

_DONE = {"flag": "flagged", "redact": "redacted", "block": "blocked"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one place, how often, and who asked for it.

    `detector` is a built-in's slug or `custom`, `label` what people call it. `names` are of the injection patterns.
    """

    detector: str
    label: str
    action: str
    layer: Layer
    place: Place
    count: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Why the request is refused with 403, in the contract's words; metadata has `patterns`, `labels`, or both."""

    message: str
    metadata: Mapping[str, Any]
    layer: Layer | None = None


class Ran(NamedTuple):
    """A stage of a scan: a layer's check for prompt injection, or its content filters."""

    is_injection: bool
    layer: Layer


@dataclass(frozen=True, slots=True)
class Scan:
    """What came of it. `body` is the request to go on with, the very one that came where nothing was redacted."""

    body: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    block: Block | None = None
    ran: tuple[Ran, ...] = ()

    def stages(self) -> list[dict[str, Any]]:
        """The entries of the router metadata's `pipeline`: one for each layer's injection check and content filters."""
        grouped: dict[Ran, list[Finding]] = {ran: [] for ran in self.ran}
        for finding in self.findings:
            grouped.setdefault(Ran(finding.detector == PROMPT_INJECTION, finding.layer), []).append(finding)
        return [_stage(ran, found) if found else _clean(ran) for ran, found in grouped.items()]


def block_of(findings: Iterable[Finding]) -> Block | None:
    """The 403 that the findings amount to; prompt injection is told before anything else."""
    blocking = [finding for finding in findings if finding.action not in (FLAG, REDACT)]
    if not blocking:
        return None
    injections = [finding for finding in blocking if finding.detector == PROMPT_INJECTION]
    labels = _distinct(finding.label for finding in blocking if finding.detector != PROMPT_INJECTION)
    metadata: dict[str, Any] = {"labels": labels} if labels else {}
    if not injections:
        return Block(f"Request blocked by content filter: {labels[0]}", metadata, blocking[0].layer)
    patterns = _distinct(name for finding in injections for name in finding.names)
    return Block(INJECTION_MESSAGE, {"patterns": patterns} | metadata, injections[0].layer)


def failed(reason: str, layer: Layer | None = None) -> Block:
    """The 403 for a request that could not be looked at."""
    return Block(f"Request blocked by content filter: {reason}", {"labels": [UNLABELLED]}, layer)


def _stage(ran: Ran, found: list[Finding]) -> dict[str, Any]:
    actions = _distinct(_DONE.get(finding.action, "blocked") for finding in found)
    action = next(done for done in reversed(_DONE.values()) if done in actions)
    data: dict[str, Any] = {"action": action, "detected": True, "engines": ENGINES}
    if ran.is_injection:
        data["patterns"] = _distinct(name for finding in found for name in finding.names)
    else:
        data["labels"] = _distinct(finding.label for finding in found)
        data["matches"] = sum(finding.count for finding in found)
    count = len(data["patterns"] if ran.is_injection else data["labels"])
    kinds = ("pattern" if ran.is_injection else "label") + ("" if count == 1 else "s")
    noun = "prompt injection detected" if ran.is_injection else "content filter matched"
    return _entry(ran, f"{action.capitalize()}: {noun} ({count} {kinds})", data)


def _clean(ran: Ran) -> dict[str, Any]:
    noun = "no prompt injection detected" if ran.is_injection else "no content filter matched"
    return _entry(ran, f"Passed: {noun}", {"action": "passed", "detected": False, "engines": ENGINES})


def _entry(ran: Ran, summary: str, data: dict[str, Any]) -> dict[str, Any]:
    layer = ran.layer
    stage = {
        "type": "guardrail",
        "name": "regex_pi_detection" if ran.is_injection else "content_filter",
        "guardrail_scope": layer.scope,
        "summary": summary,
        "data": data,
    }
    return stage | ({"guardrail_id": layer.guardrail_id} if layer.guardrail_id else {})


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
