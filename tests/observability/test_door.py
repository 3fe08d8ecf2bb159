"""The way out for traces: what is sent arrives as it was given, and no answer can hold or flood a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.lib.outbound import CallFailed, NoAnswerInTime, OutboundRules
from observability.destinations.exchange import VendorRequest
from observability.door import MOST_ANSWER_BYTES, OutboundDoor
from tests.observability.receiver import Receiver, receiving

LOCAL = OutboundRules.parse("127.0.0.0/8")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where the door leads to."""
    with receiving() as known:
        yield known


def asked(receiver: Receiver, path: str, **given: object) -> VendorRequest:
    values = {"headers": {"X-Sent": "yes"}, "body": b"trace", "traces": (0,), **given}
    return VendorRequest(url=receiver.url + path, **values)


class TestSending:
    def test_carries_method_headers_and_body_as_given(self, receiver):
        with OutboundDoor(LOCAL) as door:
            reply = door.send(asked(receiver, "/a%3Db/c%2Fd?e=%7B%7D&f=+", method="PUT"))

        method, path, headers, body = receiver.requests[0]
        assert (reply.status, reply.body) == (202, b"taken")
        assert (method, path, body) == ("PUT", "/a%3Db/c%2Fd?e=%7B%7D&f=+", b"trace")
        assert headers["X-Sent"] == "yes"

    def test_encodes_an_address_that_no_request_may_carry(self, receiver):
        with OutboundDoor(LOCAL) as door:
            door.send(asked(receiver, "/größe und\r\nX-Smuggled: 1"))

        assert "X-Smuggled" not in receiver.requests[0][2]

    def test_keeps_its_connection(self, receiver):
        with OutboundDoor(LOCAL) as door:
            for _ in range(3):
                door.send(asked(receiver, "/"))

        assert len(receiver.callers) == 1

    def test_follows_no_redirect(self, receiver):
        with OutboundDoor(LOCAL) as door:
            assert door.send(asked(receiver, "/moved")).status == 302

        assert [path for _, path, _, _ in receiver.requests] == ["/moved"]

    def test_reads_no_more_than_is_worth_reading(self, receiver):
        with OutboundDoor(LOCAL) as door:
            reply = door.send(asked(receiver, "/flood"))

            assert (reply.status, len(reply.body)) == (202, MOST_ANSWER_BYTES)
            assert door.send(asked(receiver, "/")).body == b"taken"

    def test_of_several_happens_at_the_same_time_and_answers_in_their_order(self, receiver):
        nowhere = VendorRequest(url="http://10.0.0.1/", headers={}, body=b"", traces=(1,))

        with OutboundDoor(LOCAL) as door:
            first, failure, last = door.send_all(
                [asked(receiver, "/together/1"), nowhere, asked(receiver, "/together/2")]
            )

        assert isinstance(failure, CallFailed)
        assert [first.status, last.status] == [202, 202]


class TestFailing:
    def test_is_said_when_no_answer_comes_in_time(self, receiver):
        with OutboundDoor(LOCAL, total_seconds=0.2) as door, pytest.raises(NoAnswerInTime):
            door.send(asked(receiver, "/silent"))

    def test_is_not_said_to_be_late_where_nobody_is(self):
        with OutboundDoor(LOCAL) as door, pytest.raises(CallFailed) as failure:
            door.send(VendorRequest("http://127.0.0.1:1/", {}, b"", (0,)))

        assert not isinstance(failure.value, NoAnswerInTime)

    def test_comes_to_an_end_however_many_requests_there_are(self, receiver):
        with OutboundDoor(LOCAL, open_seconds=0.2) as door:
            for _ in range(2):
                with pytest.raises(CallFailed, match="in time"):
                    door.send(asked(receiver, "/silent"))

        assert len(receiver.requests) <= 2

    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/",
            "http://127.0.0.1:1/",
            "http://[::1]/",
            "ftp://vendor/",
            "http://[",
            "nothing",
            "",
        ],
    )
    def test_is_said_of_addresses_that_are_forbidden_or_none(self, url):
        request = VendorRequest(url=url, headers={}, body=b"", traces=())

        with OutboundDoor(OutboundRules()) as door, pytest.raises(CallFailed):
            door.send(request)

    @pytest.mark.parametrize("headers", [{"X-A": "b\r\nX-C: d"}, {"X\r\nA": "b"}])
    def test_is_said_of_headers_that_would_be_two(self, receiver, headers):
        with OutboundDoor(LOCAL) as door, pytest.raises(CallFailed):
            door.send(asked(receiver, "/", headers=headers))

        assert receiver.requests == []
