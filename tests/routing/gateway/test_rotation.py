"""A rotated key: every process knows both secrets, and forgets the old one when its grace ends, with nobody's help."""

from __future__ import annotations

import time

import pytest

from config.lib.scoping import tenant
from observability.journal_records import Begin
from tests.cast import STAGE
from tests.routing.simulator.process import wait_until
from workspaces import api_keys, rotation

pytestmark = pytest.mark.usefixtures("shell")


@pytest.fixture
def fresh(stage):
    """A key of acme's Default workspace that a test may rotate."""
    with tenant(stage.acme.organization.pk):
        return api_keys.issue(workspace=stage.acme.default, name="to be rotated", by=STAGE)


def rotate(stage, issued, grace_seconds):
    """The key's new secret."""
    with tenant(stage.acme.organization.pk):
        return rotation.rotate(key=issued.key, grace_seconds=grace_seconds, by=STAGE).secret


def status(gateway, secret):
    return gateway.ask(secret, "test/echo").status


def seconds_until_refused(gateway, secret):
    began = time.monotonic()
    wait_until(lambda: status(gateway, secret) == 401, what="a refusal")
    return time.monotonic() - began


def secrets_of_begins(gateway, issued):
    """Which secret each request with the key was sent with, as the journal tells ingest."""
    begins = [record for record in gateway.records() if isinstance(record, Begin)]
    return [begin.context.get("secret") for begin in begins if begin.api_key_id == issued.key.pk]


class TestARotatedKey:
    def test_is_opened_by_both_secrets_from_the_first_request_on(self, gateway, fresh, stage):
        assert status(gateway, fresh.secret) == 200

        secret = rotate(stage, fresh, grace_seconds=3600)

        assert [status(gateway, each) for each in (secret, fresh.secret, secret)] == [200, 200, 200]

    def test_is_closed_to_the_old_secret_when_the_grace_ends(self, gateway, start_gateway, fresh, stage):
        gateways = (gateway, start_gateway())
        assert {status(each, fresh.secret) for each in gateways} == {200}

        secret = rotate(stage, fresh, grace_seconds=2)
        ends_at = time.monotonic() + 2
        assert {status(each, fresh.secret) for each in gateways} == {200}

        for each in gateways:
            seconds_until_refused(each, fresh.secret)
            assert -0.1 < time.monotonic() - ends_at < 1
            assert status(each, secret) == 200

    def test_is_closed_to_the_old_secret_within_a_second_without_a_grace(self, gateway, fresh, stage):
        assert status(gateway, fresh.secret) == 200

        secret = rotate(stage, fresh, grace_seconds=0)

        assert seconds_until_refused(gateway, fresh.secret) < 1
        assert status(gateway, secret) == 200

    def test_is_closed_to_the_old_secret_within_a_second_of_its_early_end(self, gateway, fresh, stage):
        secret = rotate(stage, fresh, grace_seconds=3600)
        assert status(gateway, fresh.secret) == 200

        with tenant(stage.acme.organization.pk):
            rotation.end_former(key=fresh.key, digest=fresh.key.hash, by=STAGE)

        assert seconds_until_refused(gateway, fresh.secret) < 1
        assert status(gateway, secret) == 200

    def test_is_disabled_with_both_its_secrets(self, gateway, fresh, stage):
        secret = rotate(stage, fresh, grace_seconds=3600)
        assert {status(gateway, each) for each in (secret, fresh.secret)} == {200}

        with tenant(stage.acme.organization.pk):
            api_keys.change(key=fresh.key, is_disabled=True, by=STAGE)

        for each in (secret, fresh.secret):
            assert seconds_until_refused(gateway, each) < 1


class TestTheJournal:
    def test_tells_which_secret_was_sent_once_there_are_two(self, start_gateway, fresh, stage):
        gateway = start_gateway()
        assert status(gateway, fresh.secret) == 200
        secret = rotate(stage, fresh, grace_seconds=3600)
        assert status(gateway, secret) == 200
        wait_until(
            lambda: status(gateway, fresh.secret) == 200 and 1 in secrets_of_begins(gateway, fresh),
            what="the old secret by its number",
        )

        told = secrets_of_begins(gateway, fresh)

        assert told[:2] == [None, 2]
        assert set(told[2:]) <= {None, 1}
