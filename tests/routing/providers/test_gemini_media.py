"""Pictures, sound, films and documents in a request to Gemini."""

from __future__ import annotations

import pytest

from routing.providers import CannotAsk
from tests.routing.providers.geminis import build

DATA = "data:image/png;base64,AAAA"


def sent(part):
    messages = [{"role": "user", "content": [{"type": "text", "text": "See"}, part]}]
    return build({"messages": messages})[1]["contents"][0]["parts"][1]


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def file(data, **more):
    return {"type": "file", "file": {"file_data": data, **more}}


class TestMediaInTheRequest:
    @pytest.mark.parametrize(
        ("part", "mime", "data"),
        [
            (image(DATA), "image/png", "AAAA"),
            ({"type": "image_url", "image_url": DATA}, "image/png", "AAAA"),
            (image("DATA:IMAGE/PNG;BASE64,AAAA"), "image/png", "AAAA"),
            (image("data:image/svg+xml;charset=utf-8,%3Csvg/%3E"), "image/svg+xml", "PHN2Zy8+"),
            ({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}}, "video/mp4", "AAAA"),
            (
                {"type": "input_video", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
                "video/mp4",
                "AAAA",
            ),
            ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "audio/wav", "AAAA"),
            ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "MP3"}}, "audio/mp3", "AAAA"),
            (
                {"type": "input_audio", "input_audio": {"data": "data:audio/ogg;base64,AAAA"}},
                "audio/ogg",
                "AAAA",
            ),
            (file("data:application/pdf;base64,AAAA", filename="a.pdf"), "application/pdf", "AAAA"),
            (file("AAAA", filename="a.PDF"), "application/pdf", "AAAA"),
            (file("data:;base64,AAAA", filename="a.csv"), "text/csv", "AAAA"),
        ],
    )
    def test_is_inline_data(self, part, mime, data):
        assert sent(part) == {"inlineData": {"mimeType": mime, "data": data}}


class TestMediaElsewhere:
    @pytest.mark.parametrize(
        ("part", "uri", "mime"),
        [
            (image("https://a.test/b.webp?x=1"), "https://a.test/b.webp?x=1", "image/webp"),
            (image("https://a.test/picture"), "https://a.test/picture", None),
            (file("https://a.test/b.pdf"), "https://a.test/b.pdf", "application/pdf"),
            (file("https://a.test/b", filename="b.pdf"), "https://a.test/b", "application/pdf"),
            (
                {"type": "video_url", "video_url": {"url": "https://youtu.be/abc"}},
                "https://youtu.be/abc",
                "video/mp4",
            ),
        ],
    )
    def test_is_fetched_by_google(self, part, uri, mime):
        assert sent(part) == {"fileData": {"fileUri": uri} | ({"mimeType": mime} if mime else {})}

    @pytest.mark.parametrize(
        "url",
        [
            "http://a.test/b.png",
            "gs://bucket/b.png",
            "file:///etc/passwd",
            "https://generativelanguage.googleapis.com/v1beta/files/abc",
            "https://GenerativeLanguage.googleapis.com:443/v1beta/files/abc",
            "https://[::1/b.png",
            "https:///b.png",
            "",
        ],
    )
    def test_is_refused_where_only_the_operator_may_read_or_nobody(self, url):
        with pytest.raises(CannotAsk, match="messages"):
            sent(image(url))


class TestMediaThatIsNone:
    @pytest.mark.parametrize(
        "part",
        [
            image(None),
            image(7),
            image("data:image/png;base64"),
            image("data:;base64,AAAA"),
            image("data:image/png;base64,"),
            {"type": "image_url"},
            {"type": "input_audio", "input_audio": {"data": "AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "a/b"}},
            {"type": "input_audio", "input_audio": {"format": "wav"}},
            {"type": "input_audio"},
            {"type": "file", "file": {"file_id": "file-1"}},
            file("AAAA", filename="a.unknown"),
            file("AAAA"),
            {"type": "file", "file": None},
        ],
    )
    def test_is_refused(self, part):
        with pytest.raises(CannotAsk, match="messages"):
            sent(part)

    def test_with_lone_surrogates_is_carried(self):
        assert sent(image("data:text/plain,\ud800"))["inlineData"]["mimeType"] == "text/plain"
