"""Which credentials a key's policy has, in which order; and what this installation can reach only with such a one."""

from __future__ import annotations

import base64
import json
import logging
import pickle
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from config.lib.environment import environment
from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from routing import byok
from routing.call import NO_PREFERENCES
from routing.guardrails.rules import Layer, Rules, merge
from routing.models import ByokCredential, Endpoint, LanguageModel, PriceVersion, Provider
from routing.policies import load_catalog, load_policy
from routing.policy import Policy
from routing.providers import WIRE_FORMATS
from routing.selection.byok import reachable
from routing.selection.permitted import permitted
from routing.usable_credential import LeavesTheProcess
from tests.cast import STAGE, Acme, Globex
from tests.routing.byok_secrets import AWS, AZURE, PLAIN, REGIONAL, SENTINEL
from tests.routing.gateway.stage import note_change
from tests.routing.make import make_call, make_endpoint, make_provider
from tests.routing.test_decide_byok import CATALOG, own, policy_with
from workspaces.models import Purse

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def bring(acme: Any, provider: str = "openai", secret: str = PLAIN, **settings: Any) -> ByokCredential:
    with tenant(acme.organization.pk):
        return byok.create(
            organization=acme.organization,
            workspace=settings.pop("workspace", None),
            provider=provider,
            secret=secret,
            by=STAGE,
            **settings,
        )


def policy_of(issued: Any) -> Policy:
    found = load_policy(hash_of(issued.secret))
    assert found is not None
    return found


def ids(issued: Any, provider: str = "openai") -> list[int]:
    return [credential.id for credential in policy_of(issued).credentials.get(provider, ())]


