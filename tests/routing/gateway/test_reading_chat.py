"""What a chat request asks for at most, and what its prompt is worth when a provider never says."""

from __future__ import annotations

import json

import pytest

from routing.gateway.dialects.chat import count_tokens, read_call


def read(**more: object):
    body = {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]} | more
    return read_call(json.dumps(body).encode(), {})


class TestTheBoundOfAnAnswer:
    @pytest.mark.parametrize(
        ("asked", "bound"),
        [
            ({}, None),
            ({"max_tokens": 7}, 7),
            ({"max_completion_tokens": 7}, 7),
            ({"max_completion_tokens": 1, "max_tokens": 90_000}, 90_000),
            ({"max_completion_tokens": 90_000, "max_tokens": 1}, 90_000),
        ],
    )
    def test_is_the_larger_of_the_two_because_providers_differ_in_which_they_heed(self, asked, bound):
        assert read(**asked).max_tokens == bound


class TestCountingWithoutATokenizer:
    def test_counts_the_words_of_prose(self):
        assert count_tokens("Seven words make up this short sentence.\n") == 7

    def test_does_not_take_a_prompt_without_spaces_for_one_word(self):
        assert count_tokens("x1_" * 8_000) == 3_000

    def test_does_not_count_blanks(self):
        assert count_tokens(" \n\t" * 8_000) == 0

    def test_counts_scripts_without_spaces(self):
        assert count_tokens("\u4f60\u597d" * 100) == 100
        assert count_tokens("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23" * 100) == 100


def parts(*given: object):
    return read(messages=[{"role": "user", "content": list(given)}])


def base64_of(size: int) -> str:
    return "A" * (size * 4 // 3)


def pdf(data: object):
    return {"type": "file", "file": {"filename": "x.pdf", "file_data": data}}


def audio(data: str, kind: str = "mp3"):
    return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}


def video(url: str):
    return {"type": "video_url", "video_url": {"url": url}}


class TestThePartsThatAreNoText:
    def test_of_a_pdf_come_to_what_so_many_pages_have_at_most(self):
        call = parts(pdf("data:application/pdf;base64," + base64_of(1_000_000)))

        # A dense page is 3,000 tokens of text and a picture of 1,600; no provider takes more than a thousand.
        assert 20 * 4_600 <= call.media_tokens <= 1_000 * 4_600
        assert call.prompt_tokens >= call.media_tokens

    def test_of_a_huge_pdf_stay_within_the_pages_that_any_provider_takes(self):
        assert parts(pdf("data:application/pdf;base64," + base64_of(9_000_000))).media_tokens == 1_000 * 4_600

    def test_of_audio_come_to_what_so_many_seconds_have_at_most(self):
        call = parts(audio(base64_of(960_000)))

        # 32 kbit/s is four minutes of it, at the 32 tokens a second of Gemini.
        assert 240 * 32 <= call.media_tokens < 10 * 240 * 32

    def test_of_uncompressed_audio_come_to_less_for_the_same_size(self):
        minute = base64_of(60 * 32_000)

        assert 60 * 32 <= parts(audio(minute, "wav")).media_tokens < parts(audio(minute)).media_tokens

    def test_of_video_come_to_what_so_many_seconds_have_at_most(self):
        call = parts(video("data:video/mp4;base64," + base64_of(3_000_000)))

        # At 400 kbit/s that is a minute, at the 300 tokens a second of Gemini.
        assert 60 * 300 <= call.media_tokens < 10 * 60 * 300

    @pytest.mark.parametrize(
        ("part", "tokens"),
        [
            (pdf("https://example.com/a.pdf"), 100 * 4_600),
            (pdf(None), 100 * 4_600),
            ({"type": "file", "file": {"file_id": "file-1"}}, 100 * 4_600),
            ({"type": "file"}, 100 * 4_600),
            (video("https://example.com/a.mp4"), 1_200 * 300),
            ({"type": "input_video", "video_url": {"url": "HTTPS://example.com/a.mp4"}}, 1_200 * 300),
        ],
    )
    def test_of_unknown_size_come_to_a_stated_number(self, part, tokens):
        assert parts(part).media_tokens == tokens

    def test_are_not_counted_as_text_too(self):
        data = base64_of(900_000)

        assert parts(audio(data)).prompt_tokens - parts(audio(data)).media_tokens < 100
        assert parts({"type": "image_url", "image_url": {"url": data}}).prompt_tokens < 2_000

    def test_are_pictures_only_where_they_are_pictures(self):
        picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}

        call = parts({"type": "text", "text": "hi"}, picture, video("https://example.com/a.mp4"))

        assert call.image_count == 1

    @pytest.mark.parametrize("kind", [None, 7, [], {}, "unheard_of"])
    def test_of_another_kind_are_the_providers_to_judge(self, kind):
        assert parts({"type": kind, "file": 1}).media_tokens == 0
