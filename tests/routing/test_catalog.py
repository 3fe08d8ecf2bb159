"""The catalog: seeded once, synchronized with a file, compiled into what can be routed to; every change recorded."""

from __future__ import annotations

import time

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import Revision
from accounts.revisions import Actor
from config.lib.environment import environment
from config.lib.scoping import unscoped
from routing import catalog
from routing.catalog_comparison import UnknownProvider
from routing.catalog_file import PriceFile, parse_catalog
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from routing.policies import load_catalog, read_versions
from routing.seed.simulated import UNDERSTUDIES

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

BY = Actor(door="shell", reason="a test")
PLATFORM = ("platform", 0)
FILE = """
dated: 2026-11-23
source: by hand
providers:
  - {slug: local, name: Local, base_url: "http://127.0.0.1:11434/v1"}
  - {slug: hosted, name: Hosted, base_url: "https://hosted.example/v1", credential_variable: HOSTED_KEY}
models:
  - slug: acme/wise
    name: Wise
    context_length: 8192
    endpoints:
      - {provider: local, upstream_model: wise, price: {prompt: "0", completion: "0"}}
      - {provider: hosted, upstream_model: wise-1, price: {prompt: "0.000001", completion: "0.000002"}}
      - {provider: hosted, tag: hosted/eu, region: eu, upstream_model: wise-eu}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def simulator(monkeypatch):
    """As `up` sets it."""
    monkeypatch.setenv("HEADGATE_SIMULATOR_URL", "http://127.0.0.1:9/")
    environment.cache_clear()
    yield
    monkeypatch.undo()
    environment.cache_clear()


def sync(path, *options) -> list[str]:
    from io import StringIO

    output = StringIO()
    call_command("sync_catalog", str(path), *options, stdout=output)
    return output.getvalue().splitlines()


def revisions() -> int:
    with unscoped(reason="the test counts them"):
        return Revision.objects.count()


def tags(slug: str) -> list[str]:
    return [endpoint.tag for endpoint in load_catalog().models[slug].endpoints]


class TestTheSeed:
    def test_is_there_within_a_second_and_only_once(self):
        started = time.process_time()  # ours; the database's own is not what could grow here
        added = catalog.seed()
        took = time.process_time() - started

        assert added > 300
        assert Endpoint.objects.count() == PriceVersion.objects.count()
        assert catalog.seed() == 0
        assert took < 3, f"{took:.2f} s"  # with slack for a busy machine

    def test_leaves_alone_what_was_changed_by_hand(self):
        catalog.seed()
        model = LanguageModel.objects.get(slug="simulator/echo")
        catalog.change(row=model, by=BY, name="Echo, echo", is_enabled=False)

        catalog.seed()

        model.refresh_from_db()
        assert (model.name, model.is_enabled) == ("Echo, echo", False)

    def test_is_recorded_and_moves_the_platforms_version_once(self):
        before = read_versions([PLATFORM])[PLATFORM]

        catalog.seed()

        assert revisions() == Provider.objects.count()
        assert read_versions([PLATFORM])[PLATFORM] == before + 1

    def test_shows_the_simulator_only_where_it_runs(self, simulator):
        catalog.seed()

        snapshot = load_catalog()

        assert tags("simulator/echo") == ["simulator", "simulator-zdr", "simulator-fast"]
        assert tags("simulator/flat") == ["simulator"]
        served_by = snapshot.providers["simulator-zdr"]
        assert (served_by.base_url, served_by.is_simulator) == ("http://127.0.0.1:9/simulator-zdr/v1", True)
        assert {slug.partition("/")[0] for slug in snapshot.models} == {"simulator", *UNDERSTUDIES}
        assert tags("understudy/script") == ["simulator"]
        assert {
            f"simulator/error-{status}" for status in (400, 404, 429, 500, 503, 529)
        } <= snapshot.models.keys()

    def test_without_simulator_and_credentials_reaches_nothing(self):
        catalog.seed()

        snapshot = load_catalog()

        assert (dict(snapshot.models), dict(snapshot.providers)) == ({}, {})
        assert "simulator/echo" in snapshot.unroutable
        assert "openai/gpt-4o" in snapshot.unroutable

    def test_reaches_a_provider_whose_credential_is_in_the_environment(self, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        catalog.seed()

        snapshot = load_catalog()

        assert set(snapshot.providers) == {"openai"}
        assert snapshot.providers["openai"].credential == "sk-test"
        assert "sk-test" not in repr(snapshot)


class TestSynchronizing:
    def test_plans_without_writing(self, file):
        lines = sync(file)

        assert "+ provider local" in lines
        assert "+ endpoint acme/wise at hosted/eu" in lines
        assert lines[-1] == "6 changes planned; --apply carries them out."
        assert not LanguageModel.objects.filter(slug="acme/wise").exists()

    def test_applies_what_it_planned_and_then_has_nothing_to_do(self, file):
        sync(file, "--apply")

        assert sync(file, "--apply") == ["Nothing to change."]
        assert Endpoint.objects.filter(model__slug="acme/wise").count() == 3

    def test_writes_a_new_price_only_when_a_price_changed(self, file):
        sync(file, "--apply")
        file.write_text(FILE.replace('"0.000002"', '"0.000003"').replace("name: Wise", "name: Wiser"))

        lines = sync(file, "--apply")

        assert "~ price acme/wise at hosted: completion_femto 2000000000 → 3000000000" in lines
        assert "~ model acme/wise: name 'Wise' → 'Wiser'" in lines
        versions = PriceVersion.objects.filter(endpoint__tag="hosted").order_by("pk")
        assert [version.completion_femto for version in versions] == [2 * 10**9, 3 * 10**9]
        assert PriceVersion.objects.filter(endpoint__tag="local").count() == 1

    def test_leaves_a_revision_and_moves_the_platforms_version(self, file):
        before, count = read_versions([PLATFORM])[PLATFORM], revisions()

        sync(file, "--apply")

        assert read_versions([PLATFORM])[PLATFORM] == before + 1
        assert revisions() == count + 3

    def test_refuses_an_endpoint_of_an_unknown_provider(self):
        endpoint = {"provider": "nobody", "upstream_model": "x"}
        document = parse_catalog({"models": [{"slug": "a/b", "name": "B", "endpoints": [endpoint]}]})

        with pytest.raises(UnknownProvider):
            catalog.apply(document, by=BY)

    def test_refuses_a_file_that_is_no_catalog_and_says_where(self, file):
        file.write_text(FILE.replace("name: Wise", "nmae: Wise"))

        with pytest.raises(CommandError, match="nmae"):
            sync(file)


class TestTheCompiledCatalog:
    def test_has_the_endpoints_that_are_priced_and_reachable_cheapest_first(self, file, monkeypatch):
        monkeypatch.setenv("HOSTED_KEY", "secret")
        sync(file, "--apply")

        assert tags("acme/wise") == ["local", "hosted"]

    def test_leaves_out_whose_credential_is_missing(self, file):
        sync(file, "--apply")

        assert tags("acme/wise") == ["local"]

    def test_takes_the_context_of_the_model_where_the_endpoint_has_none(self, file):
        sync(file, "--apply")

        assert load_catalog().models["acme/wise"].endpoints[0].context_length == 8192

    def test_leaves_out_what_is_disabled(self, file):
        sync(file, "--apply")
        catalog.change(row=Provider.objects.get(slug="local"), by=BY, is_enabled=False)

        assert "acme/wise" in load_catalog().unroutable

    def test_has_the_newest_price(self, file):
        sync(file, "--apply")
        endpoint = Endpoint.objects.get(tag="local")
        version = catalog.set_price(endpoint=endpoint, price=PriceFile("0.5", "1"), by=BY)

        price = load_catalog().models["acme/wise"].endpoints[0].price

        assert (price.version_id, price.prompt, price.completion) == (version.pk, 5 * 10**14, 10**15)

    def test_tells_what_is_known_of_a_provider(self, file):
        sync(file, "--apply")
        known = {
            "headquarters": "AT",
            "datacenters": ["DE"],
            "terms_of_service_url": "https://local.example/t",
        }
        catalog.change(row=Provider.objects.get(slug="local"), by=BY, **known)

        provider = load_catalog().providers["local"]

        assert (provider.headquarters, provider.datacenters) == ("AT", ("DE",))
        assert (provider.terms_of_service_url, provider.status_page_url) == ("https://local.example/t", None)

    def test_names_the_version_it_was_made_from(self, file):
        sync(file, "--apply")

        assert load_catalog().version == read_versions([PLATFORM])[PLATFORM]


class TestCredentials:
    def test_are_sealed_and_opened_for_the_data_plane_only(self, file):
        sync(file, "--apply")
        provider = Provider.objects.get(slug="hosted")

        catalog.set_credential(provider=provider, secret="very secret", by=BY)

        provider.refresh_from_db()
        assert "very secret" not in provider.sealed_credential
        assert load_catalog().providers["hosted"].credential == "very secret"
        with unscoped(reason="the test reads them"):
            assert not any("very secret" in str(row.after) for row in Revision.objects.all())

    def test_do_not_open_in_another_row(self, file):
        sync(file, "--apply")
        hosted, local = Provider.objects.get(slug="hosted"), Provider.objects.get(slug="local")
        catalog.set_credential(provider=hosted, secret="very secret", by=BY)
        hosted.refresh_from_db()

        catalog.change(row=local, by=BY, sealed_credential=hosted.sealed_credential)

        assert "local" not in load_catalog().providers

    def test_are_cleared_when_the_address_changes(self, file):
        sync(file, "--apply")
        provider = Provider.objects.get(slug="hosted")
        catalog.set_credential(provider=provider, secret="very secret", by=BY)

        catalog.change(row=provider, by=BY, base_url="https://elsewhere.example/v1")

        provider.refresh_from_db()
        assert provider.sealed_credential == ""

    def test_are_never_taken_from_our_own_variables(self, file):
        sync(file, "--apply")
        catalog.change(
            row=Provider.objects.get(slug="hosted"), by=BY, credential_variable="HEADGATE_SECRET_KEY"
        )

        assert "hosted" not in load_catalog().providers
