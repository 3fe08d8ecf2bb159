"""Platform staff keep the catalog in the Django admin."""

from __future__ import annotations

import pytest

from accounts.models import Revision, Version
from config.lib.scoping import unscoped
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from tests.admin_pages import errors_of, page, text_of

pytestmark = pytest.mark.django_db

PROVIDER = {
    "slug": "somebody",
    "name": "Somebody",
    "wire_format": "openai",
    "base_url": "https://api.example.com/v1",
}
MODEL = {
    "slug": "somebody/model",
    "name": "Model",
    "input_modalities": '["text"]',
    "output_modalities": '["text"]',
    "tokenizer": "Other",
    "is_enabled": "on",
}


def platform_version():
    found = Version.objects.filter(kind=Version.PLATFORM).first()
    return found.value if found else 0


@pytest.fixture
def endpoint(db):
    provider = Provider.objects.create(slug="served", name="Served")
    model = LanguageModel.objects.create(slug="served/model", name="Model", author="served")
    return Endpoint.objects.create(model=model, provider=provider, tag="served", upstream_model="model")


class TestAProvider:
    def test_is_added_with_a_revision_and_a_new_version_of_the_platform(self, doors, staff):
        before = platform_version()

        doors["staff"].post(page(Provider, "add"), PROVIDER | {"is_enabled": "on"})

        provider = Provider.objects.get(slug="somebody")
        with unscoped(reason="the platform's revisions belong to nobody"):
            revision = Revision.objects.get(object_type="provider", object_id=str(provider.pk))
        assert (revision.door, revision.user_id, revision.organization_id) == ("admin", staff.pk, None)
        assert platform_version() > before

    def test_keeps_its_credential_sealed_and_unseen(self, doors):
        doors["staff"].post(page(Provider, "add"), PROVIDER | {"credential": "sk-upstream-secret"})

        provider = Provider.objects.get(slug="somebody")
        text = text_of(doors["staff"].get(page(Provider, "change", provider.pk)))
        assert provider.sealed_credential
        assert "sk-upstream-secret" not in provider.sealed_credential
        assert "sk-upstream-secret" not in text
        assert provider.sealed_credential not in text

    def test_loses_its_credential_with_its_address(self, doors):
        doors["staff"].post(page(Provider, "add"), PROVIDER | {"credential": "sk-upstream-secret"})
        provider = Provider.objects.get(slug="somebody")

        doors["staff"].post(
            page(Provider, "change", provider.pk), PROVIDER | {"base_url": "https://elsewhere.example.com"}
        )

        provider.refresh_from_db()
        assert (provider.base_url, provider.sealed_credential) == ("https://elsewhere.example.com", "")

    def test_that_no_catalog_file_could_say_is_an_error_of_the_form(self, doors):
        answer = doors["staff"].post(page(Provider, "add"), PROVIDER | {"slug": "Not A Slug"})

        assert "__all__" in errors_of(answer)


class TestAModelAndItsEndpoint:
    def test_are_added(self, doors, endpoint):
        doors["staff"].post(page(LanguageModel, "add"), MODEL)
        model = LanguageModel.objects.get(slug="somebody/model")

        doors["staff"].post(
            page(Endpoint, "add"),
            {
                "model": model.pk,
                "provider": endpoint.provider_id,
                "tag": "served",
                "upstream_model": "model",
                "supported_parameters": '["tools"]',
            },
        )

        assert model.author == "somebody"
        assert model.endpoints.get().supported_parameters == ["tools"]

    def test_are_changed_with_a_revision(self, doors, endpoint):
        doors["staff"].post(
            page(Endpoint, "change", endpoint.pk),
            {
                "model": endpoint.model_id,
                "provider": endpoint.provider_id,
                "tag": "served",
                "upstream_model": "model",
                "supported_parameters": "[]",
                "is_zdr": "on",
            },
        )

        endpoint.refresh_from_db()
        assert endpoint.is_zdr
        assert "is_zdr" in text_of(doors["staff"].get(page(Endpoint, "history", endpoint.pk)))


class TestAPrice:
    def test_is_followed_by_a_new_version(self, doors, endpoint):
        before = platform_version()

        doors["staff"].post(
            page(PriceVersion, "add"),
            {"endpoint": endpoint.pk, "prompt": "0.0000025", "completion": "0.00001", "source": "their page"},
        )

        price = PriceVersion.objects.get(endpoint=endpoint)
        assert (price.prompt_femto, price.completion_femto) == (2_500_000_000, 10_000_000_000)
        assert platform_version() > before
        assert "$0.0000025" in text_of(doors["staff"].get(page(PriceVersion, "changelist")))

    def test_is_never_changed(self, doors, endpoint):
        price = PriceVersion.objects.create(endpoint=endpoint, prompt_femto=1, completion_femto=1)

        answers = [
            doors["staff"].post(page(PriceVersion, name, price.pk), {}) for name in ("change", "delete")
        ]

        assert [answer.status_code for answer in answers] == [403, 403]

    @pytest.mark.parametrize("prompt", ["-1", "1e-16", "x", ""])
    def test_that_is_none_is_an_error_of_the_form(self, doors, endpoint, prompt):
        answer = doors["staff"].post(
            page(PriceVersion, "add"), {"endpoint": endpoint.pk, "prompt": prompt, "completion": "0"}
        )

        assert "prompt" in errors_of(answer)
