"""Bringing a destination back to what a revision says, and sealing its secrets anew."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Revision
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import snapshot
from config.lib.crypto import KeyRing, sealing_ring
from config.lib.scoping import tenant
from config.lib.sealed_columns import discard, seal_anew, sealed_columns
from observability import destination_settings
from observability.destination_config import shown_config, whole_config
from observability.destination_restoring import restore_destination
from observability.models import Destination
from tests.cast import STAGE, Acme
from tests.observability.destination_kinds import NEW, a_destination, use_mailbox
from workspaces import api_keys

pytestmark = pytest.mark.django_db

RULES = {"groups": [{"rules": [{"field": "user_id", "operator": "exists"}]}]}


@pytest.fixture(autouse=True)
def scope(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Within acme, where there are mailboxes."""
    use_mailbox(monkeypatch)
    with tenant(acme.organization.pk):
        yield


def recorded(row: Destination, state: dict[str, Any] | None) -> Recorded:
    return Recorded(organization_id=row.organization_id, object_id=str(row.pk), state=state)


def current(row: Destination) -> Destination:
    found: Destination = Destination.objects.get(pk=row.pk)
    return found


class TestRestoring:
    def test_brings_back_what_was_set_and_keeps_the_present_secret(self, acme: Acme):
        row = a_destination(
            acme.production,
            api_key_hashes=[acme.bob_key.key.hash],
            filter_rules=RULES,
            sampling_rate=0.5,
            metadata_groups={"cost": True},
            is_everywhere=True,
        )
        state = snapshot(row)
        destination_settings.change(
            destination=row,
            by=STAGE,
            name="Other",
            api_key_hashes=None,
            filter_rules=None,
            sampling_rate=1,
            metadata_groups={"cost": False, "identity": True},
            is_everywhere=False,
            config={"apiKey": "sk-the-present-one-1234", "folder": "archive"},
        )

        restore_destination(recorded(row, state), STAGE)

        after = snapshot(current(row))
        assert after | {"updated_at": None} == state | {"updated_at": None}
        assert whole_config(current(row))["apiKey"] == "sk-the-present-one-1234"
        assert Destination.objects.live().filter(source=row).count() == 2

    def test_leaves_keys_that_are_gone_out(self, acme: Acme):
        row = a_destination(acme.production, api_key_hashes=[acme.bob_key.key.hash])
        state = snapshot(row)
        destination_settings.change(destination=row, by=STAGE, api_key_hashes=None)
        api_keys.delete(key=acme.bob_key.key, by=STAGE)

        restore_destination(recorded(row, state), STAGE)

        assert current(row).api_key_ids == []

    def test_deletes_one_that_was_not_there(self, acme: Acme):
        row = a_destination(acme.production)

        restore_destination(recorded(row, None), STAGE)

        assert current(row).deleted_at is not None

    def test_cannot_bring_back_what_was_deleted_or_led_elsewhere(self, acme: Acme):
        deleted, moved = a_destination(acme.production), a_destination(acme.production)
        states = [snapshot(row) for row in (deleted, moved)]
        destination_settings.delete(destination=deleted, by=STAGE)
        elsewhere = {"endpoint": "https://192.0.2.9/", "apiKey": "sk-the-present-one-1234"}
        destination_settings.change(destination=moved, by=STAGE, config=elsewhere)

        with pytest.raises(CannotRestore, match="deleted"):
            restore_destination(recorded(deleted, states[0]), STAGE)
        with pytest.raises(CannotRestore, match=r"config\.apiKey"):
            restore_destination(recorded(moved, states[1]), STAGE)

    def test_cannot_change_a_copy(self, acme: Acme):
        source = a_destination(acme.production, is_everywhere=True)
        copy = Destination.objects.filter(source=source).earliest("pk")

        with pytest.raises(CannotRestore, match="follows"):
            restore_destination(recorded(copy, snapshot(copy) | {"name": "Mine"}), STAGE)


class TestSealingAnew:
    def test_keeps_the_secrets_and_is_recorded(self, acme: Acme):
        row = a_destination(acme.production)
        ring = sealing_ring()
        newer = KeyRing("newer", {"newer": bytes(32), **ring.keys})
        (column,) = [each for each in sealed_columns() if each.model is Destination]

        done = seal_anew(column, newer, reason="rotation")

        sealed = current(row).sealed_secrets
        assert (done.done, sealed.startswith("newer.")) == (1, True)
        assert newer.open(sealed, identity=row.secret_identity)
        assert Revision.objects.filter(object_type="destination").latest("pk").reason == "rotation"

    def test_that_is_too_late_leaves_a_destination_that_needs_its_secrets_again(self, acme: Acme):
        row = a_destination(acme.production)
        (column,) = [each for each in sealed_columns() if each.model is Destination]

        discard(column, sealing_ring().current, reason="lost")

        assert "apiKey" not in shown_config(current(row))
        destination_settings.change(destination=row, by=STAGE, config={"apiKey": "sk-given-once-more-1"})
        assert whole_config(current(row)) == NEW["config"] | {
            "apiKey": "sk-given-once-more-1",
            "folder": "inbox",
        }


class TestASealOfAnotherRow:
    def test_does_not_open(self, acme: Acme):
        row, other = a_destination(acme.production), a_destination(acme.production)
        row.sealed_secrets = other.sealed_secrets

        assert "apiKey" not in shown_config(row)
