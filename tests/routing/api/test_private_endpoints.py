"""/private-endpoints: drafted, validated by a live call, activated, disabled, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision, Version
from config.lib.crypto import sealing_ring
from config.lib.environment import environment
from config.lib.scoping import tenant, unscoped
from routing import byok, private_endpoints
from routing.models import Endpoint, LanguageModel, PriceVersion, PrivateEndpoint, PrivatePrice, Provider
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from tests.routing.own_upstream import SENTINEL, OwnUpstream, own_upstream

pytestmark = pytest.mark.django_db

SECRET = "sk-own-0123456789"
PRICING = {"prompt": "0.000001", "completion": "0.000002"}
NEW = {
    "model_permaslug": "acme/llama",
    "model_name": "Llama of acme",
    "provider_slug": "ollama",
    "upstream_model_id": "llama3:8b",
    "base_url": "https://llm.acme.example/v1",
}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set HEADGATE_OUTBOUND_ALLOW."""

    def allowed(ranges: str) -> None:
        monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", ranges)
        environment.cache_clear()

    yield allowed
    monkeypatch.undo()
    environment.cache_clear()


@pytest.fixture
def upstream(allow: Callable[[str], None]) -> Iterator[type[OwnUpstream]]:
    """Acme's own server, where the operator lets users connect to."""
    allow("127.0.0.0/8")
    with own_upstream() as played:
        yield played


@pytest.fixture
def listed(db: None) -> LanguageModel:
    """A model of the catalog, which one provider serves in public."""
    with unscoped(reason="the catalog is the platform's"):
        model = LanguageModel.objects.create(
            slug="meta/llama", name="Llama", author="meta", output_modalities=["text"]
        )
        provider = Provider.objects.create(
            slug="ollama", name="Ollama Cloud", base_url="https://o.example/v1"
        )
        endpoint = Endpoint.objects.create(model=model, provider=provider, tag="ollama", upstream_model="l")
        PriceVersion.objects.create(
            endpoint=endpoint, prompt_femto=1000, completion_femto=4000, cache_read_femto=250
        )
        Revision.objects.create(object_type="languagemodel", object_id="1", action="create", door="shell")
    return model


def made(api: Api, **fields: Any) -> Any:
    """A new endpoint, in full."""
    created = data_of(api.post("/private-endpoints", NEW | fields), status=201)
    return data_of(api.get(f"/private-endpoints/{created['id']}"))


def own(api: Api, upstream: type[OwnUpstream], **fields: Any) -> str:
    """The address of a draft for acme's own server, with a key of its own and a price."""
    asked = {"base_url": f"{upstream.url}/v1", "api_key": SECRET, "pricing": PRICING}
    return f"/private-endpoints/{made(api, **(asked | fields))['id']}"


def tried(api: Api, address: str, workspace: str = "default") -> Any:
    """What a validation found."""
    return data_of(api.post(f"{address}/validate", {"workspace_id": workspace}))


def failed(found: Any) -> dict[str, str]:
    """The reasons of what failed, by the check's name."""
    return {check["name"]: check["reason"] for check in found["checks"] if not check["passed"]}


def stored(acme: Acme, identifier: str) -> PrivateEndpoint:
    """The row behind an answer, deleted or not."""
    with tenant(acme.organization.pk):
        row: PrivateEndpoint = PrivateEndpoint.objects.get(public_id=identifier)
    return row


