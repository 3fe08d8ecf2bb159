"""The pages of an organization's own upstreams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from config.lib.environment import environment
from config.lib.scoping import tenant
from routing import private_endpoints as private
from routing.models import PrivateEndpoint
from routing.private_pricing import Rates
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of
from tests.routing.own_upstream import SENTINEL, OwnUpstream, own_upstream

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/private-endpoints"
SECRET = "sk-own-0123456789"
NEW = {
    "provider": "ollama",
    "model_slug": "acme/llama",
    "model_name": "Llama of acme",
    "upstream_model": "llama3",
    "base_url": "https://llm.acme.example/v1",
    "authentication": "own",
    "secret": SECRET,
    "supported_parameters": "tools\ntemperature",
    "declared_zdr": "true",
    "prompt": "0.1",
    "completion": "0.3",
}


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[OwnUpstream]]:
    """Acme's own server, where the operator lets users connect to."""
    monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.0/8")
    environment.cache_clear()
    with own_upstream() as played:
        yield played
    monkeypatch.undo()
    environment.cache_clear()


def create(client: Client, **changes: str) -> HttpResponseBase:
    """Send the form for a new endpoint."""
    return client.post(f"{PAGE}/new", NEW | changes)


def newest(acme: Acme) -> PrivateEndpoint:
    """The endpoint that was made last."""
    with tenant(acme.organization.pk):
        found: PrivateEndpoint = PrivateEndpoint.objects.latest("pk")
        return found


def price_of(acme: Acme, endpoint: PrivateEndpoint) -> Any:
    """Its price as revisions record it."""
    with tenant(acme.organization.pk):
        return private.state_of(endpoint)["pricing"]


def active(acme: Acme) -> PrivateEndpoint:
    """One that is routed to."""
    with tenant(acme.organization.pk):
        draft = private.create(
            organization=acme.organization,
            provider="ollama",
            model="acme/llama",
            model_name="Llama",
            upstream_model="llama3",
            base_url="https://llm.acme.example/v1",
            authentication="none",
            rates=Rates(10, 20),
            by=STAGE,
        )
        return private.activate(endpoint=private.note_validated(endpoint=draft, by=STAGE), by=STAGE)


class TestDrafting:
    def test_makes_a_draft_with_a_price_per_million_tokens(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = create(viewers["alice"])

        endpoint = newest(acme)
        assert answer["Location"] == f"{PAGE}/{endpoint.public_id}"
        assert (endpoint.status, endpoint.declared_zdr, endpoint.model_name) == (
            "draft",
            True,
            "Llama of acme",
        )
        assert endpoint.supported_parameters == ["tools", "temperature"]
        assert price_of(acme, endpoint) == {"prompt": "0.0000001", "completion": "0.0000003"}

    def test_never_shows_its_key(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"])

        page = f"{PAGE}/{newest(acme).public_id}"
        assert newest(acme).sealed_secret
        assert all(SECRET not in text_of(viewers["alice"].get(path)) for path in (PAGE, page, f"{page}/edit"))

    def test_takes_no_key_that_requests_shall_not_carry(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"], authentication="none")

        assert (newest(acme).authentication, newest(acme).sealed_secret) == ("none", "")

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"base_url": "http://127.0.0.1/v1"}, "Must be an https:// address"),
            ({"base_url": ""}, "Must be given for this provider."),
            ({"model_slug": "llama"}, "must be a model's slug."),
            ({"model_slug": "acme/unknown", "model_name": ""}, "There is no such model"),
            ({"provider": "unheard-of"}, "not one of the available choices"),
            ({"secret": "two words"}, "Must be the provider's API key"),
            ({"prompt": "", "completion": "1"}, "Set this price, too"),
            ({"prompt": "0.0000000001"}, "no more than 9 decimal places"),
            ({"supported_parameters": "Not One"}, "must be a parameter's name."),
            ({"upstream_model": ""}, "This field is required."),
        ],
    )
    def test_says_at_the_field_what_is_wrong(
        self, given: dict[str, str], said: str, viewers: dict[str, Client]
    ) -> None:
        answer = create(viewers["alice"], **given)

        page = text_of(answer)
        assert answer.status_code == 422
        assert said in page
        assert 'value="Llama of acme"' in page or "model_name" in given
        assert SECRET not in page


