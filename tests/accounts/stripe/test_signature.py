"""Only Stripe's own events are heard, and only fresh ones."""

from __future__ import annotations

import pytest

from accounts.stripe.signature import BadSignature, verify
from tests.accounts.stripe.fake_stripe import SECRET, signature

BODY, NOW = b'{"id": "evt_1"}', 1_800_000_000


def check(header: str, *, body: bytes = BODY, now: float = NOW) -> None:
    verify(body, header=header, secret=SECRET, now=now)


class TestASignature:
    @pytest.mark.parametrize("age", [-299, 0, 299])
    def test_within_five_minutes_passes(self, age: int):
        check(signature(BODY, at=NOW - age))

    @pytest.mark.parametrize("age", [-301, 301, 10**9])
    def test_beyond_five_minutes_is_refused(self, age: int):
        with pytest.raises(BadSignature, match="five minutes"):
            check(signature(BODY, at=NOW - age))

    def test_of_another_secret_is_refused(self):
        with pytest.raises(BadSignature, match="fits"):
            check(signature(BODY, secret="whsec_other", at=NOW))

    def test_of_another_body_is_refused(self):
        with pytest.raises(BadSignature):
            check(signature(BODY, at=NOW), body=BODY + b" ")

    def test_with_another_time_is_refused(self):
        with pytest.raises(BadSignature):
            check(signature(BODY, at=NOW).replace(f"t={NOW}", f"t={NOW + 1}"))

    def test_among_several_of_a_secret_that_is_being_rolled_passes(self):
        old = signature(BODY, secret="whsec_old", at=NOW)
        new = signature(BODY, at=NOW).partition(",")[2]

        check(f"{old},{new}")

    def test_of_another_scheme_does_not_count(self):
        with pytest.raises(BadSignature):
            check(signature(BODY, at=NOW).replace("v1=", "v0="))

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "t=",
            "v1=",
            "t=1",
            f"t={NOW}",
            f"t={NOW},v1=",
            f"t={NOW},v1=é",
            "t=x,v1=y",
            ",=,",
            f"t={'9' * 5000}",
        ],
    )
    def test_that_is_none_is_refused(self, header: str):
        with pytest.raises(BadSignature):
            check(header)
