"""Who is refused, with which status and in which words; and what of it is written down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Membership
from accounts.organizations import change_member
from config.lib.keys import INFERENCE_PREFIX, hash_of, new_key
from config.lib.scoping import tenant
from observability.journal_records import Refusal
from tests.cast import STAGE
from tests.routing.gateway.process import question
from tests.routing.simulator.process import wait_until
from workspaces import api_keys, workspaces

pytestmark = pytest.mark.usefixtures("shell")

RATES = {"requests_per_minute", "tokens_per_minute", "concurrent_requests"}


@pytest.fixture
def issue(stage):
    """Issues keys of acme's Default workspace."""

    def issue_key(**fields):
        acme = stage.acme
        later = {name: fields.pop(name) for name in RATES & fields.keys()}
        with tenant(acme.organization.pk):
            issued = api_keys.issue(workspace=acme.default, name="made for a test", by=STAGE, **fields)
            if later:
                api_keys.change(key=issued.key, by=STAGE, **later)
        return issued

    return issue_key


def limit(holder, requests):
    """Let a workspace or a member make so many requests a minute."""
    if isinstance(holder, Membership):
        change_member(membership=holder, by=STAGE, requests_per_minute=requests)
    else:
        workspaces.change(workspace=holder, by=STAGE, requests_per_minute=requests)


def error_of(answer):
    return answer.json()["error"]


class TestAKey:
    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Bearer "}, {"Authorization": "Basic abc"}, {"x_api_key": ""}],
        ids=["none", "empty", "another scheme", "empty x-api-key"],
    )
    def test_that_is_missing_is_401(self, gateway, headers):
        answer = gateway.post(None, question("test/echo"), **headers)

        assert answer.status == 401
        assert error_of(answer)["metadata"]["error_type"] == "authentication"

    def test_that_is_unknown_is_401(self, gateway):
        assert gateway.ask(new_key(INFERENCE_PREFIX).secret, "test/echo").status == 401

    def test_is_not_opened_by_its_hash(self, gateway, key):
        assert gateway.ask(hash_of(key), "test/echo").status == 401

    def test_may_come_as_x_api_key(self, gateway, key):
        assert gateway.post(None, question("test/echo"), x_api_key=key).status == 200

    def test_may_come_twice_when_it_is_the_same(self, gateway, key):
        assert gateway.post(key, question("test/echo"), x_api_key=key).status == 200

    def test_may_not_contradict_another(self, gateway, key, stage):
        answer = gateway.post(key, question("test/echo"), x_api_key=stage.acme.bob_key.secret)

        assert answer.status == 400

    def test_for_management_is_403(self, gateway, stage):
        answer = gateway.ask(stage.acme.management_key.secret, "test/echo")

        assert answer.status == 403

    def test_that_has_expired_is_401(self, gateway, issue):
        issued = issue(expires_at=timezone.now() - timedelta(seconds=1))

        assert gateway.ask(issued.secret, "test/echo").status == 401

    def test_that_is_refused_is_told_nothing_of_why(self, gateway, issue):
        issued = issue(expires_at=timezone.now() - timedelta(seconds=1))

        unknown = gateway.ask(new_key(INFERENCE_PREFIX).secret, "test/echo")
        expired = gateway.ask(issued.secret, "test/echo")

        assert unknown.json() == expired.json()


class TestAModel:
    def test_that_does_not_exist_is_400(self, gateway, key):
        answer = gateway.ask(key, "nobody/nothing")

        assert answer.status == 400
        assert error_of(answer)["availability"]["code"] == "model_not_found"

    def test_must_be_named(self, gateway, key):
        answer = gateway.post(key, {"messages": [{"role": "user", "content": "hi"}]})

        assert answer.status == 400
        assert error_of(answer)["metadata"]["parameter"] == "model"

    def test_may_have_fallbacks(self, gateway, key):
        body = question("nobody/nothing") | {"models": ["test/echo"]}

        assert gateway.post(key, body).json()["model"] == "test/echo"


