"""An organization's own upstream: asked first, by its own keys alone, and only where users may make us connect to."""

from __future__ import annotations

import json

import pytest

from config.lib.environment import environment
from config.lib.scoping import tenant
from observability.journal_records import Checkpoint
from routing import private_endpoints as private
from routing.private_pricing import Rates
from tests.cast import STAGE
from tests.routing.gateway.process import GatewayProcess
from tests.routing.own_upstream import own_upstream
from tests.routing.simulator.process import wait_until

SECRET = "sk-own-0123456789"
RATES = Rates(10**9, 2 * 10**9)
"""A thousandth of a cent per thousand tokens in, twice that out: 9 and 3 of them cost 15,000 nano-dollars."""
COST_NANO = 15_000


@pytest.fixture(scope="module")
def upstream():
    """Globex's own server."""
    with own_upstream() as played:
        yield played


@pytest.fixture(scope="module")
def own(stage, simulator, upstream, django_db_blocker):
    """Globex's endpoints by their model; they are gone afterwards, for the tests of other modules."""
    simulated = f"{simulator.url}/simulator-fast/v1"
    drafts = {
        "globex/llama": (f"{upstream.url}/v1", "llama3"),
        "globex/echo": (simulated, "simulator/echo"),
        "globex/ended": (simulated, "simulator/echo"),
        "test/echo": (f"{upstream.url}/v1", "llama3"),
        "test/lorem": (simulated, "simulator/error-500"),
    }
    organization = stage.globex.organization
    with django_db_blocker.unblock():
        with pytest.MonkeyPatch.context() as patch, tenant(organization.pk):
            patch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.0/8")
            environment.cache_clear()
            made = {model: activated(organization, model, *draft) for model, draft in drafts.items()}
        environment.cache_clear()
        yield made
        with tenant(organization.pk):
            for endpoint in made.values():
                private.delete(endpoint=endpoint, by=STAGE)


def activated(organization, model, address, name):
    """An endpoint that is routed to; of a model that only globex has where its slug says so."""
    endpoint = private.create(
        organization=organization,
        provider="ollama",
        model=model,
        model_name=model.title() if model.startswith("globex") else None,
        upstream_model=name,
        base_url=address,
        authentication="own",
        secret=SECRET,
        rates=RATES,
        by=STAGE,
    )
    private.note_validated(endpoint=endpoint, by=STAGE)
    return private.activate(endpoint=endpoint, by=STAGE)


@pytest.fixture(scope="module")
def open_gateway(own, tmp_path_factory):
    """A gateway whose operator lets users name addresses of this machine."""
    folder = tmp_path_factory.mktemp("open-gateway")
    process = GatewayProcess(folder, HEADGATE_OUTBOUND_ALLOW="127.0.0.0/8").wait_until_ready()
    yield process
    process.stop()


@pytest.fixture
def mine(stage, own):
    """A key of globex."""
    return stage.globex.default_key.secret


class TestARequest:
    def test_reaches_the_upstream_with_its_name_of_the_model_and_its_key(self, open_gateway, mine, upstream):
        answer = open_gateway.ask(mine, "globex/llama")

        body = answer.json()
        path, headers, asked = upstream.requests[-1]
        assert answer.status == 200
        assert (body["model"], body["provider"]) == ("globex/llama", "Ollama")
        assert body["choices"][0]["message"]["content"] == "OK"
        assert (path, asked["model"]) == ("/v1/chat/completions", "llama3")
        assert headers["authorization"] == f"Bearer {SECRET}"
        assert mine not in str(headers)

    def test_is_metered_at_the_entered_price_and_takes_no_credits(self, open_gateway, mine, own):
        answer = open_gateway.ask(mine, "globex/llama")

        usage, end = answer.json()["usage"], open_gateway.end_of(answer.json()["id"])
        assert (usage["cost"], usage["is_byok"]) == (0, True)
        assert usage["cost_details"]["upstream_inference_cost"] == COST_NANO / 10**9
        assert (end.cost_nano, end.byok_nano, end.is_byok) == (0, COST_NANO, True)
        assert end.endpoint_id == -own["globex/llama"].pk
        assert end.price_version_id < 0

    def test_may_be_streamed(self, open_gateway, mine):
        stream = open_gateway.stream(mine, "globex/llama")
        lines = stream.rest()
        stream.close()

        last = json.loads(lines[-2].removeprefix("data: "))
        checkpoints = [record for record in open_gateway.records() if isinstance(record, Checkpoint)]
        assert last["usage"]["is_byok"] is True
        assert open_gateway.end_of(stream.id).byok_nano == COST_NANO
        assert (checkpoints[-1].cost_nano, checkpoints[-1].byok_nano > 0) == (0, True)

    def test_may_come_in_any_dialect(self, open_gateway, mine):
        asked = {
            "model": "globex/echo",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "hi you"}],
        }

        answer = open_gateway.post(mine, asked, path="/api/v1/messages")

        assert answer.status == 200
        assert answer.json()["content"][0]["text"] == "hi you"

    def test_by_a_route_that_the_model_does_not_speak_is_refused(self, open_gateway, mine):
        answer = open_gateway.post(mine, {"model": "globex/llama", "input": "hi"}, path="/api/v1/embeddings")

        assert answer.status == 400
        assert answer.json()["error"]["metadata"]["error_type"]

    def test_of_another_organization_finds_no_such_model(self, open_gateway, mine, key):
        foreign = open_gateway.ask(key, "globex/llama")
        unknown = open_gateway.ask(key, "globex/nobody")

        assert foreign.status == unknown.status == 400
        assert foreign.body.replace(b"llama", b"nobody") == unknown.body.replace(b"nobody", b"nobody")

    def test_finds_an_endpoint_no_more_that_was_disabled(
        self, open_gateway, mine, own, stage, django_db_blocker
    ):
        assert open_gateway.ask(mine, "globex/ended").status == 200

        with django_db_blocker.unblock(), tenant(stage.globex.organization.pk):
            private.disable(endpoint=own["globex/ended"], by=STAGE)

        wait_until(lambda: open_gateway.ask(mine, "globex/ended").status == 400, what="the end of it")


