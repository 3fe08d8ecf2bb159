"""The catalog's routes: for anybody, in the shapes that the official client parses."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from openrouter import OpenRouter, errors

from accounts import organizations, privacy
from config.lib.keys import INFERENCE_PREFIX, new_key
from config.lib.scoping import tenant
from tests.cast import STAGE
from tests.management_api import conforms
from tests.routing.gateway.stage import EMBEDDERS, MODELS, PROVIDERS, SPEAKERS
from tests.routing.simulator.process import wait_until


@pytest.fixture
def client(gateway, key):
    with OpenRouter(server_url=f"{gateway.url}/api/v1", api_key=key) as client:
        yield client


class TestTheListOfModels:
    def test_is_what_the_official_client_expects(self, client):
        listed = client.models.list()

        assert {model.id for model in listed.result.data} == set(MODELS)

    def test_is_filtered_sorted_and_paged_by_the_official_client(self, client):
        asked = {"q": "ANSWERS", "sort": "pricing-low-to-high", "limit": 2}

        first = client.models.list(**asked)
        rest = first.next()

        assert (len(first.result.data), first.result.total_count) == (2, 3)
        assert "q=ANSWERS" in first.result.links.next
        assert {model.id for model in first.result.data + rest.result.data} == {
            "test/second-answers",
            "test/third-answers",
            "test/none-answers",
        }

    def test_of_ones_own_is_paged_and_sorted_too(self, client, key):
        listed = client.models.list_for_user(
            security={"bearer": key}, limit=3, sort="pricing-high-to-low", output_modalities="all"
        )

        assert (len(listed.result.data), listed.result.total_count) == (3, len(MODELS | EMBEDDERS))
        assert listed.result.links.next.startswith("/api/v1/models/user?offset=3&limit=3")

    def test_names_the_field_of_nonsense_in_an_error_that_the_official_client_knows(self, client):
        with pytest.raises(errors.BadRequestResponseError, match="'sort'"):
            client.models.list(sort="best")

    def test_has_prices_as_strings(self, gateway):
        models = {model["id"]: model for model in gateway.get("/api/v1/models").json()["data"]}

        assert models["test/echo"]["pricing"] == {
            "prompt": "0.000001",
            "completion": "0.000002",
            "request": "0",
        }

    def test_comes_in_pages_when_asked_for(self, gateway):
        first = gateway.get("/api/v1/models?limit=4").json()
        rest = gateway.get("/api/v1/models?limit=1000&offset=4").json()

        assert [len(first["data"]), first["total_count"]] == [4, len(MODELS)]
        assert first["links"]["next"] == "/api/v1/models?offset=4&limit=4"
        assert rest["links"]["next"] is None
        assert {model["id"] for model in first["data"] + rest["data"]} == set(MODELS)

    @pytest.mark.parametrize("query", ["limit=-1", "limit=x", "limit=1001", "offset=1e3", "offset=%D9%A3"])
    def test_refuses_nonsense(self, gateway, query):
        assert gateway.get(f"/api/v1/models?{query}").status == 400

    def test_can_be_counted(self, client):
        assert client.models.count().data.count == len(MODELS)
        assert client.models.count(output_modalities="image").data.count == 0


class TestAModelsEndpoints:
    def test_are_what_the_official_client_expects(self, client):
        listed = client.endpoints.list(author="test", slug="second-answers").data

        assert listed.id == "test/second-answers"
        assert [endpoint.tag for endpoint in listed.endpoints] == ["alpha", "beta"]

    def test_of_no_model_are_404(self, gateway):
        assert gateway.get("/api/v1/models/nobody/nothing/endpoints").status == 404


class TestTheRest:
    def test_shows_one_model(self, client):
        assert client.models.get(author="test", slug="echo").data.id == "test/echo"
        with pytest.raises(errors.NotFoundResponseError):
            client.models.get(author="test", slug="nothing")

    def test_lists_providers(self, client):
        listed = [provider.slug for provider in client.providers.list().data]

        assert listed == sorted([*PROVIDERS, *(slug for slug, _ in SPEAKERS.values())])

    def test_lists_endpoints_without_retention(self, client):
        assert client.endpoints.list_zdr_endpoints().data == []

    def test_lists_embedding_models(self, client):
        assert client.embeddings.list_models().result.total_count == len(EMBEDDERS)

    def test_is_404_for_what_is_not_there(self, gateway):
        answer = gateway.get("/api/v1/nothing")

        assert answer.status == 404
        assert answer.json()["error"]["code"] == 404

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "OPTIONS"])
    def test_may_only_be_read(self, gateway, method):
        assert gateway.request(method, "/api/v1/models", None, {}).status == 405

    def test_answers_a_head_without_a_body(self, gateway):
        answer = gateway.request("HEAD", "/api/v1/models", None, {})

        assert (answer.status, answer.body) == (200, b"")


class TestWhoMayLook:
    ROUTES = ("models", "models/count", "providers", "endpoints/zdr", "embeddings/models", "model/test/echo")

    @pytest.mark.parametrize("route", ROUTES)
    def test_is_anybody_whose_key_is_one(self, gateway, stage, key, route):
        keys = [None, key, stage.acme.management_key.secret, new_key(INFERENCE_PREFIX).secret]

        headers = [{"Authorization": f"Bearer {each}"} if each else {} for each in keys]

        assert [gateway.get(f"/api/v1/{route}", **each).status for each in headers] == [200, 200, 200, 401]

    def test_is_nobody_without_a_key_for_his_own_models(self, gateway, key):
        assert gateway.get("/api/v1/models/user").status == 401
        assert gateway.get("/api/v1/models/user", Authorization=f"Bearer {key}").status == 200


class TestTheContract:
    @pytest.mark.parametrize(
        "path",
        [
            "/models",
            "/models?limit=2",
            "/models?sort=best",
            "/models/count",
            "/models/user",
            "/model/test/echo",
            "/model/test/nothing",
            # Not an endpoint: the contract lists the providers there are by name, and ours are others.
            "/models/test/nothing/endpoints",
            "/embeddings/models",
            "/providers",
            "/endpoints/zdr",
        ],
    )
    def test_is_kept_by_every_answer(self, gateway, key, path):
        answer = gateway.get(f"/api/v1{path}", Authorization=f"Bearer {key}")

        conforms(
            "get",
            path,
            HttpResponse(answer.body, status=answer.status, content_type="application/json"),
        )


@pytest.mark.usefixtures("shell")
class TestAnOrganizationsRules:
    @pytest.fixture
    def globex(self, stage):
        """globex, which wants nothing to do with test/echo and with the provider alpha, until the test is over."""
        organization = stage.globex.organization
        with tenant(organization.pk):
            privacy.change(
                organization=organization, by=STAGE, ignored_models=["test/echo"], ignored_providers=["alpha"]
            )
        yield stage.globex
        with tenant(organization.pk):
            privacy.change(organization=organization, by=STAGE, ignored_models=None, ignored_providers=None)
            organizations.change(organization=organization, by=STAGE, is_model_catalog_filtered=False)

    def listed(self, gateway, issued, path="/api/v1/models"):
        models = gateway.get(path, Authorization=f"Bearer {issued.secret}").json()["data"]
        return {model["id"] for model in models}

    def test_leave_models_out_of_what_is_listed_for_a_key_itself(self, gateway, globex, key):
        issued, path = globex.default_key, "/api/v1/models/user"
        wait_until(lambda: "test/echo" not in self.listed(gateway, issued, path), what="the rules")

        several = {slug for slug, upstream in MODELS.items() if len(upstream) > 1}
        elsewhere = {slug for slug in MODELS if slug.startswith(tuple(SPEAKERS))}
        assert self.listed(gateway, issued, path) == several | elsewhere
        assert self.listed(gateway, issued) == set(MODELS)

    def test_leave_them_out_of_every_list_where_the_organization_wants_that(self, gateway, globex, key):
        issued = globex.default_key
        with tenant(globex.organization.pk):
            organizations.change(organization=globex.organization, by=STAGE, is_model_catalog_filtered=True)

        wait_until(lambda: "test/echo" not in self.listed(gateway, issued), what="the setting")
        answer = gateway.get("/api/v1/models/test/echo/endpoints", Authorization=f"Bearer {issued.secret}")
        assert answer.status == 404
        others = gateway.get("/api/v1/models", Authorization=f"Bearer {key}").json()["data"]
        assert {model["id"] for model in others} == set(MODELS)
