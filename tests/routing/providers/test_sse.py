"""Events come out whole and the same, wherever the network cut the stream."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routing.providers.sse import EventSplitter, EventTooLong
from tests.routing.providers.streams import cut

LINES = some.binary(max_size=20).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"").strip())


def split(stream: bytes, *places: int) -> list[bytes]:
    splitter = EventSplitter()
    events = [event for piece in cut(stream, places) for event in splitter.feed(piece)]
    return events + splitter.end()


class TestSplitting:
    @given(
        some.lists(some.lists(LINES, min_size=1, max_size=3), max_size=5),
        some.sampled_from([b"\n", b"\r\n", b"\r"]),
        some.sampled_from([b"data: ", b"data:"]),
        some.lists(some.integers(0, 10**6), max_size=8),
    )
    def test_gives_every_event_whole_wherever_it_was_cut(self, events, end, field, cuts):
        stream = b"".join(b"".join(field + line + end for line in lines) + end for lines in events)

        assert split(stream, *cuts) == [b" ".join(lines) for lines in events]

    @given(some.lists(some.integers(0, 300), max_size=8))
    def test_passes_over_comments_names_ids_and_retries(self, cuts):
        stream = b": keep alive\n\nevent: delta\nid: 7\nretry: 5\ndata: {}\n\n\n\n: x\ndata: [DONE]\n\n"

        assert split(stream, *cuts) == [b"{}", b"[DONE]"]

    def test_passes_over_a_byte_order_mark(self):
        assert split(b"\xef\xbb\xbfdata: {}\n\n") == [b"{}"]

    def test_takes_a_last_event_without_its_blank_line(self):
        assert split(b"data: {}\n\ndata: [DONE]") == [b"{}", b"[DONE]"]
        assert split(b"data: {}\n\ndata: [DONE]\r") == [b"{}", b"[DONE]"]

    def test_keeps_characters_whole_that_were_cut_in_the_middle(self):
        stream = 'data: {"content":"größer 🐘"}\n\n'.encode()

        assert split(stream, *range(len(stream))) == [stream[6:-2]]


class TestMemory:
    @pytest.mark.parametrize("start", [b"data: ", b"data: x\ndata: ", b": "])
    @pytest.mark.parametrize("piece", [1, 10, 1000])
    def test_is_bounded_for_an_event_that_never_ends(self, start, piece):
        splitter = EventSplitter(limit=5000)
        splitter.feed(start)

        with pytest.raises(EventTooLong):
            deque((splitter.feed(b"x" * piece) for _ in range(6000 // piece)), maxlen=0)

    def test_is_bounded_for_one_huge_event(self):
        with pytest.raises(EventTooLong):
            EventSplitter(limit=5000).feed(b"data: " + b"x" * 6000 + b"\n\n")

    def test_has_no_bound_on_the_stream_as_a_whole(self):
        splitter = EventSplitter(limit=500)

        assert sum(len(splitter.feed(b"data: " + b"x" * 300 + b"\n\n")) for _ in range(1000)) == 1000
