"""Built-in checks: what each takes for what it looks for, and what it leaves alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.guardrails import BUILTINS

INNOCENT = [
    "Please compare 3.14159265 with 2.71828182 to ten places.",
    "The parcel 1Z999AA10123456784 left at 2026-11-24T07:15:30.123456Z.",
    "Commit 9f86d081884c7d659a2feaa0c55ad015 broke build 20261124.0715.",
    "Order 123456789012345678, invoice 2026-0042, table 12-34-56.",
    "UUID 550e8400-e29b-41d4-a716-446655440000 and epoch 1700000000.",
    "In C++ use std::vector<int>::iterator, in Rust std::fmt::Display.",
    "Upgrade from version 10.0.0.1 to v2.4.6.8 at 12:30:45.",
    "The MAC is 00:1A:2B:3C:4D:5E, the picture icon@2x.png.",
    "ISBN 978-3-16-148410-0 costs $2345678901 in play money, see #2345678901.",
    "git clone git@github.com:acme/site.git && cd site @ home",
    "Numbers: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20.",
    "password: please choose a new one; the token is in your_secret_token_here1",
    "api_key = os.environ['API_KEY_FOR_TESTS_1'] or process.env.API_KEY_2",
    "DIN EN ISO 9001:2015, section 8.5.1.1, 3-2-1 rule, 24-7 service",
    "4111 1111 1111 1112 fails the check, 4111111111111111234 is too odd.",
]


def found(slug: str, text: str) -> list[str]:
    find = BUILTINS[slug].find
    assert find is not None
    encoded = text.encode()
    return [encoded[start:end].decode() for start, end in find(encoded)]


class TestInnocentText:
    @pytest.mark.parametrize("text", INNOCENT)
    @pytest.mark.parametrize("slug", [slug for slug, check in BUILTINS.items() if check.find is not None])
    def test_holds_nothing(self, slug: str, text: str):
        assert found(slug, text) == []


class TestEmailAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "user@example.com",
            "name+tag@domain.co",
            "o'neil@mail.example.org",
            "jörg@müller.de",
            "a@b.c-d.example",
        ],
    )
    def test_are_found(self, address: str):
        assert found("email", f"Write to <{address}>, please.") == [address]

    @pytest.mark.parametrize(
        "text", ["a@b", "@example.com", "a@@b.co", "a..b@example.com", "a@-x.com", "x@1.2", "@"]
    )
    def test_are_well_formed(self, text: str):
        assert found("email", text) == []

    def test_end_before_the_full_stop(self):
        assert found("email", "It is ann@example.com.") == ["ann@example.com"]


class TestPhoneNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            "914-309-4996",
            "914.309.4996",
            "914 309 4996",
            "9143094996",
            "(914) 309-4996",
            "(914)309-4996",
            "1-914-309-4996",
            "+1 914 309 4996",
            "+19143094996",
            "+49 30 1234567",
            "+44 (0)20 7946 0958",
            "+33 1 42 68 53 00",
            "+420 222 333 444",
        ],
    )
    def test_are_found_however_they_are_written(self, number: str):
        assert found("phone", f"Call {number}, or write.") == [number]

    @pytest.mark.parametrize(
        "text",
        [
            "014-309-4996",
            "914-109-4996",
            "911-309-4996",
            "+1 014 309 4996",
            "+999 123 45678",
            "+49 12",
            "2222222222",
        ],
    )
    def test_are_of_a_plan(self, text: str):
        assert found("phone", text) == []

    @pytest.mark.parametrize(
        "text", ["x9143094996", "9143094996x", "19.9143094996", "9143094996.5", "7-914-309-4996"]
    )
    def test_are_no_part_of_anything(self, text: str):
        assert found("phone", text) == []

    def test_end_where_the_next_number_begins(self):
        assert found("phone", "+1 914 309 4996 1700000000") == ["+1 914 309 4996"]


class TestSocialSecurityNumbers:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("123-45-6789", "123-45-6789"),
            ("it is 123 45 6789.", "123 45 6789"),
            ("SSN: 123456789", "123456789"),
            ("my social security number is 123456789", "123456789"),
        ],
    )
    def test_are_found(self, text: str, number: str):
        assert found("ssn", text) == [number]

    @pytest.mark.parametrize(
        "text",
        [
            "000-45-6789",
            "666-45-6789",
            "900-45-6789",
            "123-00-6789",
            "123-45-0000",
            "123456789",
            "7-123-45-6789-1",
        ],
    )
    def test_are_such_as_are_given_out(self, text: str):
        assert found("ssn", text) == []


class TestCardNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            "4111111111111111",
            "4242 4242 4242 4242",
            "5555-5555-5555-4444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "3530111333300000",
            "30569309025904",
            "3056 930902 5904",
        ],
    )
    def test_are_found_bare_and_in_groups(self, number: str):
        assert found("credit-card", f"Charge {number}!") == [number]

    @pytest.mark.parametrize(
        "text",
        [
            "4111111111111112",
            "9111111111111111",
            "0000000000000000",
            "x4111111111111111",
            "41 11 1111111 11111",
        ],
    )
    def test_pass_their_check_and_have_an_issuer(self, text: str):
        assert found("credit-card", text) == []

    def test_are_found_among_other_numbers(self):
        text = "12 4242 4242 4242 4242 4111111111111111 7"

        assert found("credit-card", text) == ["4242 4242 4242 4242", "4111111111111111"]


class TestIpAddresses:
    @pytest.mark.parametrize(
        "address",
        ["192.168.0.1", "10.0.0.1", "255.255.255.255", "2001:db8::1", "::1", "fe80::1", "1:2:3:4:5:6:7:8"],
    )
    def test_of_both_versions_are_found(self, address: str):
        assert found("ip-address", f"from {address}.") == [address]
        assert found("ip-address", f"[{address}]:443") == [address]

    @pytest.mark.parametrize(
        "text", ["1.2.3.4.5", "256.1.1.1", "01.2.3.4", "a::b", "1::2::3", "version 1.2.3.4", "1.2.3"]
    )
    def test_are_addresses(self, text: str):
        assert found("ip-address", text) == []


class TestSecrets:
    @pytest.mark.parametrize(
        "secret",
        [
            "sk-hg-v1-" + "0123456789abcdef" * 4,
            "sk-ant-api03-Zx8Qw7Er6Ty5Ui4Op3As2Df1",
            "AKIAIOSFODNN7ABCDEFG",
            "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
            "xoxb-123456789012-abcDEF123ghiJKL456",
            "AIzaSyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
        ],
    )
    def test_are_known_by_their_shape(self, secret: str):
        assert found("secrets", f"use {secret} now") == [secret]

    def test_are_known_by_what_they_are_assigned_to(self):
        assert found("secrets", 'API_KEY="a8f5f167f44f4964e6c998de"') == ["a8f5f167f44f4964e6c998de"]

    def test_are_found_in_addresses(self):
        assert found("secrets", "see postgres://app:pa55-w0rd@db.internal/x") == [
            "postgres://app:pa55-w0rd@db.internal"
        ]


class TestAnyText:
    @settings(max_examples=300, deadline=None)
    @given(st.text(alphabet="019:.-+@ aeF()x4=_/é\u200b\n", max_size=80))
    @pytest.mark.parametrize("slug", [slug for slug, check in BUILTINS.items() if check.find is not None])
    def test_gets_spans_in_order_and_apart(self, slug: str, text: str):
        find = BUILTINS[slug].find
        assert find is not None
        reached = 0
        for start, end in find(text.encode()):
            assert reached <= start < end <= len(text.encode())
            reached = end

    @pytest.mark.parametrize(
        "piece", ["4111 ", "+1", "1.", "a@", "::", "@", "1-", "api_key=", "(914) ", "SSN 1", "://a:b"]
    )
    @pytest.mark.parametrize("slug", [slug for slug, check in BUILTINS.items() if check.find is not None])
    def test_takes_time_linear_in_its_length(self, slug: str, piece: str):
        find = BUILTINS[slug].find
        assert find is not None
        begun = time.process_time()

        list(find((piece * (200_000 // len(piece))).encode()))

        assert time.process_time() - begun < 2
