"""The pages of a workspace's provider keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision
from config.lib.crypto import sealing_ring
from config.lib.environment import environment
from config.lib.scoping import tenant
from routing import byok, private_endpoints
from routing.models import ByokCredential
from tests.cast import STAGE, Acme
from tests.dashboard_pages import HTMX, text_of
from tests.routing.byok_secrets import AWS, GOOGLE, PLAIN, SENTINEL
from tests.routing.own_upstream import SENTINEL as UNREADABLE
from tests.routing.own_upstream import OwnUpstream, own_upstream

pytestmark = pytest.mark.django_db

BYOK = "/o/acme/w/default/byok"
SETTINGS = {"models_are": "any", "keys_are": "any", "members_are": "any"}


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[OwnUpstream]]:
    """Acme's own server, where the operator lets users connect to."""
    monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.0/8")
    environment.cache_clear()
    with own_upstream() as played:
        yield played
    monkeypatch.undo()
    environment.cache_clear()


def new(acme: Acme, **settings: Any) -> ByokCredential:
    """A credential of acme's Default workspace."""
    given = {"workspace": acme.default, "provider": "openai", "secret": PLAIN, "by": STAGE}
    with tenant(acme.organization.pk):
        return byok.create(organization=acme.organization, **(given | settings))


def again(credential: ByokCredential) -> ByokCredential:
    """The credential as it is stored."""
    with tenant(credential.organization_id):
        found: ByokCredential = ByokCredential.objects.get(pk=credential.pk)
        return found


def newest(acme: Acme) -> ByokCredential:
    """The credential that was made last."""
    with tenant(acme.organization.pk):
        found: ByokCredential = ByokCredential.objects.latest("pk")
        return found


def opened(credential: ByokCredential) -> str:
    """Its secret."""
    row = again(credential)
    return sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode()


def order(acme: Acme, provider: str = "openai") -> list[tuple[str, bool]]:
    """The names of a provider's credentials as they are tried, and whether after shared capacity."""
    with tenant(acme.organization.pk):
        rows = ByokCredential.objects.live().filter(provider=provider).in_order()
        return [(row.name, row.is_fallback) for row in rows]


def send(client: Client, credential: ByokCredential, page: str = "", **data: Any) -> HttpResponseBase:
    """Post a form of one of its pages."""
    return client.post(f"{BYOK}/{credential.public_id}{page}", data)


class TestAddingAKey:
    def add(self, client: Client, provider: str, way: str = "", **data: str) -> HttpResponseBase:
        given = {"when": "before", "name": "", "place": "workspace"}
        return client.post(f"{BYOK}/new?provider={provider}&way={way}", given | data, headers=HTMX)

    def test_asks_first_whose_it_is(self, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(f"{BYOK}/new"))

        assert '<option value="azure">' in page

    def test_seals_it_and_never_shows_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = self.add(viewers["alice"], "openai", api_key=PLAIN, name="Batch")

        credential = newest(acme)
        assert answer["HX-Redirect"] == BYOK
        assert opened(credential) == PLAIN
        assert (credential.workspace_id, credential.is_fallback, credential.name) == (
            acme.default.pk,
            False,
            "Batch",
        )
        for path in (BYOK, f"{BYOK}/{credential.public_id}", f"{BYOK}/{credential.public_id}/rotate"):
            assert SENTINEL not in text_of(viewers["alice"].get(path))

    @pytest.mark.parametrize(
        ("provider", "way", "given", "kept"),
        [
            ("openai", "key", {"api_key": PLAIN, "region": "us"}, {"api_key": PLAIN, "region": "us"}),
            (
                "azure",
                "resource",
                {"api_key": PLAIN, "resource_name": "acme-ai", "resource_type": "ai_foundry"},
                {"api_key": PLAIN, "resource_name": "acme-ai", "resource_type": "ai_foundry"},
            ),
            (
                "azure",
                "deployment",
                {
                    "api_key": PLAIN,
                    "endpoint_url": "https://acme.openai.azure.com/x",
                    "model_id": "gpt",
                    "model_slug": "openai/gpt-5.2",
                },
                {
                    "api_key": PLAIN,
                    "endpoint_url": "https://acme.openai.azure.com/x",
                    "model_id": "gpt",
                    "model_slug": "openai/gpt-5.2",
                },
            ),
            ("amazon-bedrock", "aws", json.loads(AWS), json.loads(AWS)),
            (
                "google-vertex",
                "",
                {"key_file": GOOGLE, "region": "us-east4"},
                json.loads(GOOGLE) | {"region": "us-east4"},
            ),
        ],
    )
    def test_takes_what_the_provider_hands_out(
        self,
        provider: str,
        way: str,
        given: dict[str, str],
        kept: dict[str, str],
        acme: Acme,
        viewers: dict[str, Client],
    ) -> None:
        self.add(viewers["alice"], provider, way, **given)

        assert json.loads(opened(newest(acme))) == kept

    def test_says_at_the_field_what_is_wrong_and_loses_nothing_but_the_secret(
        self, viewers: dict[str, Client]
    ) -> None:
        answer = self.add(
            viewers["alice"], "azure", "resource", api_key=PLAIN, resource_name="acme.ai", name="Ours"
        )

        assert answer.status_code == 422
        page = text_of(answer)
        assert "Resource name must be the first part" in page
        assert 'value="acme.ai"' in page
        assert 'value="Ours"' in page
        assert SENTINEL not in page

    def test_makes_it_everybodys_for_an_administrator(self, acme: Acme, viewers: dict[str, Client]) -> None:
        self.add(viewers["alice"], "groq", api_key=PLAIN, place="everywhere", when="after")

        credential = newest(acme)
        assert (credential.workspace_id, credential.is_fallback) == (None, True)

    @pytest.mark.parametrize("provider", ["unheard-of", "open%00ai!", "simulator"])
    def test_knows_no_other_providers(self, provider: str, viewers: dict[str, Client]) -> None:
        assert viewers["alice"].get(f"{BYOK}/new?provider={provider}").status_code == 404


