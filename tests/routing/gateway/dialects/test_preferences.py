"""The `provider` object: every preference is read, and what makes no sense is refused by its name."""

from __future__ import annotations

import pytest

from routing.call import NO_PREFERENCES, ProviderPreferences
from routing.gateway.client import RefusedError
from routing.gateway.dialects.preferences import MAX_NAMES, preferences_of, read_preferences


def test_nothing_is_preferred_where_nothing_is_said():
    assert read_preferences({}) is NO_PREFERENCES
    assert read_preferences({"provider": None}) is NO_PREFERENCES
    assert preferences_of({}) == NO_PREFERENCES


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"order": ["a", "b"], "only": ["a"], "ignore": []}, {"order": ("a", "b"), "only": ("a",)}),
        ({"allow_fallbacks": False}, {"allow_fallbacks": False}),
        ({"sort": "exacto"}, {"sort": "exacto"}),
        ({"sort": {"by": "latency", "partition": "none"}}, {"sort": "latency", "partition": "none"}),
        ({"sort": {"by": None, "partition": None}}, {}),
        ({"require_parameters": True}, {"require_parameters": True}),
        ({"data_collection": "deny", "zdr": True}, {"data_collection": "deny", "zdr": True}),
        ({"enforce_distillable_text": True}, {"enforce_distillable_text": True}),
        ({"quantizations": ["fp8"]}, {"quantizations": ("fp8",)}),
        ({"max_price": {"prompt": "1.5", "image": None}}, {"max_price": {"prompt": 1.5}}),
        ({"preferred_min_throughput": 50}, {"preferred_min_throughput": (("p50", 50),)}),
        (
            {"preferred_max_latency": {"p90": 3, "p99": None}},
            {"preferred_max_latency": (("p90", 3),)},
        ),
        ({"preferred_max_latency": None, "a_new_one": 1}, {}),
    ],
)
def test_each_preference_is_read(given, read):
    assert preferences_of(given) == ProviderPreferences(**read)


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"order": "a"}, "provider.order"),
        ({"only": [1]}, "provider.only"),
        ({"ignore": ["x"] * (MAX_NAMES + 1)}, "provider.ignore"),
        ({"allow_fallbacks": "yes"}, "provider.allow_fallbacks"),
        ({"sort": "luck"}, "provider.sort"),
        ({"sort": {"by": []}}, "provider.sort"),
        ({"sort": {"by": "price", "partition": "all"}}, "provider.sort.partition"),
        ({"zdr": 1}, "provider.zdr"),
        ({"data_collection": "maybe"}, "provider.data_collection"),
        ({"enforce_distillable_text": "x"}, "provider.enforce_distillable_text"),
        ({"preferred_min_throughput": "fast"}, "provider.preferred_min_throughput"),
        ({"preferred_min_throughput": True}, "provider.preferred_min_throughput"),
        ({"preferred_min_throughput": -1}, "provider.preferred_min_throughput.p50"),
        ({"preferred_max_latency": {"p95": 1}}, "provider.preferred_max_latency"),
        ({"preferred_max_latency": {"p90": "1"}}, "provider.preferred_max_latency.p90"),
        ({"max_price": {"prompt": "dear"}}, "provider.max_price.prompt"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(given, parameter):
    with pytest.raises(RefusedError) as caught:
        preferences_of(given)

    assert caught.value.refusal.status == 400
    assert caught.value.refusal.metadata["parameter"] == parameter
