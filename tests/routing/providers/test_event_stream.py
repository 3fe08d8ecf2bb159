"""Amazon's binary event streams are read as Amazon's own reader does, wherever they were cut."""

from __future__ import annotations

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as some

from routing.providers.event_stream import FrameDecoder
from tests.routing.providers.amazon import event, frame
from tests.routing.providers.streams import cut

NAMES = some.text(some.characters(codec="utf-8"), min_size=1, max_size=20).filter(
    lambda name: len(name.encode()) < 256
)
VALUES = some.one_of(
    some.text(max_size=30),
    some.binary(max_size=30),
    some.booleans(),
    *(
        some.binary(min_size=size, max_size=size).map(lambda packed, kind=kind: (kind, packed))
        for kind, size in {2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}.items()
    ),
)
FRAMES = some.lists(
    some.builds(frame, some.dictionaries(NAMES, VALUES, max_size=4), some.binary(max_size=200)), max_size=5
)
CUTS = some.lists(some.integers(0, 10**6), max_size=8)
TWO = event("messageStart", role="assistant") + event("messageStop", stopReason="end_turn")


def read(stream: bytes, *places: int):
    decoder = FrameDecoder()
    return decoder, [one for piece in cut(stream, places) for one in decoder.feed(piece)]


def read_by_amazon(stream: bytes):
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [
        ({name: value for name, value in one.headers.items() if isinstance(value, str)}, one.payload)
        for one in buffer
    ]


class TestReading:
    @given(FRAMES, CUTS)
    def test_gives_the_frames_that_amazons_reader_gives(self, frames, places):
        stream = b"".join(frames)

        decoder, found = read(stream, *places)

        assert [(one.headers, one.payload) for one in found] == read_by_amazon(stream)
        assert (decoder.is_corrupt, decoder.is_between_frames) == (False, True)

    def test_gives_the_same_byte_by_byte(self):
        assert read(TWO, *range(len(TWO)))[1] == read(TWO)[1]

    @pytest.mark.parametrize("length", [1, 11, 12, len(TWO) - 1])
    def test_knows_that_a_frame_is_not_complete(self, length):
        decoder, _ = read(TWO[:length])

        assert (decoder.is_between_frames, decoder.is_corrupt) == (False, False)


class TestACorruptFrame:
    @given(some.integers(0, len(TWO) - 1), some.integers(1, 255), CUTS)
    def test_is_never_given_whichever_byte_is_wrong(self, place, change, places):
        wrong = bytearray(TWO)
        wrong[place] ^= change

        decoder, found = read(bytes(wrong), *places)

        assert found == read(TWO)[1][: len(found)]
        assert len(found) < 2
        assert decoder.is_corrupt

    def test_is_the_last_that_is_read(self):
        decoder, found = read(event("a") + b"\x00" * 16 + event("b"))

        assert [one.headers[":event-type"] for one in found] == ["a"]
        assert decoder.feed(event("c")) == []

    @pytest.mark.parametrize(
        "headers",
        [
            {"a": (10, b"")},
            {"a": (7, b"\x00\x09x")},
            {"a": (7, b"\x00\x01\xff")},
            {"a": (7, b"")},
            {"a": (9, b"short")},
        ],
    )
    def test_may_have_headers_that_make_no_sense(self, headers):
        decoder, found = read(frame(headers))

        assert (found, decoder.is_corrupt) == ([], True)

    def test_may_be_larger_than_a_stream_may_hold(self):
        decoder = FrameDecoder(limit=100)

        decoder.feed(frame({}, b"x" * 100)[:12])

        assert decoder.is_corrupt
