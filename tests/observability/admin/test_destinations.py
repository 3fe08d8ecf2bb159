"""Destinations in the Django admin: an organization's administrators manage their own, and read no secret."""

from __future__ import annotations

import json

import pytest

from config.lib.scoping import tenant
from observability import destination_settings as settings
from observability.destination_config import whole_config
from observability.models import Destination
from tests.admin_pages import errors_of, page, text_of
from tests.cast import STAGE
from tests.observability.destination_kinds import NEW, a_destination, use_mailbox

pytestmark = pytest.mark.django_db

SENTINEL = "NeverToBeSeenAgain"
NOT_A_CHOICE = "not one of the available choices"


@pytest.fixture(autouse=True)
def mailbox(monkeypatch):
    """There are mailboxes."""
    use_mailbox(monkeypatch)


@pytest.fixture
def destination(acme):
    """One of production's."""
    with tenant(acme.organization.pk):
        row = a_destination(acme.production, api_key_hashes=[acme.bob_key.key.hash])
        return settings.change(destination=row, config={"password": SENTINEL}, by=STAGE)


def typed(acme, **fields):
    """What somebody types into the form."""
    return {
        "workspace": acme.production.pk,
        "type": NEW["type"],
        "name": "Ours",
        "configuration": json.dumps(NEW["config"]),
        "is_enabled": "on",
        "sampling_rate": "0.5",
        "regions": ["global", "us"],
        "filter_rules": "",
        "metadata_groups": ["cost"],
        **fields,
    }


def only_one(acme):
    """The organization's only destination."""
    with tenant(acme.organization.pk):
        return Destination.objects.live().get()


class TestAnAdministrator:
    def test_adds_one(self, doors, acme):
        doors["alice"].post(page(Destination, "add"), typed(acme))

        row = only_one(acme)
        assert (row.workspace_id, row.sampling_rate, row.regions, row.metadata_groups, row.created_by) == (
            acme.production.pk,
            0.5,
            ["global", "us"],
            ["cost"],
            acme.alice.user,
        )
        assert whole_config(row) == NEW["config"] | {"folder": "inbox"}

    def test_changes_one_without_knowing_its_secrets(self, doors, acme, destination):
        address = page(Destination, "change", destination.pk)
        shown = doors["alice"].get(address).context["adminform"].form["configuration"].value()
        config = json.loads(shown) | {"folder": "archive"}
        del config["password"]

        doors["alice"].post(address, typed(acme, name="Other", configuration=json.dumps(config)))

        row = only_one(acme)
        assert (row.name, row.api_key_ids) == ("Other", [acme.bob_key.key.pk])
        assert whole_config(row)["apiKey"] == NEW["config"]["apiKey"]
        assert whole_config(row)["folder"] == "archive"
        assert "password" not in whole_config(row)

    def test_deletes_one(self, doors, acme, destination):
        doors["alice"].post(page(Destination, "delete", destination.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert Destination.objects.get(pk=destination.pk).sealed_secrets == ""

    def test_detaches_a_copy(self, doors, acme, destination):
        with tenant(acme.organization.pk):
            source = a_destination(acme.research, is_everywhere=True)
            copy = Destination.objects.get(source=source, workspace=acme.production)
        listed = page(Destination, "changelist")

        doors["alice"].post(listed, {"action": "detach", "_selected_action": [copy.pk]})

        with tenant(acme.organization.pk):
            assert Destination.objects.get(pk=copy.pk).source is None

    def test_is_told_that_a_copy_follows_another(self, doors, acme):
        with tenant(acme.organization.pk):
            source = a_destination(acme.research, is_everywhere=True)
            copy = Destination.objects.get(source=source, workspace=acme.production)

        answer = doors["alice"].post(page(Destination, "change", copy.pk), typed(acme, name="Mine"))

        assert str(source.public_id) in str(errors_of(answer))

    def test_is_told_how_a_trial_went(self, doors, destination):
        listed = page(Destination, "changelist")

        answer = doors["alice"].post(
            listed, {"action": "try_out", "_selected_action": [destination.pk]}, follow=True
        )

        assert "not allowed" in text_of(answer)

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"configuration": "{}"}, "__all__"),
            ({"configuration": "{"}, "configuration"),
            ({"configuration": "[]"}, "__all__"),
            ({"type": "nobody"}, "type"),
            ({"regions": []}, "regions"),
            ({"sampling_rate": "2"}, "__all__"),
            ({"filter_rules": '{"groups": 1}'}, "__all__"),
            ({"name": ""}, "name"),
        ],
    )
    def test_is_told_what_is_wrong(self, doors, acme, fields, field):
        answer = doors["alice"].post(page(Destination, "add"), typed(acme, **fields))

        assert field in errors_of(answer)

    def test_reads_a_secret_on_no_page(self, doors, destination):
        pages = [
            page(Destination, "changelist"),
            page(Destination, "change", destination.pk),
            page(Destination, "delete", destination.pk),
            page(Destination, "history", destination.pk),
        ]

        texts = [text_of(doors[who].get(address)) for address in pages for who in ("alice", "staff")]

        assert [text for text in texts if SENTINEL in text or destination.sealed_secrets in text] == []


class TestMallory:
    def test_cannot_put_one_into_a_foreign_workspace(self, doors, acme):
        answer = doors["mallory"].post(page(Destination, "add"), typed(acme))

        assert NOT_A_CHOICE in str(errors_of(answer)["workspace"])

    def test_reads_nothing_of_acme(self, doors, destination):
        assert "Ours" not in text_of(doors["mallory"].get(page(Destination, "changelist")))
        assert doors["mallory"].get(page(Destination, "change", destination.pk)).status_code == 404
