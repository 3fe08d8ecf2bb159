"""What was delivered is charged even when a request ends in haste."""

from __future__ import annotations

import signal

from observability.journal_reader import JournalReader
from observability.journal_records import Begin, Checkpoint, End
from observability.journal_segment import journal_processes
from routing.gateway.streaming import believed_usage
from tests.routing.providers.streams import chunk, event, open_stream
from tests.routing.simulator.process import wait_until


class TestASecondSignal:
    def test_leaves_an_open_stream_to_be_charged_at_its_last_checkpoint(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_DRAIN_SECONDS="60")
        stream = gateway.stream(key, "test/echo", "one two", simulator={"chunk_delay_ms": 30_000})
        stream.line()

        gateway.signal()
        wait_until(lambda: gateway.status("/healthz") == 0, what="the listener to close")
        gateway.signal(signal.SIGINT)
        gateway.process.wait(5)
        stream.close()

        records = gateway.records()
        assert [type(record) for record in records] == [Begin, Checkpoint]
        [process_id] = journal_processes(gateway.folder / "journal")
        reader = JournalReader(gateway.folder / "journal", process_id)
        reader.read(10)
        [settled] = reader.interrupted()
        assert settled.end.cost_nano == records[1].cost_nano > 0
        assert not any(isinstance(record, End) for record in records)


class TestAUsageBeforeTheEnd:
    def test_is_not_believed_where_more_was_delivered_since(self):
        stream = open_stream()
        stream.feed(event(chunk({"content": "one"}, usage={"prompt_tokens": 9, "completion_tokens": 1})))
        for text in ("two", "three"):
            stream.feed(text_event(text))

        assert believed_usage(stream) == {"prompt_tokens": 9, "completion_tokens": 3}

    def test_is_believed_once_the_answer_is_complete(self):
        stream = open_stream()
        stream.feed(text_event("one") + text_event("two") + event(chunk({}, "stop")))
        stream.feed(event(chunk(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 1})))

        assert believed_usage(stream) == {"prompt_tokens": 9, "completion_tokens": 1}


def text_event(text):
    return event(chunk({"content": text}))
