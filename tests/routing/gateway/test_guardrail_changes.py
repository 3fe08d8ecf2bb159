"""A guardrail that is set, assigned, changed or lifted at any layer governs within a second."""

from __future__ import annotations

import time

import pytest

from accounts import privacy
from config.lib.scoping import tenant
from observability.journal_records import Begin, Refusal
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members, unassign_keys, unassign_members
from routing.models import Guardrail
from tests.cast import STAGE
from tests.routing.gateway.process import GatewayProcess
from tests.routing.gateway.stage import held_to
from tests.routing.simulator.process import wait_until
from workspaces import api_keys

pytestmark = pytest.mark.usefixtures("shell")
FORBIDDING = {"ignored_models": ["test/echo"]}


@pytest.fixture
def fresh(stage):
    """A key of bob's in production."""
    acme = stage.acme
    with tenant(acme.organization.pk):
        return api_keys.issue(workspace=acme.production, name="held", owner=acme.bob, by=STAGE)


def soon(gateway: GatewayProcess, secret: str, status: int) -> None:
    began = time.monotonic()
    wait_until(lambda: gateway.ask(secret, "test/echo").status == status, what=f"a {status}")
    assert time.monotonic() - began < 1


class TestALayer:
    def test_of_the_account_governs_every_key(self, gateway, fresh, stage):
        organization = stage.acme.organization
        assert gateway.ask(fresh.secret, "test/echo").status == 200

        with tenant(organization.pk):
            privacy.change(organization=organization, by=STAGE, **FORBIDDING)
        soon(gateway, fresh.secret, 403)

        with tenant(organization.pk):
            privacy.change(organization=organization, by=STAGE, ignored_models=None)
        soon(gateway, fresh.secret, 200)

    def test_of_the_workspace_governs_its_keys_only(self, gateway, fresh, key, stage):
        acme = stage.acme
        with tenant(acme.organization.pk):
            guardrail = guardrail_settings.change(
                guardrail=Guardrail.default_of(acme.production), by=STAGE, **FORBIDDING
            )
        soon(gateway, fresh.secret, 403)
        assert gateway.ask(key, "test/echo").status == 200

        with tenant(acme.organization.pk):
            guardrail_settings.delete(guardrail=guardrail, by=STAGE)
        soon(gateway, fresh.secret, 200)

    @pytest.mark.parametrize("layer", ["key", "member"])
    def test_of_a_key_or_member_governs_from_its_assignment_to_its_release(
        self, gateway, fresh, stage, layer
    ):
        acme = stage.acme
        with tenant(acme.organization.pk):
            guardrail = guardrail_settings.create(workspace=acme.default, name="no echo", by=STAGE)
            if layer == "key":
                assign_keys(guardrail=guardrail, keys=[fresh.key], by=STAGE)
            else:
                assign_members(guardrail=guardrail, memberships=[acme.bob], by=STAGE)
        assert gateway.ask(fresh.secret, "test/echo").status == 200

        with tenant(acme.organization.pk):
            guardrail_settings.change(guardrail=guardrail, by=STAGE, **FORBIDDING)
        soon(gateway, fresh.secret, 403)

        with tenant(acme.organization.pk):
            if layer == "key":
                unassign_keys(guardrail=guardrail, keys=[fresh.key], by=STAGE)
            else:
                unassign_members(guardrail=guardrail, memberships=[acme.bob], by=STAGE)
        soon(gateway, fresh.secret, 200)


class TestARegion:
    def test_is_that_of_the_host_that_the_request_was_sent_to(self, start_gateway, stage):
        acme = stage.acme
        gateway = start_gateway(HEADGATE_REGION_HOSTS="eu.test=europe")
        with tenant(acme.organization.pk):
            issued = api_keys.issue(workspace=acme.default, name="of europe", by=STAGE)
            guardrail = guardrail_settings.create(
                workspace=acme.default, name="europe", by=STAGE, allowed_data_regions=["europe"]
            )
            assign_keys(guardrail=guardrail, keys=[issued.key], by=STAGE)

        body = {"model": "test/echo", "messages": [{"role": "user", "content": "Hi"}]}
        assert gateway.post(issued.secret, body, Host="eu.test:8000").status == 200
        refused = gateway.post(issued.secret, body)

        assert refused.status == 404
        assert refused.json()["error"]["availability"]["excluded_by"] == ["data_region"]

    def test_is_told_to_the_log(self, start_gateway, stage):
        gateway, key = start_gateway(HEADGATE_REGION_HOSTS="eu.test=europe"), stage.acme.production_key.secret
        body = {"model": "test/echo", "messages": [{"role": "user", "content": "Hi"}]}

        for asked in (body, body | {"model": "nobody/nothing"}):
            gateway.post(key, asked, Host="eu.test")
            gateway.post(key, asked)
        gateway.stop()

        begun = [one.context.get("region") for one in gateway.records() if isinstance(one, Begin)]
        refused = [one.detail.get("region") for one in gateway.records() if isinstance(one, Refusal)]
        assert begun == refused == ["europe", None]


class TestAnExpensivePattern:
    def test_is_searched_for_elsewhere_and_redacts_all_the_same(self, gateway, mirror, stage):
        acme = stage.acme
        with tenant(acme.organization.pk):
            settings = {"content_filters": [{"pattern": "a[ab]{900}c", "action": "redact"}]}
            secret = held_to(acme.default, "dear", settings)
        text = "x" * 20_000 + "a" * 901 + "c"
        mirror.asked.clear()

        answer = gateway.post(
            secret, {"model": "test/mirror", "messages": [{"role": "user", "content": text}]}
        )

        assert answer.status == 200
        assert mirror.asked[0]["messages"][0]["content"] == "x" * 20_000 + "[REDACTED]"


class TestALargeBody:
    def test_is_looked_at_in_another_process(self, gateway, mirror, stage):
        acme = stage.acme
        with tenant(acme.organization.pk):
            settings = {"content_filter_builtins": [{"slug": "email", "action": "redact"}]}
            secret = held_to(acme.default, "large", settings)
        text = "word " * 80_000 + "ann@example.com"
        mirror.asked.clear()

        answer = gateway.post(
            secret, {"model": "test/mirror", "messages": [{"role": "user", "content": text}]}
        )

        assert answer.status == 200
        assert mirror.asked[0]["messages"][0]["content"] == "word " * 80_000 + "[EMAIL]"
