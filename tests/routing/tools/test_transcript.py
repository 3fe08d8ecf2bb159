"""The conversation so far for a model without its tools."""

from __future__ import annotations

from routing.tools.transcript import readable
from tests.routing.tools.asking_bench import exchange

HI = {"role": "user", "content": "Hi"}


class TestATranscript:
    def test_tells_calls_and_results_as_text(self):
        said = readable([HI, *exchange("look_up", {"id": 1}, {"found": "x"}, text="One moment.")])

        assert said == [
            HI,
            {
                "role": "assistant",
                "content": 'One moment.\n\n<tool_call name="look_up">\n{"id": 1}\n</tool_call>',
            },
            {"role": "user", "content": '<tool_result name="look_up">\n{"found": "x"}\n</tool_result>'},
        ]

    def test_leaves_out_what_is_not_answered_yet(self):
        asking = exchange("openrouter_advisor", {"prompt": "Hm?"}, {})[:1]

        assert readable([HI, *asking]) == [HI]

    def test_keeps_what_users_send_beside_text(self):
        seen = {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
        }

        assert readable([seen]) == [seen]

    def test_keeps_of_an_answer_the_words_alone(self):
        said = {
            "role": "assistant",
            "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "you"}],
            "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "signature": "s"}],
        }

        assert readable([HI, said]) == [HI, {"role": "assistant", "content": "Hello\nyou"}]

    def test_leaves_out_answers_without_words(self):
        assert readable([HI, {"role": "assistant", "content": None, "refusal": "No."}]) == [HI]

    def test_gives_each_call_its_own_result_where_ids_repeat(self):
        said = readable([*exchange("a", {}, 1), *exchange("b", {}, 2)])

        assert [message["content"] for message in said] == [
            '<tool_call name="a">\n{}\n</tool_call>',
            '<tool_result name="a">\n1\n</tool_result>',
            '<tool_call name="b">\n{}\n</tool_call>',
            '<tool_result name="b">\n2\n</tool_result>',
        ]

    def test_survives_what_is_no_call(self):
        odd = {"role": "assistant", "content": "x", "tool_calls": [None, {}, {"id": 1, "function": "f"}]}

        assert readable([odd, {"role": "tool", "content": None}]) == [{"role": "assistant", "content": "x"}]