class TestMoney:
    def test_that_the_key_may_not_spend_is_402(self, gateway, issue):
        issued = issue(
            limit_nano=25_000_000
        )  # 0.025 dollars: enough for two at 0.01 and one that passes the limit

        statuses = [gateway.ask(issued.secret, "test/flat").status for _ in range(5)]

        assert statuses == [200, 200, 200, 402, 402]

    def test_of_nothing_blocks_all(self, gateway, issue):
        answer = gateway.ask(issue(limit_nano=0).secret, "test/echo")

        assert answer.status == 402
        assert error_of(answer)["metadata"]["error_type"] == "payment_required"

    def test_of_the_organization_that_is_spent_is_402(self, gateway, stage):
        key = stage.globex.default_key.secret

        statuses = {gateway.ask(key, "test/flat").status for _ in range(102)}
        answer = gateway.ask(key, "test/flat")

        assert statuses == {200, 402}
        assert answer.status == 402
        assert "credits" in error_of(answer)["message"]


class TestARate:
    def test_of_requests_is_429_with_its_limits(self, gateway, issue):
        issued = issue(requests_per_minute=2)

        answers = [gateway.ask(issued.secret, "test/echo") for _ in range(5)]

        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].headers["x-ratelimit-limit"] == "2"
        assert error_of(answers[-1])["metadata"]["error_type"] == "rate_limit_exceeded"

    def test_of_requests_at_once_frees_itself(self, gateway, issue):
        issued = issue(concurrent_requests=1)
        stream = gateway.stream(issued.secret, "test/slow", "60000")

        def is_refused():
            return gateway.ask(issued.secret, "test/echo").status == 429

        wait_until(is_refused, what="a second request to be refused")
        stream.close()

        wait_until(lambda: not is_refused(), what="the first to be over")

    @pytest.mark.parametrize("layer", ["member", "workspace"])
    def test_of_a_member_or_a_workspace_holds_for_all_its_keys(self, gateway, stage, layer):
        acme = stage.acme
        with tenant(acme.organization.pk):
            place = workspaces.create(
                organization=acme.organization, name="Rated", slug=f"rated-{layer}", by=STAGE
            )
            keys = [
                api_keys.issue(workspace=place, name="test", owner=acme.alice, by=STAGE).secret for _ in "ab"
            ]
            limit(place if layer == "workspace" else acme.alice, 2)
        try:
            answers = [gateway.ask(key, "test/echo") for key in keys * 2]

            assert [answer.status for answer in answers] == [200, 200, 429, 429]
            assert error_of(answers[-1])["message"].endswith(f"2 requests per minute of this {layer}.")
        finally:
            with tenant(acme.organization.pk):
                limit(acme.alice, None)

    def test_is_known_to_all_processes(self, gateway, start_gateway, issue):
        issued, other = issue(requests_per_minute=20), start_gateway()
        gateway.ask(issued.secret, "test/echo")  # both know the key
        other.ask(issued.secret, "test/echo")

        statuses = [one.ask(issued.secret, "test/echo").status for _ in range(20) for one in (gateway, other)]

        # Each hears within some hundredths of a second what the other let through; alone they would allow all 40.
        assert statuses[-1] == 429
        assert 18 <= statuses.count(200) < 32

    def test_leaves_an_organization_its_fair_share_only(self, start_gateway, key, stage):
        gateway = start_gateway(HEADGATE_MAX_CONCURRENCY="4")
        streams = [
            gateway.stream(key, "test/echo", "a b", simulator={"chunk_delay_ms": 30_000}) for _ in range(2)
        ]

        answer = gateway.ask(stage.acme.bob_key.secret, "test/echo")
        for stream in streams:
            stream.close()

        assert answer.status == 429
        assert answer.headers["retry-after"] == "1"