class TestAModelThatThePlatformServesToo:
    def test_is_asked_for_at_the_own_endpoint_first(self, open_gateway, mine, upstream):
        before = len(upstream.requests)

        answer = open_gateway.ask(mine, "test/echo")

        assert answer.json()["provider"] == "Ollama"
        assert len(upstream.requests) == before + 1

    def test_is_the_platforms_for_everybody_else(self, open_gateway, key, own):
        assert open_gateway.ask(key, "test/echo").json()["provider"] == "Alpha"

    def test_falls_back_to_the_platform_at_its_price(self, open_gateway, mine):
        answer = open_gateway.ask(mine, "test/lorem")

        end = open_gateway.end_of(answer.json()["id"])
        assert answer.json()["provider"] == "Alpha"
        assert (end.cost_nano > 0, end.byok_nano, end.is_byok) == (True, 0, False)

    def test_does_not_fall_back_where_that_is_not_wanted(self, open_gateway, mine):
        answer = open_gateway.ask(mine, "test/lorem", provider={"allow_fallbacks": False})

        assert answer.status >= 500
        assert answer.json()["error"]["metadata"]["provider_name"] == "Ollama"

    def test_may_be_asked_for_at_the_platform_alone(self, open_gateway, mine):
        answer = open_gateway.ask(mine, "test/echo", provider={"ignore": ["ollama"]})

        assert answer.json()["provider"] == "Alpha"


class TestAnAddressThatTheOperatorDidNotOpen:
    def test_is_not_connected_to(self, gateway, mine, upstream):
        before = len(upstream.requests)

        answer = gateway.ask(mine, "globex/llama")

        assert answer.status in (502, 503)
        assert "127.0.0.1" not in answer.body.decode()
        assert len(upstream.requests) == before

    def test_leaves_the_platforms_endpoints(self, gateway, mine):
        assert gateway.ask(mine, "test/echo").json()["provider"] == "Alpha"


class TestTheCatalog:
    def models(self, gateway, secret):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return {model["id"]: model for model in gateway.get("/api/v1/models", **headers).json()["data"]}

    def test_shows_them_to_the_organization_alone(self, open_gateway, mine, stage, key):
        seen = self.models(open_gateway, mine)
        managed = self.models(open_gateway, stage.globex.management_key.secret)

        assert seen["globex/llama"]["name"] == "Globex/Llama"
        assert seen["globex/llama"]["pricing"]["prompt"] == "0.000001"
        assert "globex/llama" in managed
        assert "globex/llama" not in self.models(open_gateway, key)
        assert "globex/llama" not in self.models(open_gateway, None)

    def test_lists_them_beside_the_platforms_endpoints(self, open_gateway, mine, key, own):
        path = "/api/v1/models/test/echo/endpoints"

        seen = open_gateway.get(path, Authorization=f"Bearer {mine}").json()["data"]["endpoints"]
        public = open_gateway.get(path, Authorization=f"Bearer {key}").json()["data"]["endpoints"]

        assert [row["tag"] for row in seen] == [f"ollama/{own['test/echo'].public_id}", "alpha"]
        assert [row["tag"] for row in public] == ["alpha"]

    def test_has_no_page_of_them_for_others(self, open_gateway, mine, key):
        path = "/api/v1/model/globex/llama"

        assert open_gateway.get(path, Authorization=f"Bearer {mine}").status == 200
        assert open_gateway.get(path, Authorization=f"Bearer {key}").status == 404