class TestTheLifeOfAnEndpoint:
    def test_leads_from_the_draft_over_a_live_call_to_requests(
        self, acme: Acme, upstream: type[OwnUpstream], viewers: dict[str, Client]
    ) -> None:
        alice = viewers["alice"]
        create(alice, base_url=f"{upstream.url}/v1")
        page = f"{PAGE}/{newest(acme).public_id}"

        found = text_of(alice.post(f"{page}/validate", {"workspace": "default"}))
        alice.post(f"{page}/activate")

        assert "Streamed answer" in found
        assert newest(acme).status == "active"
        assert upstream.requests[0][1]["authorization"] == f"Bearer {SECRET}"

    def test_says_what_a_live_call_found_wrong_and_nothing_of_what_was_said(
        self, acme: Acme, upstream: type[OwnUpstream], viewers: dict[str, Client]
    ) -> None:
        create(viewers["alice"], base_url=f"{upstream.url}/v1")
        upstream.status = 500

        page = f"{PAGE}/{newest(acme).public_id}"
        found = text_of(viewers["alice"].post(f"{page}/validate", {"workspace": "default"}))

        assert "The answer was an error (5xx)." in found
        assert SENTINEL not in found
        assert newest(acme).validated_at is None

    def test_is_not_activated_before_it_was_validated(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"])

        page = viewers["alice"].post(f"{PAGE}/{newest(acme).public_id}/activate", follow=True)

        assert "The draft was not validated" in text_of(page)
        assert newest(acme).status == "draft"

    def test_stops_and_goes_on(self, acme: Acme, viewers: dict[str, Client]) -> None:
        page = f"{PAGE}/{active(acme).public_id}"

        viewers["alice"].post(f"{page}/disable")
        stopped = newest(acme).status
        viewers["alice"].post(f"{page}/enable")

        assert (stopped, newest(acme).status) == ("disabled", "active")

    def test_gets_another_price_in_any_state(self, acme: Acme, viewers: dict[str, Client]) -> None:
        endpoint = active(acme)

        viewers["alice"].post(f"{PAGE}/{endpoint.public_id}/pricing", {"prompt": "0", "completion": "2.5"})

        assert price_of(acme, endpoint) == {"prompt": "0", "completion": "0.0000025"}

    def test_cannot_be_edited_once_it_is_active(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(f"{PAGE}/{active(acme).public_id}/edit", NEW | {"secret": ""})

        assert answer.status_code == 422
        assert "Only a draft can be changed" in text_of(answer)

    def test_ends_with_its_models_name_typed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{PAGE}/{active(acme).public_id}/delete", {"name": "acme/llama"})

        assert newest(acme).deleted_at is not None


class TestEditingADraft:
    def test_takes_back_what_was_declared_of_another_upstream(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        create(viewers["alice"])

        moved = NEW | {"base_url": "https://other.acme.example/v1", "secret": ""}
        viewers["alice"].post(f"{PAGE}/{newest(acme).public_id}/edit", moved)

        endpoint = newest(acme)
        assert (endpoint.base_url, endpoint.declared_zdr) == (moved["base_url"], None)
        assert endpoint.sealed_secret == ""

    def test_leaves_the_key_as_it_is_where_none_is_typed(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        create(viewers["alice"])

        changed = NEW | {"context_length": "4096", "secret": ""}
        viewers["alice"].post(f"{PAGE}/{newest(acme).public_id}/edit", changed)

        assert newest(acme).context_length == 4096
        assert newest(acme).sealed_secret


class TestTheList:
    def test_teaches_when_it_is_empty(self, viewers: dict[str, Client]) -> None:
        assert "No private endpoints yet" in text_of(viewers["alice"].get(PAGE))

    @pytest.mark.parametrize(
        ("query", "is_shown"),
        [
            ("", True),
            ("?q=LLAMA", True),
            ("?q=qwen", False),
            ("?status=draft", False),
            ("?status=active", True),
        ],
    )
    def test_is_narrowed_by_the_address(
        self, query: str, is_shown: bool, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        active(acme)

        assert ("acme/llama" in text_of(viewers["alice"].get(f"{PAGE}{query}"))) == is_shown
