"""No text of an answer is overlooked, wherever a provider puts it and however it numbers it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from routing.gateway.bodies import MOST_WORK_ELSEWHERE, BodyReader
from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS
from routing.gateway.output_guard import OutputGuard, scan_texts
from routing.gateway.preparing import Governing, prepared_with
from routing.guardrails.rules import Layer, Rules, merge

WORKSPACE = Layer("workspace")


def rules(pattern: str = "Ann Lee", **more: Any):
    settings = {"content_filters": [{"pattern": pattern, "action": "block"}], "is_filtering_outputs": True}
    return merge([Rules.of(WORKSPACE, settings | more)])


def events(*choices: Any) -> bytes:
    return b"".join(b"data: %b\n\n" % json.dumps({"choices": [choice]}).encode() for choice in choices)


def is_cut(*choices: Any) -> bool:
    guard = OutputGuard(rules().outputs)
    watch = guard.watch()
    verdicts = [watch.judge(scan_texts(watch.take(events(choice)), guard.rules)) for choice in choices]
    return any(verdicts)


class TestAStreamIsCut:
    @pytest.mark.parametrize(
        "delta",
        [
            {"content": "Ann Lee"},
            {"content": [{"type": "text", "text": "Ann Lee"}]},
            {"reasoning_details": [{"text": "Ann Lee"}]},
            {"tool_calls": [{"function": {"arguments": "Ann Lee"}}]},
            {"tool_calls": [{"custom": {"input": "Ann Lee"}}]},
            {"function_call": {"arguments": "Ann Lee"}},
            {"audio": {"transcript": "Ann Lee"}},
            {"annotations": [{"url_citation": {"content": "Ann Lee"}}]},
            {"unheard_of": "Ann Lee"},
        ],
    )
    def test_wherever_the_text_is(self, delta: dict[str, Any]):
        assert is_cut({"index": 0, "delta": delta})

    def test_also_beside_the_delta(self):
        assert is_cut({"index": 0, "delta": {}, "text": "Ann Lee"})

    @pytest.mark.parametrize("index", [None, "0", [0], {"a": 1}])
    def test_however_its_pieces_are_numbered(self, index: Any):
        pieces = [{"index": 0, "delta": {"content": "Ann "}}, {"index": index, "delta": {"content": "Lee"}}]

        assert is_cut(*pieces)

    def test_but_not_for_what_two_choices_say(self):
        assert not is_cut(
            {"index": 0, "delta": {"content": "Ann "}}, {"index": 1, "delta": {"content": "Lee"}}
        )


class TestDearPatterns:
    DEAR = "a(?:[ab]{280}c|[abx]{280}d)"

    def test_are_not_searched_for_on_the_event_loop(self):
        assert OutputGuard(rules(self.DEAR).outputs).is_dear(1_000)
        assert not OutputGuard(rules().outputs).is_dear(100_000)

    def test_refuse_a_request_that_would_take_them_too_long(self):
        preparation = prepared_with(Governing(rules(self.DEAR), ()))
        size = MOST_WORK_ELSEWHERE // preparation.dear + 1
        body = json.dumps({"model": "a/b", "messages": [{"role": "user", "content": "a" * size}]}).encode()

        with pytest.raises(RefusedError) as refused:
            asyncio.run(BodyReader().read(DIALECTS["chat"], body, {}, preparation))
        with pytest.raises(RefusedError):
            asyncio.run(BodyReader().screen(["a" * size], preparation, 1))

        assert refused.value.refusal.status == 403
