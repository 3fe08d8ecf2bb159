"""What policies hold of private endpoints: to whom they are there, at which price, with whose credential."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.revisions import PLATFORM, Change, record, snapshot
from config.lib.scoping import tenant, unscoped
from routing import byok
from routing import private_endpoints as private
from routing.catalog_snapshot import ModelEntry
from routing.models import LanguageModel, PrivateEndpoint
from routing.policies import load_policy
from routing.private_pricing import Rates
from tests.cast import STAGE, Acme, Cast
from workspaces.api_keys import IssuedKey

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ADDRESS = "https://llm.acme.example/v1"
SECRET = "sk-own-0123456789"


def active(acme: Acme, **settings: Any) -> PrivateEndpoint:
    """An endpoint of acme's that is routed to, with a key of its own unless it is said otherwise."""
    given = {
        "provider": "ollama",
        "model": "acme/llama",
        "model_name": "Llama of acme",
        "upstream_model": "llama3",
        "base_url": ADDRESS,
        "authentication": "own",
        "secret": SECRET,
        "rates": Rates(10, 20, 1),
    }
    with tenant(acme.organization.pk):
        drafted = private.create(organization=acme.organization, by=STAGE, **(given | settings))
        return private.activate(endpoint=private.note_validated(endpoint=drafted, by=STAGE), by=STAGE)


def by_byok(acme: Acme, **settings: Any) -> PrivateEndpoint:
    """One that requests ask with the workspace's credential."""
    return active(acme, authentication="byok", secret="", **settings)


def credential(acme: Acme, secret: str, **settings: Any) -> None:
    """A BYOK credential for the endpoint's provider."""
    given = {"workspace": acme.production, "provider": "ollama", "secret": secret}
    with tenant(acme.organization.pk):
        byok.create(organization=acme.organization, by=STAGE, **(given | settings))


def models_of(key: IssuedKey) -> dict[str, ModelEntry]:
    """The models of its organization's own that a key's policy has."""
    policy = load_policy(key.key.hash)
    assert policy is not None
    return dict(policy.own_models)


def credentials_of(key: IssuedKey) -> list[str]:
    """What the endpoints of acme/llama would be asked with."""
    found = models_of(key).get("acme/llama")
    return [] if found is None else [entry.provider.credential for entry in found.endpoints]


class TestAnActiveEndpoint:
    def test_is_in_the_policy_as_a_model_of_its_own(self, acme: Acme):
        row = active(acme, context_length=8192, supported_parameters=["tools"], declared_region="europe")

        (model,) = models_of(acme.bob_key).values()

        (entry,) = model.endpoints
        assert (model.slug, model.name, model.author) == ("acme/llama", "Llama of acme", "acme")
        assert (model.input_modalities, model.output_modalities) == (("text",), ("text",))
        assert (entry.id, entry.tag) == (-row.pk, f"ollama/{row.public_id}")
        assert (entry.upstream_model, entry.context_length, entry.region) == ("llama3", 8192, "europe")
        assert (entry.price.prompt, entry.price.completion, entry.price.cache_read) == (10, 20, 1)
        assert entry.price.version_id < 0
        assert (entry.is_private, entry.provider.is_users_address) == (True, True)
        assert (entry.provider.base_url, entry.provider.credential) == (ADDRESS, SECRET)
        assert SECRET not in repr(entry)

    @pytest.mark.parametrize("declared", [True, False, None])
    def test_keeps_nothing_only_where_that_is_declared(self, acme: Acme, declared: bool | None):
        active(acme, declared_zdr=declared)

        (entry,) = models_of(acme.bob_key)["acme/llama"].endpoints

        assert (entry.is_zdr, entry.retains_prompts) == (declared is True, declared is not True)
        assert not entry.trains_on_prompts

    def test_costs_what_its_newest_price_says(self, acme: Acme):
        endpoint = active(acme)
        with tenant(acme.organization.pk):
            private.set_pricing(endpoint=endpoint, rates=Rates(0, 0), by=STAGE)

        (entry,) = models_of(acme.bob_key)["acme/llama"].endpoints

        assert (entry.price.prompt, entry.price.completion) == (0, 0)

    def test_of_a_model_of_the_catalog_is_described_by_the_catalog(self, acme: Acme):
        with unscoped(reason="the catalog is the platform's"), transaction.atomic():
            model = LanguageModel.objects.create(
                slug="meta/llama", name="Llama", author="meta", output_modalities=["text"]
            )
            change = Change("create", model, None, snapshot(model), (PLATFORM,))
            record(change, by=STAGE)
        active(acme, model="meta/llama", model_name=None)

        assert (models_of(acme.bob_key)["meta/llama"].name, len(models_of(acme.bob_key))) == ("Llama", 1)

    def test_is_there_for_every_workspace_and_for_management_keys(self, acme: Acme):
        active(acme)
        management = load_policy(acme.management_key.key.hash)

        assert {*models_of(acme.carol_key)} == {*models_of(acme.default_key)} == {"acme/llama"}
        assert management is not None
        (entry,) = management.own_models["acme/llama"].endpoints
        assert entry.provider.credential == ""  # it only looks

    def test_is_not_there_for_another_organization(self, cast: Cast):
        active(cast.acme)

        assert models_of(cast.globex.mallory_key) == {}

    @pytest.mark.parametrize("step", [private.disable, private.delete])
    def test_is_gone_with_the_next_policy_once_it_ends(self, acme: Acme, step: Any):
        endpoint = active(acme)
        before = load_policy(acme.bob_key.key.hash)

        with tenant(acme.organization.pk):
            step(endpoint=endpoint, by=STAGE)

        after = load_policy(acme.bob_key.key.hash)
        assert before is not None
        assert after is not None
        assert after.own_models == {}
        moved = {version.kind for version in after.versions} - {
            version.kind for version in after.versions if version in before.versions
        }
        assert moved == {"organization"}

    def test_that_is_a_draft_is_not_there(self, acme: Acme):
        with tenant(acme.organization.pk):
            private.create(
                organization=acme.organization,
                provider="ollama",
                model="acme/llama",
                model_name="Llama",
                upstream_model="x",
                base_url=ADDRESS,
                rates=Rates(0, 0),
                by=STAGE,
            )

        assert models_of(acme.bob_key) == {}

    def test_whose_secret_does_not_open_is_left_out(self, acme: Acme):
        endpoint = active(acme)
        other = active(acme)
        with tenant(acme.organization.pk):
            PrivateEndpoint.objects.filter(pk=endpoint.pk).update(sealed_secret=other.sealed_secret)
            private.record_resealed(endpoint, "for the test")

        (entry,) = models_of(acme.bob_key)["acme/llama"].endpoints

        assert entry.id == -other.pk


