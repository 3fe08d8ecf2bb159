"""What a request is held for and charged: exact, rounded once, and never misled by a provider."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routing.pricing import (
    DEFAULT_COMPLETION_TOKENS,
    MAX_TOKENS,
    Usage,
    believable,
    completion_bound,
    cost,
    estimate,
    usage_from_provider,
    usage_object,
)
from tests.routing.make import make_call, make_endpoint, make_price

FALLBACK = Usage(prompt=12, completion=5)
COUNTS = some.integers(0, 10**6)
PRICES = some.integers(0, 10**11)
OPTIONAL = some.none() | PRICES
ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=12),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=6,
)


class TestTheCostOfAUsage:
    def test_is_the_sum_of_every_kind_at_its_own_price(self):
        price = make_price(3, 5, request=1000, reasoning=7, cache_read=1, cache_write=4, image=100, audio=9)
        usage = Usage(prompt=100, completion=50, reasoning=20, cached=30, cache_write=10, audio=5, image=2)

        charge = cost(price, usage)

        assert charge.prompt_femto == 55 * 3 + 30 * 1 + 10 * 4 + 5 * 9 + 2 * 100 + 1000
        assert charge.completion_femto == 30 * 5 + 20 * 7

    def test_charges_a_kind_without_a_price_of_its_own_as_its_base(self):
        usage = Usage(prompt=100, completion=50, reasoning=20, cached=30, cache_write=10, audio=5)

        assert cost(make_price(3, 5), usage).total_femto == 100 * 3 + 50 * 5

    @pytest.mark.parametrize(
        ("femto", "nano"), [(0, 0), (499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)]
    )
    def test_is_rounded_half_up_to_nano_dollars(self, femto, nano):
        assert cost(make_price(femto, 0), Usage(prompt=1)).total_nano == nano

    @given(some.builds(Usage, *[COUNTS] * 2), PRICES, PRICES, PRICES)
    def test_is_rounded_once_and_never_part_by_part(self, usage, prompt, completion, request):
        charge = cost(make_price(prompt, completion, request=request), usage)

        exact = Fraction(usage.prompt * prompt + usage.completion * completion + request, 10**6)
        assert abs(charge.total_nano - exact) <= Fraction(1, 2)

    @given(COUNTS, COUNTS, COUNTS, COUNTS, PRICES, OPTIONAL, OPTIONAL)
    def test_is_never_negative(self, prompt, completion, cached, reasoning, base, read, think):
        raw = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
        usage, _ = usage_from_provider(raw, FALLBACK)

        assert cost(make_price(base, base, cache_read=read, reasoning=think), usage).total_nano >= 0


class TestTheHold:
    def test_equals_the_cost_of_a_model_that_is_priced_per_request_only(self):
        endpoint = make_endpoint(price=make_price(0, 0, request=10**12))

        held = estimate(endpoint.price, make_call("simulator/flat", max_tokens=None), endpoint)

        assert held == cost(endpoint.price, Usage(prompt=987, completion=654)).total_nano == 10**6

    @given(COUNTS, some.integers(1, 10_000), PRICES, PRICES, OPTIONAL, OPTIONAL)
    def test_covers_every_answer_within_the_callers_bounds(self, prompt, most, base, answer, write, think):
        endpoint = make_endpoint(
            price=make_price(base, answer, cache_write=write, reasoning=think), context_length=None
        )
        call = make_call("a/b", prompt_tokens=prompt, max_tokens=most)
        dearest = Usage(prompt=prompt, completion=most, cache_write=prompt, reasoning=most)

        held = estimate(endpoint.price, call, endpoint)

        assert held >= cost(endpoint.price, dearest).total_nano
        assert held >= cost(endpoint.price, Usage(prompt=prompt, completion=most)).total_nano

    def test_takes_no_prompt_to_be_longer_than_what_the_endpoint_could_read(self):
        endpoint = make_endpoint(price=make_price(10**6, 0), context_length=1000)

        assert estimate(endpoint.price, make_call("a/b", prompt_tokens=460_000), endpoint) == 1000

    def test_takes_a_batch_of_prompts_as_long_as_it_is(self):
        endpoint = make_endpoint(price=make_price(10**6, 0), context_length=1000, max_completion_tokens=0)
        call = make_call("a/b", prompt_tokens=460_000, dialect="embeddings")

        assert estimate(endpoint.price, call, endpoint) == 460_000

    def test_counts_every_choice_and_image(self):
        endpoint = make_endpoint(price=make_price(0, 10**6, image=10**6))

        assert estimate(endpoint.price, make_call("a/b", choices=3, image_count=2), endpoint) == 3 * 50 + 2

    @pytest.mark.parametrize(
        ("asked", "endpoints_most", "context", "bound"),
        [
            (50, 100, None, 50),
            (500, 100, None, 100),
            (500, None, None, 500),
            (None, 100, None, 100),
            (None, 10**6, None, DEFAULT_COMPLETION_TOKENS),
            (None, None, None, DEFAULT_COMPLETION_TOKENS),
            (500, None, 300, 300),
        ],
    )
    def test_bounds_an_answer_by_caller_endpoint_and_context(self, asked, endpoints_most, context, bound):
        endpoint = make_endpoint(max_completion_tokens=endpoints_most, context_length=context)

        assert completion_bound(make_call("a/b", max_tokens=asked), endpoint) == bound

    def test_holds_a_whole_answer_even_when_the_prompt_seems_to_fill_the_context(self):
        endpoint = make_endpoint(price=make_price(10**6, 10**7), context_length=1000)
        call = make_call("a/b", prompt_tokens=1900, max_tokens=800)

        held = estimate(endpoint.price, call, endpoint)

        assert held >= cost(endpoint.price, Usage(prompt=200, completion=800)).total_nano


class TestUsageFromAProvider:
    def test_is_taken_as_it_is_when_it_is_plausible(self):
        raw = {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 10, "audio_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 8},
        }

        usage, is_estimated = usage_from_provider(raw, FALLBACK)

        assert usage == Usage(prompt=100, completion=20, reasoning=8, cached=40, cache_write=10, audio=5)
        assert not is_estimated

    @pytest.mark.parametrize(
        "absurd", [None, -1, 10**12, MAX_TOKENS + 1, "many", "-3", 1.5, float("nan"), True, [], {}]
    )
    def test_is_replaced_where_a_count_is_absurd(self, absurd):
        usage, is_estimated = usage_from_provider(
            {"prompt_tokens": absurd, "completion_tokens": 20}, FALLBACK
        )

        assert (usage.prompt, usage.completion, is_estimated) == (FALLBACK.prompt, 20, True)

    @pytest.mark.parametrize("missing", [None, [], "usage", 7, {}, {"prompt_tokens": None}])
    def test_is_estimated_whole_where_there_is_none(self, missing):
        usage, is_estimated = usage_from_provider(missing, FALLBACK)

        assert (usage, is_estimated) == (FALLBACK, True)

    @pytest.mark.parametrize(("value", "count"), [("20", 20), (20.0, 20), (0, 0)])
    def test_reads_whole_numbers_in_other_clothes(self, value, count):
        usage, is_estimated = usage_from_provider({"prompt_tokens": value, "completion_tokens": 1}, Usage())

        assert (usage.prompt, is_estimated) == (count, False)

    def test_does_not_believe_that_nothing_was_said_when_something_was_delivered(self):
        raw = {"prompt_tokens": 0, "completion_tokens": 0}

        assert usage_from_provider(raw, FALLBACK) == (FALLBACK, True)
        assert usage_from_provider(raw, Usage(prompt=12)) == (Usage(), False)

    @given(ANYTHING, ANYTHING)
    def test_holds_its_parts_within_their_whole_whatever_came(self, raw, inner):
        given_usage = {**raw, "prompt_tokens_details": inner} if isinstance(raw, dict) else raw

        usage, _ = usage_from_provider(given_usage, FALLBACK)

        assert 0 <= usage.cached + usage.cache_write + usage.audio <= usage.prompt <= MAX_TOKENS
        assert 0 <= usage.reasoning <= usage.completion <= MAX_TOKENS


class TestUsageBeyondTheEndpointsLimits:
    """No endpoint can take or give more tokens than it has room for, whatever its provider says."""

    ENDPOINT = make_endpoint(context_length=1000, max_prompt_tokens=800, max_completion_tokens=300)

    @pytest.mark.parametrize(
        ("said", "counted"), [((800, 300), (800, 300)), ((801, 10), (800, 10)), ((10, 10**7), (10, 300))]
    )
    def test_is_bounded_by_them_and_then_an_estimate(self, said, counted):
        raw = {"prompt_tokens": said[0], "completion_tokens": said[1]}

        usage, is_estimated = usage_from_provider(raw, FALLBACK, believable(self.ENDPOINT, make_call("a/b")))

        assert (usage.prompt, usage.completion) == counted
        assert is_estimated is (said != counted)

    def test_is_bounded_before_its_parts_are(self):
        raw = {
            "prompt_tokens": 9000,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 9000},
        }

        usage, _ = usage_from_provider(raw, FALLBACK, believable(self.ENDPOINT, make_call("a/b")))

        assert usage.cached == usage.prompt == 800

    def test_allows_every_choice_its_own_answer(self):
        raw = {"prompt_tokens": 1, "completion_tokens": 900}

        usage, is_estimated = usage_from_provider(
            raw, FALLBACK, believable(self.ENDPOINT, make_call("a/b", choices=3))
        )

        assert (usage.completion, is_estimated) == (900, False)

    def test_is_bounded_by_the_context_where_nothing_else_is_known(self):
        endpoint = make_endpoint(context_length=1000, max_prompt_tokens=None, max_completion_tokens=None)

        assert believable(endpoint, make_call("a/b")) == (1000, 1000)

    def test_is_believed_up_to_the_absurd_where_no_limit_is_known(self):
        endpoint = make_endpoint(context_length=None, max_prompt_tokens=None, max_completion_tokens=None)

        assert believable(endpoint, make_call("a/b")) == (MAX_TOKENS, MAX_TOKENS)

    def test_of_a_batch_is_not_bounded_by_what_one_input_may_be(self):
        call = make_call("a/b", dialect="embeddings")

        assert believable(self.ENDPOINT, call) == (MAX_TOKENS, MAX_TOKENS)


class TestTheUsageThatTheCallerSees:
    def test_names_tokens_cost_and_its_two_halves(self):
        usage = Usage(prompt=100, completion=20, reasoning=8, cached=40)

        shown = usage_object(usage, cost(make_price(10**9, 2 * 10**9), usage))

        assert shown["total_tokens"] == 120
        assert shown["cost"] == 0.00014
        assert shown["cost_details"]["upstream_inference_prompt_cost"] == 0.0001
        assert shown["cost_details"]["upstream_inference_completions_cost"] == 0.00004
        assert shown["prompt_tokens_details"]["cached_tokens"] == 40
        assert shown["completion_tokens_details"] == {"reasoning_tokens": 8}
