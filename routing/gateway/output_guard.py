"""What the model says, looked at as requests are: whole answers before they are sent, streams as they come (SPEC §13).

A whole answer is redacted, or withheld. A stream cannot be taken back: what is found in it may have left in part, and
redact as well as block cut it off at the chunk that completes the match.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from routing.errors import Refusal, forbidden
from routing.gateway.dialects.chunks import a_text, an_object, chunks_of, objects
from routing.guardrails.findings import Finding, Scan, block_of
from routing.guardrails.leaves import ASSISTANT, said
from routing.guardrails.rules import FLAG, EffectiveRules
from routing.guardrails.scanning import Scanner, scanner_of

WITHHELD = "Answer withheld by content filter: {}"
WINDOW = 1_000
"""Characters of a stream that are looked at again with each piece, for what began in an earlier one."""
MOST_WORK = 400_000
"""Characters times the patterns' weight that are looked at on the event loop: about two milliseconds."""
SPOKEN = frozenset({"content", "reasoning", "reasoning_content", "refusal"})
ELSEWHERE = frozenset({"role", "reasoning_details", "tool_calls"})
ABOUT_CHOICES = frozenset({"index", "delta", "finish_reason", "native_finish_reason", "logprobs"})
ABOUT_CALLS = frozenset({"index", "id", "type", "function"})


class OutputGuard:
    """Looks at the answers of one policy's requests."""

    __slots__ = ("rules", "scanner")

    def __init__(self, rules: EffectiveRules) -> None:
        self.rules = rules
        self.scanner = scanner_of(rules)

    def look(self, body: Mapping[str, Any]) -> Looked:
        """Look at a whole Chat Completions answer."""
        return look_at(body, self.scanner)

    def is_dear(self, size: int) -> bool:
        """Whether a look at so many characters would stall the loop."""
        return size * self.scanner.dear > MOST_WORK

    def watch(self) -> StreamWatch:
        """What looks at one stream."""
        return StreamWatch(self)


class Looked(NamedTuple):
    """An answer that was looked at: what may be sent, the pipeline's stages, and why it is withheld, if it is."""

    body: dict[str, Any]
    stages: tuple[Mapping[str, Any], ...] = ()
    refusal: Refusal | None = None


class StreamWatch:
    """Looks at one stream as it comes."""

    __slots__ = ("_findings", "_ran", "_tails", "guard")

    def __init__(self, guard: OutputGuard) -> None:
        self.guard = guard
        self._tails: dict[tuple[Any, ...], str] = {}
        self._findings: dict[tuple[str, str], Finding] = {}
        self._ran: Scan | None = None

    def take(self, data: bytes) -> list[str]:
        """The texts in complete Chat Completions events, each with what was said just before it."""
        new: dict[tuple[Any, ...], str] = {}
        for chunk in chunks_of(data):
            for place, text in _spoken(chunk):
                new[place] = new.get(place, "") + text
        texts = [self._tails.get(place, "") + text for place, text in new.items()]
        for place, text in zip(new, texts, strict=True):
            self._tails[place] = text[-WINDOW:]
        return texts

    def judge(self, scan: Scan) -> Refusal | None:
        """What was found in these texts; a refusal cuts the stream off before they are sent."""
        self._ran = scan
        for finding in scan.findings:
            self._findings.setdefault((finding.detector, finding.label), finding)
        is_cut = scan.block is not None or any(finding.action != FLAG for finding in scan.findings)
        return refusal_of(scan) if is_cut else None

    @property
    def stages(self) -> tuple[Mapping[str, Any], ...]:
        """The pipeline's stages by now."""
        if self._ran is None:
            return ()
        return stages_of(replace(self._ran, findings=tuple(self._findings.values())))


def look_at(body: Mapping[str, Any], scanner: Scanner) -> Looked:
    """Look at a whole Chat Completions answer."""
    choices = body.get("choices")
    if not isinstance(choices, list):
        return Looked(dict(body))
    messages = [choice.get("message") for choice in choices if isinstance(choice, dict)]
    scan = scanner.scan({"messages": messages})
    stages = stages_of(scan)
    if scan.block is not None:
        return Looked(dict(body), stages, refusal_of(scan))
    if scan.findings and scan.body["messages"] is not messages:
        return Looked({**body, "choices": _with(choices, messages, scan.body["messages"])}, stages)
    return Looked(dict(body), stages)


def look_elsewhere(body: Mapping[str, Any], rules: EffectiveRules) -> Looked:
    """The same with plain values, in another process."""
    return look_at(body, scanner_of(rules))


def scan_texts(texts: Sequence[str], rules: EffectiveRules) -> Scan:
    """Look at texts of a stream, here or in another process."""
    messages = [{"role": "assistant", "content": text} for text in texts]
    return replace(scanner_of(rules).scan({"messages": messages}), body={})


def refusal_of(scan: Scan) -> Refusal:
    """Why an answer is withheld, in the words of a request's block."""
    strict = [finding for finding in scan.findings if finding.action != FLAG]
    block = scan.block or block_of(replace(finding, action="block") for finding in strict)
    if block is None:
        raise ValueError("nothing was found that an answer is withheld for")
    label = block.metadata["labels"][0]
    layer = block.layer.scope if block.layer else None
    return forbidden(WITHHELD.format(label), rule="output_guardrail", layer=layer, **block.metadata)


def stages_of(scan: Scan) -> tuple[Mapping[str, Any], ...]:
    """The pipeline's stages of a look at an answer."""
    return tuple(stage | {"data": stage["data"] | {"direction": "output"}} for stage in scan.stages())


def _with(choices: list[Any], messages: list[Any], shown: list[Any]) -> list[Any]:
    """The choices with what was redacted; the tokens' probabilities would spell it out and go."""
    renewed = iter(zip(messages, shown, strict=True))
    result = []
    for choice in choices:
        if not isinstance(choice, dict):
            continue
        before, after = next(renewed)
        same = after is before or after == before
        result.append(choice if same else {**choice, "message": after, "logprobs": None})
    return result


def _spoken(chunk: Mapping[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    """What a chunk says, and in which of the answer's texts."""
    found: list[tuple[tuple[Any, ...], str]] = []
    for choice in objects(chunk, "choices"):
        number, delta = _number(choice), an_object(choice, "delta")
        for name, value in delta.items():
            if isinstance(value, str) and name in SPOKEN:
                found.append(((number, name), value))
            elif value and name not in ELSEWHERE:
                found += _anything((number, name), value)
        for name in choice.keys() - ABOUT_CHOICES:
            found += _anything((number, "", name), choice[name])
        for detail in objects(delta, "reasoning_details"):
            found.append(((number, "detail", _number(detail)), a_text(detail, "text", "summary")))
        for call in objects(delta, "tool_calls"):
            at = (number, "tool", _number(call))
            found.append((at, a_text(an_object(call, "function"), "arguments")))
            for name in call.keys() - ABOUT_CALLS:
                found += _anything((*at, name), call[name])
    return [(place, text) for place, text in found if text]


def _number(holder: Mapping[str, Any]) -> int:
    """Which of several it is; one that does not say so properly is the first, as clients take it."""
    number = holder.get("index")
    return number if isinstance(number, int) else 0


def _anything(place: tuple[Any, ...], value: Any) -> list[tuple[tuple[Any, ...], str]]:
    return [(leaf.place, leaf.text) for leaf in said(place, ASSISTANT, value)]
