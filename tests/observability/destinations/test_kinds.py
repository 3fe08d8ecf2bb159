"""Every kind of destination sends what its vendor insists on, and understands what the vendor answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from openrouter.components import CreateObservabilityDestinationRequest

from config.lib.declared import NotValid
from observability.destinations import DESTINATIONS
from tests.observability.destinations.receiver import Got, ReroutedDoor, Vendor, listening
from tests.observability.destinations.test_steps import STEPS
from tests.observability.destinations.traces import a_trace, private
from tests.observability.destinations.vendors import SECRET, VENDORS, Demands

BATCH = [
    a_trace(0),
    a_trace(1, span_name=None, parent_span_id=None),
    a_trace(2, error="Provider returned error"),
]
SAID = ("What time is it?", "Half past nine", "Be brief.", "rawRequest")


class Strictly:
    """Plays one vendor: what is not as it demands is refused."""

    def __init__(self, demands: Demands) -> None:
        self.demands = demands
        self.faults: list[str] = []

    def __call__(self, got: Got) -> tuple[int, bytes, dict[str, str]]:
        demands = self.demands
        header, value = demands.authorization
        if header and got.headers.get(header) != value:
            return 401, b"{}", {}
        if got.host != demands.host or not got.path.startswith(demands.path):
            return 404, b"{}", {}
        try:
            if got.method != "GET":
                demands.check(got)
        except Exception as error:
            self.faults.append(repr(error))
            return 422, b"{}", {}
        return *demands.answer, {}


@pytest.fixture(params=sorted(VENDORS))
def slug(request) -> str:
    return str(request.param)


@pytest.fixture
def vendor(slug: str) -> Iterator[Vendor]:
    with listening(Vendor(Strictly(VENDORS[slug]))) as listener:
        yield listener


@pytest.fixture
def door(vendor: Vendor) -> Iterator[ReroutedDoor]:
    way = ReroutedDoor(vendor.origin)
    yield way
    way.close()


def config_of(slug: str, **changes):
    return DESTINATIONS[slug].read_config(VENDORS[slug].config | changes)


def leaves(vendor: Vendor) -> dict[str, object]:
    """All single values that a vendor was sent, by where they stand; attributes by their keys."""
    found: dict[str, object] = {}
    for got in vendor.got:
        if "json" in got.headers.get("content-type", ""):
            collect(json.loads(got.body), got.path.partition("?")[0], found)
    assert found
    return found


def collect(value: object, path: str, found: dict[str, object]) -> None:
    if isinstance(value, str) and value.startswith(("{", "[")):
        value = json.loads(value)
    if isinstance(value, list):
        keyed = {each["key"]: each for each in value if isinstance(each, dict) and "key" in each}
        value = keyed or dict(enumerate(value))
    if not isinstance(value, dict):
        found[path] = value
        return
    for name, item in value.items():
        collect(item, f"{path}/{name}", found)


class TestABatch:
    def test_is_taken_by_a_strict_vendor(self, slug, vendor, door):
        outcome = DESTINATIONS[slug].send(config_of(slug), BATCH, door)

        assert vendor.answer.faults == []
        assert (outcome.error, outcome.retry, outcome.split, outcome.poisoned) == ("", set(), set(), set())
        assert outcome.sent_bytes > 0
        assert {each.method for each in vendor.got} == {VENDORS[slug].method}

    def test_of_a_request_and_the_steps_of_it_is_taken_too(self, slug, vendor, door):
        outcome = DESTINATIONS[slug].send(config_of(slug), [BATCH[1], *STEPS], door)

        assert vendor.answer.faults == []
        assert (outcome.error, outcome.retry, outcome.split, outcome.poisoned) == ("", set(), set(), set())

    def test_says_nothing_of_the_content_under_privacy_mode(self, slug, vendor, door):
        DESTINATIONS[slug].send(config_of(slug), [private(each) for each in BATCH], door)

        assert vendor.answer.faults == []
        assert not [text for text in SAID if text.encode() in vendor.everything]

    def test_says_the_content_otherwise(self, slug, vendor, door):
        DESTINATIONS[slug].send(config_of(slug), BATCH[:1], door)

        assert b"What time is it?" in vendor.everything
        assert b"Half past nine" in vendor.everything

    def test_has_the_same_body_when_it_is_sent_again(self, slug, vendor, door):
        DESTINATIONS[slug].send(config_of(slug), BATCH, door)
        DESTINATIONS[slug].send(config_of(slug), BATCH, door)

        bodies = sorted(each.body for each in vendor.got)
        assert bodies[::2] == bodies[1::2]

    def test_keeps_the_secret_out_of_addresses(self, slug, vendor, door):
        DESTINATIONS[slug].send(config_of(slug), BATCH, door)

        assert not [each.path for each in vendor.got if SECRET in each.path]

    def test_carries_the_administrators_headers_last(self, slug, vendor, door):
        given = {**VENDORS[slug].config.get("headers", {}), "X-Team": "blue", "user-agent": "ours"}

        DESTINATIONS[slug].send(config_of(slug, headers=given), BATCH, door)

        assert vendor.answer.faults == []
        assert {(each.headers["x-team"], each.headers["user-agent"]) for each in vendor.got} == {
            ("blue", "ours")
        }


class TestMetadataOfTheCallers:
    FORGED = dict.fromkeys(
        (
            *("model", "provider", "user_id", "session_id", "finish_reason", "organization_id"),
            *("input_cost", "output_cost", "total_cost", "prompt_tokens", "total_tokens", "duration_ms"),
            *("openrouter_trace_id", "openrouter_generation_id", "trace_id", "temperature"),
            *("openrouter.api_key_name", "openrouter.user_id", "openrouter.input_unit_price"),
            *("provider_responses", "span.metadata.openrouter_generation.usage"),
            *("openrouter_cost_allocation.total.cost",),
        ),
        "forged",
    )

    def test_change_nothing_of_what_headgate_tells(self, slug, vendor, door):
        kind, config = DESTINATIONS[slug], config_of(slug)

        kind.send(config, [a_trace(custom={})], door)
        plain = leaves(vendor)
        vendor.got.clear()
        kind.send(config, [a_trace(custom=self.FORGED)], door)

        assert plain.items() <= leaves(vendor).items()


class TestAnAnswer:
    def outcome(self, slug, vendor, door, status, headers=None):
        vendor.answer = lambda _got: (status, b"{}", headers or {})
        return DESTINATIONS[slug].send(config_of(slug), BATCH, door)

    @pytest.mark.parametrize("status", [401, 403, 404, 302])
    def test_that_the_account_is_wrong_keeps_everything(self, slug, vendor, door, status):
        outcome = self.outcome(slug, vendor, door, status)

        assert outcome.is_misconfigured
        assert outcome.retry == {0, 1, 2}
        assert outcome.http_status == status

    @pytest.mark.parametrize("status", [408, 429, 500, 503])
    def test_that_it_is_not_the_time_asks_for_another_try(self, slug, vendor, door, status):
        outcome = self.outcome(slug, vendor, door, status, {"Retry-After": "7"})

        assert (outcome.is_misconfigured, outcome.retry, outcome.retry_after) == (False, {0, 1, 2}, 7.0)

    @pytest.mark.parametrize("status", [400, 413])
    def test_that_something_is_wrong_with_the_batch_asks_for_halves(self, slug, vendor, door, status):
        outcome = self.outcome(slug, vendor, door, status)

        assert (outcome.is_misconfigured, outcome.split, outcome.poisoned) == (False, {0, 1, 2}, set())

    def test_that_never_comes_asks_for_another_try(self, slug, vendor):
        door = ReroutedDoor("http://127.0.0.1:9")

        outcome = DESTINATIONS[slug].send(config_of(slug), BATCH, door)

        door.close()
        assert (outcome.is_misconfigured, outcome.retry) == (False, {0, 1, 2})
        assert outcome.error.startswith("No answer")
        assert SECRET not in outcome.error

    @pytest.mark.parametrize("status", [200, 202])
    def test_that_is_a_well_without_bottom_breaks_nothing(self, slug, vendor, door, status):
        vendor.answer = lambda _got: (status, b"[" * 60_000, {})
        kind = DESTINATIONS[slug]

        assert kind.send(config_of(slug), BATCH, door).poisoned == set()
        kind.probe(config_of(slug), door)


class TestATestOfTheConnection:
    def test_passes_where_account_and_address_are_right(self, slug, vendor, door):
        shown = DESTINATIONS[slug].probe(config_of(slug), door)

        assert vendor.answer.faults == []
        assert shown.is_ok, shown.message

    def test_fails_where_the_credential_is_wrong(self, slug, vendor, door):
        vendor.answer = lambda _got: (401, b"{}", {})

        shown = DESTINATIONS[slug].probe(config_of(slug), door)

        assert not shown.is_ok
        assert "401" in shown.message

    def test_fails_where_nobody_answers(self, slug, vendor):
        door = ReroutedDoor("http://127.0.0.1:9")

        shown = DESTINATIONS[slug].probe(config_of(slug), door)

        door.close()
        assert not shown.is_ok
        assert shown.message.startswith("No answer")


class TestAConfiguration:
    @pytest.mark.parametrize("slug", sorted(slug for slug, demands in VENDORS.items() if demands.sdk))
    def test_that_the_official_client_knows_is_taken(self, slug):
        request = CreateObservabilityDestinationRequest.model_validate(
            {"type": slug, "name": "x", "config": VENDORS[slug].config}
        )

        config = DESTINATIONS[slug].read_config(json.loads(request.model_dump_json(by_alias=True))["config"])

        assert config.items() >= VENDORS[slug].config.items()

    def test_without_something_required_is_refused_by_name(self, slug):
        for name in DESTINATIONS[slug].required:
            given = {key: value for key, value in VENDORS[slug].config.items() if key != name}
            with pytest.raises(NotValid) as refused:
                DESTINATIONS[slug].read_config(given)
            assert refused.value.path == f"config.{name}"

    def test_with_something_unknown_is_refused_by_name(self, slug):
        with pytest.raises(NotValid) as refused:
            config_of(slug, colour="blue")

        assert refused.value.path == "config.colour"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Host": "elsewhere"},
            {"content-length": "3"},
            {"X": "a\r\nInjected: b"},
            {"a b": "c"},
            {"X": 1},
            [],
            {"Transfer-Encoding": "chunked"},
        ],
    )
    def test_with_headers_that_are_not_the_administrators_is_refused(self, slug, headers):
        with pytest.raises(NotValid, match="headers"):
            config_of(slug, headers=headers)

    @pytest.mark.parametrize(
        "address",
        [
            "ftp://x.example",
            "https://user:pw@x.example",
            "https://",
            "x.example",
            "https://x example",
            3,
            "https://x:99999",
        ],
    )
    def test_with_an_address_that_is_none_is_refused(self, slug, address):
        for field in DESTINATIONS[slug].fields:
            if field.schema.get("format") == "uri":
                with pytest.raises(NotValid) as refused:
                    config_of(slug, **{field.name: address})
                assert refused.value.path == f"config.{field.name}"

    def test_declares_secrets_and_addresses_among_its_fields(self, slug):
        kind = DESTINATIONS[slug]
        names = {field.name for field in kind.all_fields}

        assert kind.secrets <= names
        assert set(kind.required) <= names
        assert kind.verified_against
        assert kind.name
        assert kind.about


class TestALongText:
    def test_is_cut_where_vendors_would_refuse_it(self):
        long = replace(a_trace(), output={"completion": "x" * 3_000_000})
        kind = DESTINATIONS["otel-collector"]

        [request] = kind.requests(config_of("otel-collector"), [long])

        assert len(request.body) < 4_000_000
        assert b"gen_ai.completion.truncated" in request.body
