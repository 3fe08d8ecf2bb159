"""What the management API takes for a JSON body."""

from __future__ import annotations

import time
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lib.api_body import MAX_DEPTH, parse
from config.lib.api_errors import ApiError
from config.lib.api_json import encode
from config.lib.money import NotAnAmount, nano_from_usd


class TestABody:
    def test_keeps_numbers_exact(self):
        assert parse(b'{"a": 0.1, "b": 12}') == {"a": Decimal("0.1"), "b": 12}

    def test_may_be_nested_as_deep_as_anybody_needs(self):
        assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"\xff",
            b"\xef\xbb\xbf{}",
            b"NaN",
            b"[-Infinity]",
            b'{"a":1,"a":2}',
            b'{"a":{"b":1,"b":1}}',
            b'"\\u0000"',
            b'{"\\u0000":1}',
            b'["\\ud800"]',
            b'{"a":["\\udfff"]}',
            b"1" * 65,
            b"0." + b"1" * 65,
            b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
            b"[" * 100_000,
            b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
            b"{} {}",
        ],
    )
    def test_that_could_hurt_is_refused(self, raw: bytes):
        with pytest.raises(ApiError) as refusal:
            parse(raw)

        assert refusal.value.status == 400
        refusal.value.message.encode()

    @pytest.mark.parametrize(
        "raw",
        [
            b'"' + b'\\"' * 500_000,
            b"[" * 1_000_000,
            b'["' * 300_000,
            b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b',"79999":1}',
            b'{"' + b"a" * 500_000 + b'":[' + b"1," * 200_000 + b'"\\u0000"]}',
        ],
        ids=["quotes", "lists", "texts", "names, the last one twice", "places with a long name"],
    )
    def test_takes_no_longer_for_hostile_text(self, raw: bytes):
        began = time.monotonic()

        with pytest.raises(ApiError):
            parse(raw)

        assert time.monotonic() - began < 2

    @given(st.binary(max_size=200))
    def test_is_parsed_or_refused_whatever_it_is(self, raw: bytes):
        with suppress(ApiError):
            assert encode(parse(raw))


class TestAnAmount:
    @pytest.mark.parametrize(
        "text", ["1.0000000000000000000000000000000001", "1e-10", "NaN", "Infinity", "1e400", "1e-999999"]
    )
    def test_that_cannot_be_kept_exactly_is_refused(self, text: str):
        with pytest.raises(NotAnAmount):
            nano_from_usd(Decimal(text))

    @given(st.integers(0, 9_000_000_000 * 10**9))
    def test_survives_the_way_in_and_out(self, nano: int):
        assert nano_from_usd(Decimal(nano).scaleb(-9)) == nano