class TestTheLogOfRefusals:
    def test_has_a_row_with_the_rule(self, gateway, stage):
        key = stage.acme.bob_key
        gateway.ask(key.secret, "nobody/nothing", user="u\x00ser", session_id="s-1")

        [record] = [record for record in refusals(gateway, key.key.pk) if record.model == "nobody/nothing"]

        assert (record.http_status, record.detail["rule"]) == (400, "model_not_found")
        assert (record.organization_id, record.workspace_id) == (
            key.key.organization_id,
            key.key.workspace_id,
        )
        assert (record.detail["user"], record.detail["session_id"]) == ("u\ufffdser", "s-1")

    def test_has_sixty_rows_a_minute_and_then_a_count(self, start_gateway, issue):
        gateway = start_gateway()
        issued = issue()

        for _ in range(70):
            gateway.ask(issued.secret, "nobody/nothing")
        gateway.stop()

        records = refusals(gateway, issued.key.pk)
        assert sum(record.count for record in records) == 70
        assert 61 <= len(records) <= 62

    def test_has_nothing_of_strangers(self, start_gateway):
        gateway = start_gateway(HEADGATE_METRICS_TOKEN="t" * 24)

        gateway.ask(new_key(INFERENCE_PREFIX).secret, "test/echo")

        assert [record for record in gateway.records() if isinstance(record, Refusal)] == []
        told = gateway.get("/metrics", Authorization=f"Bearer {'t' * 24}").body
        assert (
            f'headgate_refusals_total{{role="gateway",pid="{gateway.process.pid}",rule="key"}} 1.0'.encode()
            in told
        )


def refusals(gateway, key_id):
    return [
        record for record in gateway.records() if isinstance(record, Refusal) and record.api_key_id == key_id
    ]


class TestFreeModels:
    FREE = "test/echo:free"

    def test_are_limited_by_the_minute_and_paid_ones_are_not(self, start_gateway, key, issue):
        gateway = start_gateway(HEADGATE_FREE_REQUESTS_PER_MINUTE="2")

        statuses = [gateway.ask(secret, self.FREE).status for secret in (key, issue().secret) * 3]
        answer = gateway.ask(key, self.FREE)

        assert statuses.count(429) >= 2
        assert error_of(answer)["message"].endswith(
            "2 requests to free models per minute of this organization."
        )
        assert answer.headers["x-ratelimit-limit"] == "2"
        assert gateway.ask(key, "test/echo").status == 200

    def test_give_way_to_a_fallback_once_they_are_used_up(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_FREE_REQUESTS_PER_DAY_OF_BUYERS="1")
        gateway.ask(key, self.FREE)

        answers = [gateway.post(key, question(self.FREE) | {"models": ["test/echo"]}) for _ in range(3)]

        assert answers[-1].json()["model"] == "test/echo"
        assert int(gateway.ask(key, self.FREE).headers["x-ratelimit-reset"]) > 60

    @pytest.mark.parametrize(
        "body", [{"model": "test/none-answers", "models": [FREE]}, {"model": FREE + ":nitro"}]
    )
    def test_count_under_whatever_name_they_come_to_serve(self, start_gateway, key, body):
        gateway = start_gateway(HEADGATE_FREE_REQUESTS_PER_MINUTE="2")

        answers = [gateway.post(key, question("test/echo") | body) for _ in range(6)]

        assert answers[0].json()["model"] == self.FREE
        assert 429 in [answer.status for answer in [*answers, gateway.ask(key, self.FREE)]]

    def test_of_the_day_are_counted_by_all_processes(self, start_gateway, stage):
        key = stage.globex.mallory_key.secret
        first, second = (start_gateway(HEADGATE_FREE_REQUESTS_PER_DAY="3") for _ in range(2))

        def is_refused():
            return [one.ask(key, self.FREE).status for one in (first, second)] == [429, 429]

        wait_until(is_refused, what="the end of the day's allowance")