class TestADraft:
    def test_is_shown_as_it_was_asked_for(self, api: Api):
        endpoint = made(api, declared_zdr=True, declared_region="europe", pricing=PRICING)

        assert endpoint | {"id": "", "created_at": ""} == {
            "id": "",
            "model_name": "Llama of acme",
            "model_permaslug": "acme/llama",
            "model_slug": "acme/llama",
            "provider_name": "Ollama",
            "provider_slug": "ollama",
            "upstream_model_id": "llama3:8b",
            "base_url": "https://llm.acme.example/v1",
            "status": "draft",
            "declared_zdr": True,
            "declared_region": "europe",
            "pricing": PRICING,
            "wire_format": "openai",
            "authentication": "byok",
            "has_api_key": False,
            "context_length": None,
            "max_completion_tokens": None,
            "supported_parameters": [],
            "validated_at": None,
            "updated_at": None,
            "created_at": "",
        }

    def test_is_answered_in_short_when_it_is_made(self, api: Api):
        created = data_of(api.post("/private-endpoints", NEW), status=201)

        assert set(created) == {
            *("id", "model_name", "model_permaslug", "model_slug", "provider_name", "status", "created_at"),
            *("declared_region", "declared_zdr"),
        }

    def test_of_a_model_of_the_catalog_has_its_name_from_there(self, api: Api, listed: LanguageModel):
        asked = {name: value for name, value in NEW.items() if name != "model_name"}

        created = data_of(
            api.post("/private-endpoints", asked | {"model_permaslug": "meta/llama"}), status=201
        )

        assert (created["model_name"], created["provider_name"]) == ("Llama", "Ollama Cloud")

    def test_of_a_model_that_the_catalog_names_takes_no_name(self, api: Api, listed: LanguageModel):
        answer = api.post("/private-endpoints", NEW | {"model_permaslug": "meta/llama"})

        assert error_of(answer)[0] == 400
        assert "model_name" in error_of(answer)[1]

    def test_of_an_unknown_model_without_a_name_is_not_found(self, api: Api):
        answer = api.post("/private-endpoints", {k: v for k, v in NEW.items() if k != "model_name"})

        assert error_of(answer)[0] == 404

    def test_of_an_unknown_provider_is_not_found(self, api: Api):
        assert api.post("/private-endpoints", NEW | {"provider_slug": "nobody"}).status_code == 404

    def test_may_be_nobody_elses(self, api: Api):
        assert made(api, provider_slug="self-hosted")["provider_name"] == "Self Hosted"

    @pytest.mark.parametrize(
        "slug", ["openrouter/auto", "headgate/auto", "acme/llama:free", "Acme/Llama", "acme", "a/b/c", "a/é"]
    )
    def test_of_ones_own_model_has_an_ordinary_slug(self, api: Api, slug: str):
        answer = api.post("/private-endpoints", NEW | {"model_permaslug": slug})

        assert error_of(answer)[0] == 400
        assert "model_permaslug" in error_of(answer)[1]

    def test_knows_how_its_provider_is_spoken_to(self, api: Api):
        assert made(api, provider_slug="anthropic")["wire_format"] == "anthropic"
        assert made(api, provider_slug="ollama", wire_format="anthropic")["wire_format"] == "anthropic"

    def test_is_neither_listed_nor_found_elsewhere(self, api: Api, cast: Cast):
        mine = made(api)["id"]
        theirs = Api(cast.globex.management_key.secret)

        assert data_of(theirs.get("/private-endpoints")) == []
        assert theirs.get(f"/private-endpoints/{mine}").status_code == 404

    def test_is_refused_beyond_a_hundred(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(private_endpoints, "MOST_ENDPOINTS", 1)
        made(api)

        assert api.post("/private-endpoints", NEW).status_code == 409


class TestTheList:
    def test_has_the_newest_first_and_takes_as_many_queries_for_many(self, api: Api):
        first = made(api)["id"]
        with CaptureQueriesContext(
            connection,
        ) as one:
            data_of(api.get("/private-endpoints"))
        others = [made(api, upstream_model_id=f"m{number}")["id"] for number in range(3)]

        with CaptureQueriesContext(connection) as many:
            listed = data_of(api.get("/private-endpoints"))

        assert [row["id"] for row in listed] == [*reversed(others), first]
        assert len(many) == len(one)


class TestAnAddress:
    @pytest.mark.parametrize(
        "address",
        [
            "http://llm.acme.example/v1",
            "https://me:secret@llm.acme.example/v1",
            "https://llm.acme.example/v1?key=1",
            "https://llm.acme.example/v1#there",
            "https://llm.acme.example:99999/v1",
            "https://127.0.0.1/v1",
            "https://[::1]/v1",
            "https://2130706433/v1",
            "https://169.254.169.254/v1",
            "https://",
            "https://[/",
            "https://llm.acme.example/a b",
            "ftp://llm.acme.example/",
            "llm.acme.example",
        ],
    )
    def test_that_is_none_or_forbidden_is_refused(self, api: Api, address: str):
        answer = api.post("/private-endpoints", NEW | {"base_url": address})

        assert error_of(answer)[0] == 400
        assert "base_url" in error_of(answer)[1]

    def test_is_needed(self, api: Api):
        answer = api.post("/private-endpoints", {k: v for k, v in NEW.items() if k != "base_url"})

        assert error_of(answer) == (400, "base_url: must be given for this provider.")

    def test_may_be_plain_http_where_the_operator_opened_ranges(self, api: Api, allow: Callable[[str], None]):
        allow("10.0.0.0/8")

        assert made(api, base_url="http://10.1.2.3:8000/v1")["base_url"] == "http://10.1.2.3:8000/v1"
        assert api.post("/private-endpoints", NEW | {"base_url": "http://192.168.1.1/"}).status_code == 400

    @pytest.mark.parametrize("provider", ["azure", "amazon-bedrock"])
    def test_of_some_providers_comes_from_their_credential(self, api: Api, provider: str):
        answer = api.post("/private-endpoints", NEW | {"provider_slug": provider})
        without = {k: v for k, v in NEW.items() if k != "base_url"} | {"provider_slug": provider}

        assert error_of(answer)[0] == 400
        assert data_of(api.post("/private-endpoints", without), status=201)["status"] == "draft"
        assert api.post("/private-endpoints", without | {"api_key": SECRET}).status_code == 400

    def test_of_a_provider_that_is_reached_otherwise_is_refused(self, api: Api):
        answer = api.post("/private-endpoints", NEW | {"provider_slug": "google-vertex"})

        assert error_of(answer)[0] == 400
        assert "provider_slug" in error_of(answer)[1]


class TestASecret:
    def test_is_sealed_and_never_shown(self, acme: Acme, api: Api):
        endpoint = made(api, api_key=SECRET)

        row = stored(acme, endpoint["id"])
        assert (endpoint["authentication"], endpoint["has_api_key"]) == ("own", True)
        assert SECRET not in json.dumps(endpoint) + row.sealed_secret
        assert sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode() == SECRET
        with tenant(acme.organization.pk):
            assert SECRET not in str([vars(revision) for revision in Revision.objects.all()])

    def test_is_none_where_none_is_wanted(self, api: Api):
        assert made(api, api_key=None)["authentication"] == "none"

    def test_that_is_no_key_is_refused_without_being_repeated(self, api: Api):
        answer = api.post("/private-endpoints", NEW | {"api_key": "two words"})

        assert error_of(answer)[0] == 400
        assert "api_key" in error_of(answer)[1]
        assert "two words" not in error_of(answer)[1]

    def test_goes_when_the_host_is_another(self, api: Api):
        address = f"/private-endpoints/{made(api, api_key=SECRET)['id']}"

        same = data_of(
            api.patch(address, {"upstream_model_id": "x", "base_url": "https://llm.acme.example/v2"})
        )
        other = data_of(api.patch(address, {"upstream_model_id": "x", "base_url": "https://evil.example/v2"}))

        assert (same["has_api_key"], other["has_api_key"], other["authentication"]) == (True, False, "own")

    def test_may_come_with_the_other_host(self, api: Api):
        address = f"/private-endpoints/{made(api, api_key=SECRET)['id']}"

        changed = data_of(
            api.patch(
                address,
                {"upstream_model_id": "x", "base_url": "https://new.example/v1", "api_key": "sk-2"},
            )
        )

        assert changed["has_api_key"] is True

    def test_is_wiped_with_the_endpoint(self, acme: Acme, api: Api):
        endpoint = made(api, api_key=SECRET)

        deleted = data_of(api.delete(f"/private-endpoints/{endpoint['id']}"))

        assert deleted == {"id": endpoint["id"]}
        assert stored(acme, endpoint["id"]).sealed_secret == ""
        assert api.get(f"/private-endpoints/{endpoint['id']}").status_code == 404


class TestAChange:
    def test_keeps_what_it_leaves_out(self, api: Api):
        endpoint = made(api, declared_zdr=True, context_length=8192, supported_parameters=["tools"])

        changed = data_of(
            api.patch(f"/private-endpoints/{endpoint['id']}", {"upstream_model_id": "llama3:8b"})
        )

        assert changed | {"updated_at": None} == endpoint

    def test_of_the_upstream_takes_declarations_back(self, api: Api):
        address = f"/private-endpoints/{made(api, declared_zdr=True, declared_region='us')['id']}"

        changed = data_of(api.patch(address, {"upstream_model_id": "other", "declared_region": "europe"}))

        assert (changed["declared_zdr"], changed["declared_region"]) == (None, "europe")

    def test_needs_the_upstreams_model(self, api: Api):
        answer = api.patch(f"/private-endpoints/{made(api)['id']}", {"declared_zdr": True})

        assert error_of(answer)[0] == 400
        assert "upstream_model_id" in error_of(answer)[1]

    def test_has_the_endpoint_validated_again(self, api: Api, upstream: type[OwnUpstream]):
        address = own(api, upstream)
        tried(api, address)

        data_of(api.patch(address, {"upstream_model_id": "other"}))

        assert error_of(api.post(f"{address}/activate"))[0] == 409

    def test_is_refused_once_it_is_active(self, api: Api, upstream: type[OwnUpstream]):
        address = own(api, upstream)
        tried(api, address)
        data_of(api.post(f"{address}/activate"))

        assert api.patch(address, {"upstream_model_id": "other"}).status_code == 409
        assert api.post(f"{address}/validate", {"workspace_id": "default"}).status_code == 409

    def test_of_what_is_settled_is_refused(self, api: Api):
        answer = api.patch(
            f"/private-endpoints/{made(api)['id']}", {"upstream_model_id": "x", "provider_slug": "groq"}
        )

        assert error_of(answer)[0] == 400
        assert "provider_slug" in error_of(answer)[1]

    def test_counts_for_the_whole_organization(self, acme: Acme, api: Api):
        made(api)

        assert Version.objects.get(kind=Version.ORGANIZATION, object_id=acme.organization.pk).value > 0


class TestPricing:
    def test_that_was_never_set_is_said_to_be_unknown(self, api: Api):
        assert made(api)["pricing"] == {"prompt": "-1", "completion": "-1"}

    def test_is_replaced_as_a_whole_and_its_versions_are_kept(self, acme: Acme, api: Api):
        endpoint = made(api, pricing=PRICING | {"cache_read": "0.0000005", "cache_write": "0.000003"})

        changed = data_of(
            api.put(
                f"/private-endpoints/{endpoint['id']}/pricing",
                {"pricing": {"prompt": "0", "completion": "0.000000000000001"}},
            )
        )

        assert changed["pricing"] == {"prompt": "0", "completion": "0.000000000000001"}
        with tenant(acme.organization.pk):
            rows = PrivatePrice.objects.filter(endpoint__public_id=endpoint["id"]).order_by("pk")
            assert [(row.prompt_femto, row.cache_write_femto) for row in rows] == [
                (10**9, 3 * 10**9),
                (0, None),
            ]

    def test_derives_the_caches_rates_from_the_public_endpoint(self, api: Api, listed: LanguageModel):
        asked = {k: v for k, v in NEW.items() if k != "model_name"} | {"model_permaslug": "meta/llama"}
        created = data_of(api.post("/private-endpoints", asked | {"pricing": PRICING}), status=201)

        shown = data_of(api.get(f"/private-endpoints/{created['id']}"))

        assert shown["pricing"] == PRICING | {"cache_read": "0.00000025"}

    @pytest.mark.parametrize(
        "amount",
        [
            "-1",
            "-0.1",
            "1e-6",
            "NaN",
            "0.0000000000000001",
            "9001",
            "0.010000000000001",
            "",
            "1.",
            ".5",
            "٣",
            0.1,
            None,
        ],
    )
    @pytest.mark.parametrize("unit", ["prompt", "cache_read"])
    def test_that_is_no_exact_price_is_refused(self, api: Api, unit: str, amount: Any):
        answer = api.put(
            f"/private-endpoints/{made(api)['id']}/pricing", {"pricing": PRICING | {unit: amount}}
        )

        assert error_of(answer)[0] == 400
        assert f"pricing.{unit}" in error_of(answer)[1]


class TestAValidation:
    def test_asks_the_upstream_whole_and_streamed_with_its_key(self, api: Api, upstream: type[OwnUpstream]):
        found = tried(api, own(api, upstream))

        assert found["passed"] is True
        assert [check["name"] for check in found["checks"]] == [
            *("credential", "base_url", "response", "usage", "model", "stream")
        ]
        assert [path for path, _, _ in upstream.requests] == ["/v1/chat/completions"] * 2
        assert {headers["authorization"] for _, headers, _ in upstream.requests} == {f"Bearer {SECRET}"}
        assert [body.get("stream", False) for _, _, body in upstream.requests] == [False, True]
        assert {body["model"] for _, _, body in upstream.requests} == {"llama3:8b"}

    def test_uses_the_credential_of_the_workspace_that_is_named(
        self, acme: Acme, api: Api, upstream: type[OwnUpstream]
    ):
        created = made(api, base_url=f"{upstream.url}/v1", pricing=PRICING)
        address = f"/private-endpoints/{created['id']}"
        with tenant(acme.organization.pk):
            byok.create(
                organization=acme.organization,
                workspace=acme.production,
                provider="ollama",
                secret="sk-byok",
                by=STAGE,
            )

        assert failed(tried(api, address, "research")) == {"credential": "no_byok_key"}
        assert upstream.requests == []
        assert tried(api, address, "production")["passed"] is True
        assert upstream.requests[0][1]["authorization"] == "Bearer sk-byok"

    def test_sends_none_where_none_is_wanted(self, api: Api, upstream: type[OwnUpstream]):
        tried(api, own(api, upstream, api_key=None))

        assert "authorization" not in upstream.requests[0][1]

    @pytest.mark.parametrize(
        ("fault", "reasons"),
        [
            ({"status": 401}, {"response": "upstream_error"}),
            ({"status": 307}, {"response": "upstream_error"}),
            ({"status": 503}, {"response": "upstream_error"}),
            ({"raw": b"<html>" + SENTINEL.encode()}, {"response": "invalid_response"}),
            ({"raw": b"[" * 100_000}, {"response": "invalid_response"}),
            ({"raw": b"x" * (2 << 20)}, {"response": "upstream_error"}),
            ({"usage": None}, {"usage": "missing_usage", "stream": "missing_usage"}),
            ({"model": "gpt-4"}, {"model": "model_mismatch"}),
            ({"stream_status": 500}, {"stream": "upstream_error"}),
        ],
        ids=str,
    )
    def test_says_what_is_wrong_and_nothing_of_what_the_upstream_said(
        self, api: Api, upstream: type[OwnUpstream], fault: dict[str, Any], reasons: dict[str, str]
    ):
        address = own(api, upstream)
        for name, value in fault.items():
            setattr(upstream, name, value)

        found = tried(api, address)

        assert (found["passed"], failed(found)) == (False, reasons)
        assert SENTINEL not in json.dumps(found)
        assert error_of(api.post(f"{address}/activate"))[0] == 409

    @pytest.mark.parametrize(("status", "shown"), [(401, 400), (404, 400), (503, 500), (307, 300)])
    def test_tells_only_the_class_of_a_status(
        self, api: Api, upstream: type[OwnUpstream], status: int, shown: int
    ):
        address = own(api, upstream)
        upstream.status = status

        assert tried(api, address)["checks"][-1]["upstream_status"] == shown
        assert len(upstream.requests) == 1  # no redirect is followed

    def test_passes_a_model_that_adds_its_date(self, api: Api, upstream: type[OwnUpstream]):
        upstream.model = "vendor/llama3:8b-2026-01-01"

        found = tried(api, own(api, upstream))

        assert found["passed"] is True
        assert found["checks"][4]["actual_model"] == "vendor/llama3:8b-2026-01-01"

    def test_goes_nowhere_that_is_forbidden_by_now(
        self, api: Api, upstream: type[OwnUpstream], allow: Callable[[str], None]
    ):
        address = own(api, upstream)
        allow("10.0.0.0/8")

        assert failed(tried(api, address)) == {"base_url": "invalid_base_url"}
        assert upstream.requests == []

    def test_does_not_follow_a_name_that_leads_inside(
        self, api: Api, upstream: type[OwnUpstream], allow: Callable[[str], None]
    ):
        port = upstream.url.rpartition(":")[2]
        address = own(api, upstream, base_url=f"http://localhost:{port}/v1")
        allow("10.0.0.0/8")

        assert failed(tried(api, address)) == {"response": "invalid_base_url"}
        assert upstream.requests == []

    def test_of_an_upstream_that_is_not_there_says_so(self, api: Api, upstream: type[OwnUpstream]):
        assert failed(tried(api, own(api, upstream, base_url="http://127.0.0.1:9/v1"))) == {
            "response": "upstream_error"
        }

    def test_of_a_secret_that_went_with_its_host_asks_nobody(self, api: Api, upstream: type[OwnUpstream]):
        address = own(api, upstream, base_url="https://llm.acme.example/v1")
        data_of(api.patch(address, {"upstream_model_id": "x", "base_url": f"{upstream.url}/v1"}))

        assert failed(tried(api, address)) == {"credential": "no_byok_key"}

    def test_in_an_unknown_workspace_is_not_found(self, api: Api, upstream: type[OwnUpstream]):
        answer = api.post(f"{own(api, upstream)}/validate", {"workspace_id": "nowhere"})

        assert error_of(answer)[0] == 404


class TestALife:
    def test_leads_from_a_draft_to_active_disabled_and_back(self, api: Api, upstream: type[OwnUpstream]):
        address = own(api, upstream)
        tried(api, address)

        steps = [data_of(api.post(f"{address}/{step}")) for step in ("activate", "disable", "enable")]

        assert [step["status"] for step in steps] == ["active", "disabled", "active"]

    @pytest.mark.parametrize("step", ["activate", "disable", "enable"])
    def test_has_no_other_steps_from_a_draft(self, api: Api, step: str):
        assert api.post(f"/private-endpoints/{made(api)['id']}/{step}").status_code == 409

    def test_takes_no_step_twice(self, api: Api, upstream: type[OwnUpstream]):
        address = own(api, upstream)
        tried(api, address)
        data_of(api.post(f"{address}/activate"))

        assert api.post(f"{address}/activate").status_code == 409
        assert api.post(f"{address}/enable").status_code == 409

    def test_does_not_begin_without_a_price(self, api: Api, upstream: type[OwnUpstream]):
        created = made(api, base_url=f"{upstream.url}/v1", api_key=None)
        address = f"/private-endpoints/{created['id']}"
        tried(api, address)

        before = error_of(api.post(f"{address}/activate"))
        data_of(api.put(f"{address}/pricing", {"pricing": {"prompt": "0", "completion": "0"}}))

        assert before[0] == 409
        assert "price" in before[1]
        assert data_of(api.post(f"{address}/activate"))["status"] == "active"

    def test_ends_as_a_draft_only_if_that_is_asked(self, api: Api, upstream: type[OwnUpstream]):
        address, draft = own(api, upstream), own(api, upstream)
        tried(api, address)
        data_of(api.post(f"{address}/activate"))

        assert api.delete(address, draft_only="true").status_code == 409
        assert api.delete(address, draft_only="maybe").status_code == 400
        assert api.delete(draft, draft_only="true").status_code == 200
        assert api.delete(address).status_code == 200


class TestCreatingAndActivatingAtOnce:
    def test_answers_with_the_active_endpoint(self, api: Api, upstream: type[OwnUpstream]):
        asked = {"base_url": f"{upstream.url}/v1", "api_key": None, "pricing": PRICING}

        created = data_of(
            api.post("/private-endpoints", NEW | asked | {"activate": {"workspace_id": "default"}}),
            status=201,
        )

        assert created["status"] == "active"

    def test_keeps_a_draft_that_did_not_pass_and_says_why(self, api: Api, upstream: type[OwnUpstream]):
        upstream.status = 500
        asked = {"base_url": f"{upstream.url}/v1", "api_key": None, "pricing": PRICING}

        answer = api.post("/private-endpoints", NEW | asked | {"activate": {"workspace_id": "default"}})

        body = json.loads(answer.content)
        assert (answer.status_code, body["error"]["code"]) == (422, 422)
        assert failed(body["data"]["validation"]) == {"response": "upstream_error"}
        kept = data_of(api.get(f"/private-endpoints/{body['data']['endpoint']['id']}"))
        assert kept["status"] == "draft"

    def test_keeps_a_draft_that_has_no_price(self, api: Api, upstream: type[OwnUpstream]):
        asked = {"base_url": f"{upstream.url}/v1", "api_key": None}

        answer = api.post("/private-endpoints", NEW | asked | {"activate": {"workspace_id": "default"}})

        body = json.loads(answer.content)
        assert answer.status_code == 409
        assert body["data"]["validation"]["passed"] is True

    def test_in_an_unknown_workspace_makes_nothing(self, api: Api):
        answer = api.post("/private-endpoints", NEW | {"activate": {"workspace_id": "nowhere"}})

        assert answer.status_code == 404
        assert data_of(api.get("/private-endpoints")) == []

    def test_happens_once_for_one_idempotency_key(self, api: Api, upstream: type[OwnUpstream]):
        asked = {
            "base_url": f"{upstream.url}/v1",
            "pricing": PRICING,
            "activate": {"workspace_id": "default"},
        }

        first, again = (api.post("/private-endpoints", NEW | asked, Idempotency_Key="once") for _ in range(2))

        assert first.status_code == again.status_code == 422
        assert first.content == again.content
        assert len(data_of(api.get("/private-endpoints"))) == 1