class TestTheCredentialsOfAKey:
    def test_are_prioritized_before_fallback_and_own_before_global(self, acme: Acme):
        late = bring(acme, workspace=acme.production, is_fallback=True)
        shared = bring(acme)
        second = bring(acme, workspace=acme.production)
        first = bring(acme, workspace=acme.production, sort_order=0)
        with tenant(acme.organization.pk):
            byok.change(credential=first, sort_order=0, by=STAGE)
            byok.change(credential=second, sort_order=1, by=STAGE)

        assert ids(acme.production_key) == [first.pk, second.pk, shared.pk, late.pk]
        assert ids(acme.research_key) == [shared.pk]

    def test_are_those_whose_filters_admit_it(self, acme: Acme):
        for_key = bring(acme, allowed_api_key_hashes=[acme.bob_key.key.hash])
        for_bob = bring(acme, allowed_user_ids=[str(acme.bob.user.public_id)])
        bring(acme, allowed_user_ids=[])
        bring(acme, is_disabled=True)

        assert ids(acme.bob_key) == [for_key.pk, for_bob.pk]
        assert ids(acme.production_key) == ids(acme.carol_key) == []

    def test_are_never_another_organizations(self, acme: Acme, globex: Globex):
        bring(globex)

        assert policy_of(acme.default_key).credentials == {}
        assert len(ids(globex.default_key)) == 1

    def test_are_gone_once_deleted(self, acme: Acme):
        credential = bring(acme)
        with tenant(acme.organization.pk):
            byok.delete(credential=credential, by=STAGE)

        assert ids(acme.default_key) == []

    def test_carry_what_was_declared_and_what_they_are_for(self, acme: Acme):
        bring(acme, "fireworks", REGIONAL, declared_zdr=True, allowed_models=["acme/wise"])

        [credential] = policy_of(acme.default_key).credentials["fireworks"]

        assert (credential.secret, credential.declared_region, credential.declared_zdr) == (PLAIN, "us", True)
        assert credential.is_for("acme/wise")
        assert credential.is_for("acme/wise:free")
        assert not credential.is_for("acme/other")

    def test_of_azure_are_for_their_deployments_unless_a_resource_serves_more(self, acme: Acme):
        deployment = json.loads(AZURE)[1]
        bring(acme, "azure", json.dumps([deployment]))
        bring(acme, "azure", AZURE)

        some, every = policy_of(acme.default_key).credentials["azure"]

        assert [some.is_for("openai/gpt-5.2"), some.is_for("openai/other")] == [True, False]
        assert every.is_for("openai/other")

    def test_that_cannot_be_opened_are_logged_and_not_used(
        self, acme: Acme, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        plain, _ = bring(acme), bring(acme, "groq", is_required=True)
        monkeypatch.setenv("HEADGATE_SEALING_KEYS", f"another:{base64.b64encode(bytes(32)).decode()}")
        environment.cache_clear()

        policy = policy_of(acme.default_key)
        monkeypatch.undo()
        environment.cache_clear()

        assert "openai" not in policy.credentials
        [closing] = policy.credentials["groq"]
        assert not closing.is_for("acme/wise")
        assert closing.closes("acme/wise")
        assert str(plain.public_id) in caplog.text
        assert SENTINEL not in caplog.text

    def test_are_never_shown_and_never_leave_the_process(self, acme: Acme, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)
        for provider, secret in (("openai", PLAIN), ("azure", AZURE), ("amazon-bedrock", AWS)):
            bring(acme, provider, secret)

        policy = policy_of(acme.default_key)

        assert len(policy.credentials) == 3
        assert SENTINEL not in repr(policy) + str(policy) + caplog.text
        with pytest.raises(LeavesTheProcess) as caught:
            pickle.dumps(policy)
        assert SENTINEL not in str(caught.value)


class TestTheAllowance:
    def test_is_counted_from_the_first_credential_on(self, acme: Acme):
        assert policy_of(acme.default_key).byok_allowance is None

        bring(acme)

        policy = policy_of(acme.default_key)
        assert policy.byok_allowance is not None
        purse = Purse.objects.using("owner").for_organization(acme.organization.pk).get(interval="m")
        assert (purse.pk, purse.is_strict) == (policy.byok_allowance.purse_id, True)
        assert purse.limit_on_byok_nano == environment().byok_fee.free_monthly_nano
        assert policy.byok_allowance.purse_id not in {limit.purse_id for limit in policy.purses}
        assert policy.byok_fee == environment().byok_fee


def add(slug: str, provider: Provider, tag: str = "") -> Endpoint:
    model, _ = LanguageModel.objects.get_or_create(slug=slug, defaults={"name": slug, "author": "acme"})
    endpoint = Endpoint.objects.create(
        model=model,
        provider=provider,
        tag=tag or provider.slug,
        upstream_model="wise",
        supported_parameters=[],
    )
    PriceVersion.objects.create(endpoint=endpoint, prompt_femto=1, completion_femto=1)
    return endpoint


@pytest.fixture
def catalog(acme: Acme) -> None:
    """`open` needs no credential, `groq` one that nobody set, `azure` an address as well."""
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        own_provider = Provider.objects.create(slug="open", name="Open", base_url="http://127.0.0.1:9/v1")
        groq = Provider.objects.create(
            slug="groq", name="Groq", base_url="https://groq.test/v1", credential_variable="NOBODY_SET_THIS"
        )
        azure = Provider.objects.create(slug="azure", name="Azure", wire_format="azure")
        add("acme/wise", own_provider)
        add("acme/wise", groq)
        add("acme/closed", groq)
        add("acme/cloudy", azure)
        note_change(azure)


@pytest.mark.usefixtures("catalog")
class TestWhatThisInstallationHasNoCredentialFor:
    def test_is_in_nobodys_catalog(self):
        found = load_catalog()

        assert set(found.models) == {"acme/wise"}
        assert [entry.tag for entry in found.models["acme/wise"].endpoints] == ["open"]
        assert set(found.providers) == {"open"}
        assert found.unroutable == {"acme/closed", "acme/cloudy"}
        assert reachable(found, {}) is found

    def test_is_in_the_catalog_of_who_brings_one(self, acme: Acme):
        bring(acme, "groq")

        seen = reachable(load_catalog(), policy_of(acme.default_key).credentials)

        assert set(seen.models) == {"acme/wise", "acme/closed"}
        assert [entry.tag for entry in seen.models["acme/wise"].endpoints] == ["groq", "open"]
        assert set(seen.providers) == {"open", "groq"}
        assert seen.unroutable == {"acme/cloudy"}

    def test_may_have_its_address_in_the_credential(self, acme: Acme):
        bring(acme, "azure", AZURE)

        assert "acme/cloudy" in reachable(load_catalog(), policy_of(acme.default_key).credentials).models

    def test_stays_hidden_from_who_may_not_use_it(self, acme: Acme):
        bring(acme, "groq", allowed_models=["acme/other"])

        seen = reachable(load_catalog(), policy_of(acme.default_key).credentials)

        assert set(seen.models) == {"acme/wise"}

    def test_is_held_to_the_rules_when_lists_show_only_what_may_be_used(self, acme: Acme):
        rules = merge([Rules(Layer("account"), ignored_providers=frozenset({"alpha", "beta"}))])
        policy = policy_with(own("omega"), rules=rules)

        shown = permitted(reachable(CATALOG, policy.credentials), policy)

        assert {slug: [entry.tag for entry in model.endpoints] for slug, model in shown.models.items()} == {
            "simulator/echo": ["gamma"],
            "simulator/closed": ["omega"],
        }


class TestAnOpenedCredential:
    """Each format, as its wire format sends it."""

    def sent(
        self, acme: Acme, provider: str, secret: str, wire_format: str, base_url: str, **entry: Any
    ) -> Any:
        bring(acme, provider, secret)
        [credential] = policy_of(acme.default_key).credentials[provider]
        served_by = make_provider(provider, needs_credential=True)
        served_by = replace(served_by, wire_format=wire_format, base_url=base_url, credential="")
        carrier = credential.carried_by(make_endpoint(provider, provider=served_by, **entry))
        assert SENTINEL not in repr(carrier)
        request = WIRE_FORMATS[wire_format].build_request(
            make_call("simulator/echo", preferences=NO_PREFERENCES), carrier, generation_id="gen-1"
        )
        assert SENTINEL not in repr(request) + request.url + request.body.decode()
        return carrier, request

    @pytest.mark.parametrize(
        ("provider", "wire_format", "header"),
        [
            ("groq", "openai", "authorization"),
            ("anthropic", "anthropic", "x-api-key"),
            ("google-ai-studio", "gemini", "x-goog-api-key"),
        ],
    )
    def test_is_a_plain_key(self, acme: Acme, provider: str, wire_format: str, header: str):
        carrier, request = self.sent(acme, provider, PLAIN, wire_format, "https://provider.test/v1")

        assert request.headers[header].removeprefix("Bearer ") == PLAIN
        assert not carrier.provider.is_users_address

    def test_is_the_key_alone_of_one_that_names_its_region(self, acme: Acme):
        carrier, request = self.sent(acme, "fireworks", REGIONAL, "openai", "https://provider.test/v1")

        assert request.headers["authorization"] == f"Bearer {PLAIN}"
        assert carrier.region == "us"

    def test_is_azures_resource_at_an_address_that_is_checked(self, acme: Acme):
        carrier, request = self.sent(acme, "azure", AZURE, "azure", "")

        assert request.url == "https://acme-ai.services.ai.azure.com/openai/v1/chat/completions"
        assert request.headers["api-key"] == f"azure-{SENTINEL}-key"
        assert carrier.provider.is_users_address

    def test_is_azures_deployment_of_the_model(self, acme: Acme):
        carrier, request = self.sent(acme, "azure", AZURE, "azure", "", model="openai/gpt-5.2")

        assert request.url.startswith("https://acme.openai.azure.com/openai/deployments/gpt/chat/completions")
        assert request.headers["api-key"] == f"azure-{SENTINEL}-other"
        assert carrier.provider.is_users_address

    def test_is_an_aws_key_that_signs_in_its_region(self, acme: Acme):
        _, request = self.sent(
            acme, "amazon-bedrock", AWS, "bedrock", "https://bedrock-runtime.{region}.amazonaws.com"
        )

        assert request.url.startswith("https://bedrock-runtime.eu-west-1.amazonaws.com/")
        assert "AKIAIOSFODNN7EXAMPLE/" in request.headers["authorization"]
        assert SENTINEL not in json.dumps(request.headers)

    def test_is_a_bedrock_key(self, acme: Acme):
        _, request = self.sent(acme, "amazon-bedrock", PLAIN, "bedrock", "https://bedrock.test")

        assert request.headers["authorization"] == f"Bearer {PLAIN}"
