"""Who wants to know what one request says: by key, region and sample, the same for a whole session."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from routing.call import Attribution, Call, ProviderPreferences
from routing.policy_parts.recording import looks_at_content
from routing.recording import Listener, Recording, Sorter, Wanted, wanted_of

CALL = Call("chat", ("a/b",), {}, is_streamed=False, prompt_tokens=1, max_tokens=None)
SHARE = 0.3


def of_session(session: str) -> Call:
    return replace(CALL, attribution=Attribution(session_id=session))


class TestWhoWantsARequest:
    def test_is_nobody_where_the_policy_says_nothing(self):
        assert wanted_of(None, CALL, "g") is None

    def test_is_nobody_when_it_is_in_no_sample(self):
        recording = Recording(7, 0.0001, (Listener(1, 0.0001),))

        assert wanted_of(recording, of_session("this one"), "g") is None

    def test_is_whoever_takes_its_region(self):
        recording = Recording(
            7, None, (Listener(1, regions=frozenset({"europe"})), Listener(2), Listener(3, is_private=True))
        )

        assert wanted_of(recording, CALL, "g") == Wanted(False, (2,))
        assert wanted_of(recording, replace(CALL, region="europe"), "g") == Wanted(False, (1, 2))

    def test_is_a_private_one_too_whose_rules_look_at_it(self):
        assert wanted_of(Recording(7, None, (Listener(3, is_private=True),)), CALL, "g") == Wanted(False, ())


class TestAClassifier:
    RECORDING = Recording(7, sorters=(Sorter(3), Sorter(4)))

    def test_takes_a_request(self):
        assert wanted_of(self.RECORDING, CALL, "g") == Wanted(False, (), (3, 4))

    def test_takes_a_share_of_sessions(self):
        recording = Recording(7, sorters=(Sorter(3, SHARE),))
        taken = [wanted_of(recording, of_session(f"s{number}"), "g") for number in range(2_000)]

        assert abs(sum(one is not None for one in taken) - 2_000 * SHARE) < 100
        assert len({str(wanted_of(recording, of_session("s"), f"g{number}")) for number in range(20)}) == 1

    @pytest.mark.parametrize(
        "call",
        [
            replace(CALL, region="europe"),
            replace(CALL, preferences=ProviderPreferences(zdr=True)),
            replace(CALL, preferences=ProviderPreferences(data_collection="deny")),
        ],
    )
    def test_takes_none_whose_caller_restricts_who_may_read_it(self, call):
        assert wanted_of(self.RECORDING, call, "g") is None


class TestASample:
    def wanted(self, call: Call, generation: str) -> bool:
        return wanted_of(Recording(7, SHARE), call, generation) is not None

    def test_is_about_as_large_as_its_rate(self):
        sampled = sum(self.wanted(CALL, f"generation {number}") for number in range(2_000))

        assert abs(sampled - 2_000 * SHARE) < 100

    def test_has_all_of_a_session_or_nothing(self):
        for number in range(50):
            call = of_session(f"session {number}")
            assert len({self.wanted(call, f"g{one}") for one in range(20)}) == 1

    def test_has_all_of_a_trace_or_nothing_where_there_is_no_session(self):
        for number in range(50):
            call = replace(CALL, attribution=Attribution(trace={"trace_id": f"t{number}"}))
            assert len({self.wanted(call, f"g{one}") for one in range(20)}) == 1

    def test_of_another_listener_is_another_one(self):
        listeners = (Listener(1, 0.5), Listener(2, 0.5))
        found = [wanted_of(Recording(7, None, listeners), CALL, f"g{number}") for number in range(200)]

        assert {one.destinations for one in found if one} == {(1,), (2,), (1, 2)}


class TestFilterRules:
    @pytest.mark.parametrize(
        ("rules", "is_wanted"),
        [
            (None, False),
            ({"groups": [{"rules": [{"field": "model"}]}]}, False),
            ({"groups": [{"rules": [{"field": "model"}]}, {"rules": [{"field": "output"}]}]}, True),
            ({"enabled": False, "groups": [{"rules": [{"field": "input"}]}]}, False),
            ({"groups": 5}, False),
            ({"groups": [None, {"rules": [None, {"field": None}]}]}, False),
        ],
    )
    def test_that_look_at_what_is_said_want_it_known(self, rules, is_wanted):
        assert looks_at_content(rules) is is_wanted