class TestACredentialOfTheWorkspace:
    def test_is_used_where_it_may_be_used(self, acme: Acme):
        by_byok(acme)
        credential(acme, "sk-production")

        assert credentials_of(acme.production_key) == ["sk-production"]
        assert credentials_of(acme.research_key) == []

    def test_of_the_workspace_goes_before_a_global_one(self, acme: Acme):
        by_byok(acme)
        credential(acme, "sk-global", workspace=None)
        credential(acme, "sk-production")

        assert credentials_of(acme.production_key) == ["sk-production"]
        assert credentials_of(acme.research_key) == ["sk-global"]

    @pytest.mark.parametrize(
        "settings",
        [{"is_disabled": True}, {"allowed_models": ["acme/other"]}, {"allowed_models": []}],
        ids=str,
    )
    def test_that_may_not_be_used_is_passed_over(self, acme: Acme, settings: dict[str, Any]):
        by_byok(acme)
        credential(acme, "sk-first", **settings)
        credential(acme, "sk-second")

        assert credentials_of(acme.production_key) == ["sk-second"]

    def test_is_for_the_keys_and_members_that_it_lists(self, acme: Acme):
        by_byok(acme)
        credential(acme, "sk-keys", allowed_api_key_hashes=[acme.bob_key.key.hash])
        credential(acme, "sk-members", allowed_user_ids=[acme.bob.user.public_id])

        assert credentials_of(acme.bob_key) == ["sk-keys"]
        assert credentials_of(acme.production_key) == []

    def test_that_names_its_region_is_sent_as_the_key_alone(self, acme: Acme):
        by_byok(acme, provider="openai")
        credential(acme, '{"api_key": "sk-inside", "region": "us"}', provider="openai")

        assert credentials_of(acme.production_key) == ["sk-inside"]

    def test_says_where_azure_is(self, acme: Acme):
        by_byok(acme, provider="azure", base_url=None)
        listed = '[{"api_key": "k", "resource_name": "acme-res"}]'
        credential(acme, listed, provider="azure")

        (entry,) = models_of(acme.production_key)["acme/llama"].endpoints

        assert (entry.provider.wire_format, entry.provider.credential) == ("azure", listed)
        assert entry.provider.is_users_address


class TestAnOrganizationWithoutPrivateEndpoints:
    def test_costs_one_query(self, acme: Acme):
        with CaptureQueriesContext(connections["owner"]) as without:
            load_policy(acme.bob_key.key.hash)

        asked = [query["sql"] for query in without if "private" in query["sql"]]
        assert len(asked) == 1
