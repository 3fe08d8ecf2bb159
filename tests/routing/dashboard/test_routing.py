"""The page of how a workspace's requests are routed when they do not say."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from config.lib.scoping import tenant
from routing import plugin_settings, private_endpoints, routing_defaults
from routing.models import RoutingDefaults
from routing.private_pricing import Rates
from tests.cast import STAGE, Acme
from tests.dashboard_pages import HTMX, text_of

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/w/default/routing"
ON = {"is_auto_exacto_enabled": "on", "is_stickiness_enabled": "on"}


def save(client: Client, **data: Any) -> HttpResponseBase:
    """Send the form."""
    return client.post(PAGE, ON | data)


def defaults(acme: Acme) -> RoutingDefaults:
    """What the Default workspace says, read anew."""
    with tenant(acme.organization.pk):
        acme.default.refresh_from_db()
        return routing_defaults.defaults_of(acme.default)


class TestSaving:
    def test_keeps_everything_that_a_request_could_say(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = save(
            viewers["alice"],
            sort="price",
            default_text_model="openrouter/auto",
            default_image_model="a/pictures",
            order="openai\nazure\n",
            ignore="groq",
            allow_fallbacks="false",
            data_collection="deny",
            zdr="true",
            quantizations=["fp8", "bf16"],
            max_price__prompt="2.5",
            max_price__image="0",
            preferred_min_throughput="p50 80, p90 20",
            preferred_max_latency="1.5",
        )

        row = defaults(acme)
        assert answer.status_code == 302
        assert (row.workspace.default_provider_sort, row.workspace.default_text_model) == (
            "price",
            "openrouter/auto",
        )
        assert (row.order, row.only, row.ignore) == (["openai", "azure"], None, ["groq"])
        assert (row.allow_fallbacks, row.zdr, row.data_collection) == (False, True, "deny")
        assert (row.quantizations, row.max_price) == (["fp8", "bf16"], {"prompt": 2.5, "image": 0.0})
        assert row.preferred_min_throughput == {"p50": 80.0, "p90": 20.0}
        assert row.preferred_max_latency == 1.5

    def test_shows_again_what_is_kept_and_changes_nothing_when_it_is_sent_back(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        save(
            viewers["alice"], order="openai", preferred_min_throughput="p50 80, p90 20", max_price__prompt="2"
        )

        page = text_of(viewers["alice"].get(PAGE))

        assert 'value="p50 80, p90 20"' in page
        assert 'value="2.0"' in page or 'value="2"' in page

    def test_clears_what_is_emptied(self, acme: Acme, viewers: dict[str, Client]) -> None:
        save(viewers["alice"], order="openai", sort="price", zdr="true")

        save(viewers["alice"])

        row = defaults(acme)
        assert (row.order, row.workspace.default_provider_sort, row.zdr) == (None, None, None)

    def test_switches_what_is_on_by_itself_off(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(PAGE, {})

        row = defaults(acme)
        assert (row.is_auto_exacto_enabled, row.is_stickiness_enabled) == (False, False)

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"preferred_max_latency": "soon"}, "One number, or numbers by percentile"),
            ({"preferred_max_latency": "p42 1"}, "One number, or numbers by percentile"),
            ({"max_price__prompt": "-1"}, "Must be a number that is not negative."),
            ({"quantizations": ["fp1"]}, "not one of the available choices"),
            ({"sort": "luck"}, "not one of the available choices"),
            ({"order": "x" * 201}, "Must be a list of strings of 1 to 200 characters."),
        ],
    )
    def test_says_at_the_field_what_is_wrong_and_saves_nothing(
        self, given: dict[str, Any], said: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = save(viewers["alice"], **{"default_text_model": "a/typed"} | given)

        assert answer.status_code == 422
        assert said in text_of(answer)
        assert 'value="a/typed"' in text_of(answer)
        assert defaults(acme).workspace.default_text_model is None


class TestTheAutomaticRouter:
    def test_is_told_what_it_may_choose_and_turned_on(self, acme: Acme, viewers: dict[str, Client]) -> None:
        save(viewers["alice"], allowed_models="anthropic/*\nopenai/*", excluded_models="openai/gpt-4*")

        with tenant(acme.organization.pk):
            setting = plugin_settings.setting_of(acme.default, "auto-router")
        assert setting.is_enabled
        assert setting.config == {
            "allowed_models": ["anthropic/*", "openai/*"],
            "excluded_models": ["openai/gpt-4*"],
        }

    def test_keeps_what_the_page_of_plugins_said(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            plugin_settings.change(
                workspace=acme.default, plugin="auto-router", config={"cost_tier": "low"}, by=STAGE
            )

        save(viewers["alice"], allowed_models="anthropic/*")

        with tenant(acme.organization.pk):
            setting = plugin_settings.setting_of(acme.default, "auto-router")
        assert setting.config == {"cost_tier": "low", "allowed_models": ["anthropic/*"]}

    def test_is_left_alone_where_nothing_was_said(self, acme: Acme, viewers: dict[str, Client]) -> None:
        save(viewers["alice"], sort="price")

        with tenant(acme.organization.pk):
            assert plugin_settings.setting_of(acme.default, "auto-router").pk is None

    def test_saves_nothing_else_when_it_refuses(self, acme: Acme, viewers: dict[str, Client]) -> None:
        patterns = "\n".join(f"*/{number}*x" for number in range(65))

        answer = save(viewers["alice"], sort="price", allowed_models=patterns)

        assert answer.status_code == 422
        assert "patterns with * before their end" in text_of(answer)
        assert defaults(acme).workspace.default_provider_sort is None


class TestThePreview:
    def test_tells_where_a_request_would_go(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            draft = private_endpoints.create(
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
            validated = private_endpoints.note_validated(endpoint=draft, by=STAGE)
            private_endpoints.activate(endpoint=validated, by=STAGE)

        page = text_of(viewers["alice"].get(f"{PAGE}/preview?model=acme/llama", headers=HTMX))

        assert "Ollama" in page
        assert "private" in page

    def test_tells_why_it_would_be_refused(self, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(f"{PAGE}/preview?model=acme/unheard-of", headers=HTMX))

        assert "Refused (400)" in page

    @pytest.mark.parametrize("model", ["%00", "%ED%A0%80", "x" * 5000, "@preset/none"])
    def test_takes_any_text_for_a_model(self, model: str, viewers: dict[str, Client]) -> None:
        assert viewers["alice"].get(f"{PAGE}/preview?model={model}").status_code == 200
