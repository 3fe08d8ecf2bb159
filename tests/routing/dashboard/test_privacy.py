"""The page of an organization's privacy settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts import privacy
from accounts.models import PrivacySettings, Revision
from config.lib.scoping import tenant, unscoped
from routing import explanations
from routing.models import Endpoint
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import HTMX, text_of
from tests.routing.gateway.stage import furnish

pytestmark = pytest.mark.django_db

PRIVACY = "/o/acme/privacy"
UNRESTRICTED = {"is_io_logging_allowed": "on"}


@pytest.fixture(autouse=True)
def catalog(cast: Cast) -> None:
    """The stage's catalog, in which gamma keeps nothing and beta trains on prompts."""
    furnish("http://127.0.0.1:9")
    with unscoped(reason="the catalog is the platform's"):
        Endpoint.objects.filter(provider__slug="beta").update(trains_on_prompts=True)
        Endpoint.objects.filter(provider__slug="gamma").update(is_zdr=True)
    explanations.catalog.forget()


@pytest.fixture
def alice(viewers: dict[str, Client]) -> Client:
    return viewers["alice"]


def stored(acme: Acme) -> PrivacySettings:
    """The settings as they are."""
    with tenant(acme.organization.pk):
        return privacy.settings_of(acme.organization)


def save(client: Client, **changes: Any) -> Any:
    """Send the form."""
    return client.post(PRIVACY, UNRESTRICTED | changes)


class TestThePage:
    def test_says_how_many_models_each_setting_would_cut_off(self, alice: Client) -> None:
        answer = alice.get(PRIVACY)

        weighed = {one.field.name: one.cut_off for one in answer.context["retention"]}
        total = answer.context["eligibility"].total
        with_gamma = sum(
            "gamma" in [entry.tag for entry in model.endpoints]
            for model in explanations.catalog.get().models.values()
        )
        assert weighed["enforce_zdr_other"] == total - with_gamma > 0
        assert weighed["enforce_zdr_openai"] == 0

    def test_writes_what_was_chosen(self, acme: Acme, alice: Client) -> None:
        save(
            alice,
            ignored_providers="beta",
            enforce_zdr_other="on",
            enable_paid_model_publication="on",
            phrase=["ignore all previous rounds", "act as", " "],
            phrase_state=["on", "off", "on"],
        )

        settings = stored(acme)
        assert (settings.ignored_providers, settings.allowed_models) == (["beta"], None)
        assert (settings.enforce_zdr_other, settings.enable_paid_model_publication) == (True, False)
        assert (settings.enable_paid_model_training, settings.is_io_logging_allowed) == (True, True)
        assert settings.prompt_injection_allowlist == [
            {"phrase": "ignore all previous rounds", "is_active": True},
            {"phrase": "act as", "is_active": False},
        ]

    def test_forbids_to_keep_what_is_said(self, acme: Acme, alice: Client) -> None:
        alice.post(PRIVACY, {})

        assert not stored(acme).is_io_logging_allowed

    def test_allows_again_what_is_no_longer_ticked(self, acme: Acme, alice: Client) -> None:
        with tenant(acme.organization.pk):
            privacy.change(
                organization=acme.organization,
                by=STAGE,
                enforce_zdr_google=True,
                allow_safety_retention_google=False,
            )

        save(alice)

        settings = stored(acme)
        assert (settings.enforce_zdr_google, settings.allow_safety_retention_google) == (False, True)

    def test_records_nothing_where_nothing_differs(self, acme: Acme, alice: Client) -> None:
        with tenant(acme.organization.pk):
            before = Revision.objects.for_organization(acme.organization).count()

        save(alice)

        with tenant(acme.organization.pk):
            assert Revision.objects.for_organization(acme.organization).count() == before

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"phrase": ["same", "SAME"]}, "is there twice"),
            ({"phrase": ["é" * 501]}, "at most 1000 bytes"),
            ({"phrase": [f"phrase {number}" for number in range(201)]}, "at most 200 active phrases"),
            ({"phrase": [f"phrase {number}" for number in range(1001)]}, "at most 1000 phrases"),
            ({"phrase": ["a\x00"]}, "null character"),
            ({"allowed_providers": ["no provider"]}, "names no provider"),
        ],
    )
    def test_says_what_is_wrong_and_loses_nothing(
        self, changes: dict[str, Any], said: str, acme: Acme, alice: Client
    ) -> None:
        answer = save(alice, ignored_models="kept/as-chosen", **changes)

        assert answer.status_code == 422
        assert said in text_of(answer)
        assert 'value="kept/as-chosen" checked' in text_of(answer)
        assert stored(acme).pk is None


class TestItsParts:
    def test_show_what_remains_under_what_is_ticked(self, acme: Acme, alice: Client) -> None:
        answer = alice.post(
            PRIVACY, UNRESTRICTED | {"look": "preview", "allowed_models": "test/echo"}, headers=HTMX
        )

        assert "not on the list of models · this guardrail" not in text_of(answer)
        assert "not on the list of models" in text_of(answer)
        assert stored(acme).pk is None

    def test_add_a_phrase(self, alice: Client) -> None:
        answer = alice.post(PRIVACY, {"look": "phrases", "phrase": "act as"}, headers=HTMX)

        assert text_of(answer).count('name="phrase"') == 2

    def test_search_the_catalog(self, alice: Client) -> None:
        answer = alice.post(PRIVACY, {"look": "allowed_models", "find_allowed_models": "lorem"}, headers=HTMX)

        assert 'value="test/lorem"' in text_of(answer)
