"""Private endpoints in the Django admin: an organization's administrators lead their own through its life."""

from __future__ import annotations

import pytest

from config.lib.crypto import sealing_ring
from config.lib.environment import environment
from config.lib.scoping import tenant
from routing import private_endpoints as private
from routing.models import PrivateEndpoint, PrivatePrice
from tests.admin_pages import errors_of, page, text_of
from tests.cast import STAGE
from tests.routing.own_upstream import own_upstream

pytestmark = pytest.mark.django_db

SECRET = "sk-own-0123456789"
NEW = {
    "provider": "ollama",
    "model_slug": "acme/llama",
    "model_name": "Llama",
    "upstream_model": "llama3",
    "base_url": "https://llm.acme.example/v1",
    "authentication": "own",
    "secret": SECRET,
    "supported_parameters": "tools\ntemperature",
}


@pytest.fixture
def upstream(monkeypatch):
    """Acme's own server, where the operator lets users connect to."""
    monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.0/8")
    environment.cache_clear()
    with own_upstream() as played:
        yield played
    monkeypatch.undo()
    environment.cache_clear()


def add(client, acme, **fields):
    """Post the form for a new draft."""
    values = NEW | {"organization": acme.organization.pk}
    return client.post(page(PrivateEndpoint, "add"), values | fields)


def only_one(acme):
    """The organization's only endpoint."""
    with tenant(acme.organization.pk):
        return PrivateEndpoint.objects.live().get()


def act(client, action, row):
    """Run an action of the list on a row."""
    return client.post(
        page(PrivateEndpoint, "changelist"), {"action": action, "_selected_action": [row.pk]}, follow=True
    )


class TestAnAdministrator:
    def test_drafts_one(self, doors, acme):
        add(doors["alice"], acme)

        row = only_one(acme)
        assert (row.status, row.wire_format, row.created_by) == ("draft", "openai", acme.alice.user)
        assert row.supported_parameters == ["tools", "temperature"]
        assert sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode() == SECRET

    def test_is_told_what_does_not_go_together(self, doors, acme):
        answer = add(doors["alice"], acme, base_url="https://127.0.0.1/v1")

        assert "not allowed" in str(errors_of(answer))

    def test_leads_one_through_its_life(self, doors, acme, upstream):
        alice = doors["alice"]
        add(alice, acme, base_url=f"{upstream.url}/v1")
        row = only_one(acme)
        alice.post(
            page(PrivatePrice, "add"), {"endpoint": row.pk, "prompt": "0.000001", "completion": "0.000002"}
        )

        statuses = []
        for action in ("try_out", "activate", "disable", "enable"):
            act(alice, action, row)
            statuses.append(only_one(acme).status)

        assert statuses == ["draft", "active", "disabled", "active"]
        assert upstream.requests[0][1]["authorization"] == f"Bearer {SECRET}"

    def test_is_told_what_a_validation_found(self, doors, acme, upstream):
        add(doors["alice"], acme, base_url=f"{upstream.url}/v1")
        upstream.status = 401

        answer = act(doors["alice"], "try_out", only_one(acme))

        assert "response: upstream_error" in text_of(answer)

    def test_is_refused_a_step_out_of_turn(self, doors, acme):
        add(doors["alice"], acme)

        answer = act(doors["alice"], "activate", only_one(acme))

        assert "not validated" in text_of(answer)
        assert only_one(acme).status == "draft"

    def test_reads_no_secret(self, doors, acme):
        add(doors["alice"], acme)
        row = only_one(acme)

        answer = doors["alice"].get(page(PrivateEndpoint, "change", row.pk))

        assert SECRET not in answer.content.decode()
        assert row.sealed_secret not in answer.content.decode()

    def test_deletes_one(self, doors, acme):
        add(doors["alice"], acme)
        row = only_one(acme)

        doors["alice"].post(page(PrivateEndpoint, "delete", row.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert not PrivateEndpoint.objects.live().exists()


class TestAStranger:
    def test_changes_nothing(self, doors, acme):
        with tenant(acme.organization.pk):
            row = private.create(
                organization=acme.organization,
                provider="ollama",
                model="acme/llama",
                model_name="Llama",
                upstream_model="llama3",
                base_url="https://llm.acme.example/v1",
                by=STAGE,
            )

        for name in ("mallory", "bob"):
            doors[name].post(page(PrivateEndpoint, "change", row.pk), {"upstream_model": "theirs"})
            act(doors[name], "disable", row)

        assert only_one(acme).upstream_model == "llama3"