class TestTheOrder:
    @pytest.fixture
    def keys(self, acme: Acme) -> dict[str, ByokCredential]:
        """Three before our endpoints, one after them, and a global one."""
        made = {name: new(acme, name=name) for name in ("one", "two", "three")}
        made["last"] = new(acme, name="last", is_fallback=True)
        made["global"] = new(acme, name="global", workspace=None)
        return made

    @pytest.mark.parametrize(
        ("moved", "data", "expected"),
        [
            ("three", {"section": "before", "position": "0"}, ["three", "one", "two", "global", "*last"]),
            ("one", {"section": "before", "position": "1"}, ["two", "one", "three", "global", "*last"]),
            ("one", {"section": "after", "position": "1"}, ["two", "three", "global", "*last", "*one"]),
            ("two", {"section": "after", "position": "0"}, ["one", "three", "global", "*two", "*last"]),
            ("last", {"section": "before", "position": "1"}, ["one", "last", "two", "three", "global"]),
            ("two", {"to": "earlier"}, ["two", "one", "three", "global", "*last"]),
            ("two", {"to": "later"}, ["one", "three", "two", "global", "*last"]),
            ("one", {"to": "earlier"}, ["one", "two", "three", "global", "*last"]),
            ("two", {"to": "after"}, ["one", "three", "global", "*last", "*two"]),
            ("last", {"to": "before"}, ["one", "two", "three", "last", "global"]),
            ("global", {"section": "before", "position": "0"}, ["one", "two", "three", "global", "*last"]),
            ("one", {"section": "before", "position": "٣"}, ["two", "three", "one", "global", "*last"]),
        ],
    )
    def test_is_changed_by_a_drag_or_a_button(
        self,
        moved: str,
        data: dict[str, str],
        expected: list[str],
        keys: dict[str, ByokCredential],
        acme: Acme,
        viewers: dict[str, Client],
    ) -> None:
        answer = send(viewers["alice"], keys[moved], "/move", **data)

        assert answer.status_code == 302
        assert [f"{'*' if late else ''}{name}" for name, late in order(acme)] == expected

    def test_answers_a_drag_with_the_providers_card(
        self, keys: dict[str, ByokCredential], viewers: dict[str, Client]
    ) -> None:
        address = f"{BYOK}/{keys['two'].public_id}/move"
        answer = viewers["alice"].post(address, {"to": "earlier"}, headers=HTMX)

        page = text_of(answer)
        assert page.lstrip().startswith('<section class="surface')
        assert page.index("drag-" + str(keys["two"].public_id)) < page.index(
            "drag-" + str(keys["one"].public_id)
        )

    def test_is_recorded(
        self, keys: dict[str, ByokCredential], acme: Acme, viewers: dict[str, Client]
    ) -> None:
        send(viewers["alice"], keys["two"], "/move", to="earlier")

        with tenant(acme.organization.pk):
            found = Revision.objects.filter(door="dashboard").order_by("pk")
            assert {row.object_id for row in found} == {str(keys[name].pk) for name in ("one", "two")}

    def test_keeps_one_that_closes_our_endpoints_before_them(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        credential = new(acme, name="only", is_byok_only=True)

        page = viewers["alice"].post(f"{BYOK}/{credential.public_id}/move", {"to": "after"}, follow=True)

        assert "cannot be tried after them" in text_of(page)
        assert order(acme) == [("only", False)]


class TestSettings:
    def test_restrict_a_key_to_models_keys_and_members(self, acme: Acme, viewers: dict[str, Client]) -> None:
        credential = new(acme)
        given = {
            "name": "Batch",
            "is_required": "on",
            "declared_zdr": "true",
            "models_are": "these",
            "models": "openai/gpt-5.2\n\nopenai/gpt-4o\nopenai/gpt-4o",
            "keys_are": "these",
            "keys": [acme.alice_key.key.hash],
            "members_are": "these",
            "members": [acme.bob.user.public_id],
        }

        answer = send(viewers["alice"], credential, **given)

        row = again(credential)
        assert answer.status_code == 302
        assert (row.name, row.is_required, row.declared_zdr) == ("Batch", True, True)
        assert row.allowed_models == ["openai/gpt-5.2", "openai/gpt-4o"]
        assert (row.allowed_api_key_ids, row.allowed_member_ids) == ([acme.alice_key.key.pk], [acme.bob.pk])

    def test_lift_a_restriction(self, acme: Acme, viewers: dict[str, Client]) -> None:
        credential = new(acme, allowed_models=["a/b"], declared_zdr=True)

        send(viewers["alice"], credential, **SETTINGS)

        assert (again(credential).allowed_models, again(credential).declared_zdr) == (None, None)

    def test_keep_a_filter_that_admits_nobody_until_somebody_lifts_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        credential = new(acme, allowed_user_ids=[])

        send(viewers["alice"], credential, **SETTINGS | {"members_are": "these", "name": "still"})

        assert (again(credential).name, again(credential).allowed_member_ids) == ("still", [])
        assert "For nobody" in text_of(viewers["alice"].get(BYOK))

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"models_are": "these"}, "Name at least one."),
            ({"models_are": "these", "models": "gpt 5"}, "is no model’s slug"),
            ({"models_are": "these", "models": "\n".join(f"a/{n}" for n in range(101))}, "At most 100."),
            ({"keys_are": "these", "keys": ["f" * 64]}, "not one of the available choices"),
            ({"members_are": "these", "members": ["user_999999"]}, "not one of the available choices"),
            ({"declared_region": "europe"}, "not one of the available choices"),
            ({"name": "x" * 256}, "at most 255"),
        ],
    )
    def test_say_what_is_wrong(
        self, given: dict[str, Any], said: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = send(viewers["alice"], new(acme), **SETTINGS | given)

        assert answer.status_code == 422
        assert said in text_of(answer)

    def test_refuse_to_close_our_endpoints_for_a_key_that_is_tried_after_them(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = send(viewers["alice"], new(acme, is_fallback=True), **SETTINGS | {"is_byok_only": "on"})

        assert answer.status_code == 422
        assert "A fallback credential cannot have it." in text_of(answer)


class TestTheLifeOfAKey:
    def test_stops_and_goes_on(self, acme: Acme, viewers: dict[str, Client]) -> None:
        credential = new(acme)

        send(viewers["alice"], credential, "/disable")
        was_disabled = again(credential).is_disabled
        send(viewers["alice"], credential, "/enable")

        assert (was_disabled, again(credential).is_disabled) == (True, False)

    def test_gets_another_secret_in_its_place(self, acme: Acme, viewers: dict[str, Client]) -> None:
        credential = new(acme, name="ours")

        send(viewers["alice"], credential, "/rotate", api_key="sk-another-0123456789")

        assert opened(credential) == "sk-another-0123456789"
        assert again(credential).name == "ours"

    def test_ends_with_its_name_typed_and_its_secret_wiped(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        credential = new(acme, name="ours")

        send(viewers["alice"], credential, "/delete", name="ours")

        assert (again(credential).sealed_secret, order(acme)) == ("", [])

    @pytest.mark.parametrize("page", ["", "/rotate", "/delete"])
    def test_is_shown_in_words_of_the_workspace(
        self, page: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].get(
            f"{BYOK}/{new(acme, name='a “key” & more').public_id}{page}", headers=HTMX
        )

        assert "a “key” & more" in text_of(answer)


class TestTryingAKeyOut:
    @pytest.fixture
    def credential(self, acme: Acme, upstream: type[OwnUpstream]) -> ByokCredential:
        """One that requests to an own upstream of acme's carry."""
        with tenant(acme.organization.pk):
            private_endpoints.create(
                organization=acme.organization,
                provider="ollama",
                model="acme/llama",
                model_name="Llama",
                upstream_model="llama3",
                base_url=f"{upstream.url}/v1",
                by=STAGE,
            )
        return new(acme, provider="ollama", name="ours")

    def try_out(self, client: Client, credential: ByokCredential) -> str:
        return text_of(client.post(f"{BYOK}/{credential.public_id}/test", follow=True))

    def test_sends_one_small_request_with_it(
        self, credential: ByokCredential, upstream: type[OwnUpstream], viewers: dict[str, Client]
    ) -> None:
        page = self.try_out(viewers["alice"], credential)

        [(path, headers, _)] = upstream.requests
        assert (path, headers["authorization"]) == ("/v1/chat/completions", f"Bearer {PLAIN}")
        assert "“ours” works: acme/llama answered." in page

    def test_tells_only_the_class_of_a_refusal(
        self, credential: ByokCredential, upstream: type[OwnUpstream], viewers: dict[str, Client]
    ) -> None:
        upstream.status = 401

        page = self.try_out(viewers["alice"], credential)

        assert "the answer was an error (4xx)" in page
        assert UNREADABLE not in page
        assert SENTINEL not in page

    def test_answers_htmx_with_a_message_alone(
        self, credential: ByokCredential, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(f"{BYOK}/{credential.public_id}/test", headers=HTMX)

        assert answer.status_code == 204
        assert "works" in json.loads(answer["HX-Trigger"])["toasts"]["toasts"][0]["text"]

    def test_says_so_where_there_is_nothing_to_ask(self, acme: Acme, viewers: dict[str, Client]) -> None:
        page = self.try_out(viewers["alice"], new(acme, provider="mancer"))

        assert "There is no model here yet" in page

    def test_keeps_to_the_models_that_the_key_is_for(
        self, credential: ByokCredential, upstream: type[OwnUpstream], viewers: dict[str, Client]
    ) -> None:
        send(viewers["alice"], credential, **SETTINGS | {"models_are": "these", "models": "a/other"})

        page = self.try_out(viewers["alice"], credential)

        assert "There is no model here yet" in page
        assert upstream.requests == []


class TestTheList:
    def test_teaches_when_it_is_empty(self, viewers: dict[str, Client]) -> None:
        assert "No provider keys yet" in text_of(viewers["alice"].get(BYOK))

    def test_says_what_keys_cost_and_what_is_free(self, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(BYOK))

        assert "5 % of the list price" in page
        assert "Used of this month’s free allowance" in page

    def test_shows_what_may_be_used_here_and_nothing_else(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        new(acme, name="elsewhere", workspace=acme.production)
        new(acme, name="here")
        new(acme, name="everywhere", workspace=None)

        page = text_of(viewers["alice"].get(BYOK))

        assert ("here" in page, ">everywhere<" in page, ">elsewhere<" in page) == (True, True, False)

    def test_asks_the_database_as_often_however_many_there_are(
        self, acme: Acme, viewers: dict[str, Client], django_assert_num_queries: Any
    ) -> None:

        new(acme)
        viewers["alice"].get(BYOK)
        with CaptureQueriesContext(connection) as few:
            viewers["alice"].get(BYOK)
        for number in range(30):
            new(acme, name=f"key {number}", provider="openai" if number % 2 else "groq")

        with django_assert_num_queries(len(few)):
            viewers["alice"].get(BYOK)
