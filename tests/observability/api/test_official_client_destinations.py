"""The official client against a live server: every type of destination that it knows parses in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from openrouter import OpenRouter, components, errors
from pytest_django.live_server_helper import LiveServer

from observability.destinations import DESTINATIONS
from tests.cast import Acme
from tests.observability.destination_kinds import NEW, use_mailbox
from tests.workspaces.api.test_official_client import connected

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
    pytest.mark.filterwarnings(
        "ignore:Pydantic serializer warnings:UserWarning"
    ),  # for types it does not know
]

SECRET = "sk-NeverToBeSeenAgain-AbCd"
ADDRESS = "https://vendor.example/v1/traces"


def service_account() -> str:
    """A service account's key file, with a private key that nobody has."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme-1",
            "private_key_id": "0123456789abcdef0123",
            "private_key": pem,
            "client_email": "headgate@acme-1.iam.gserviceaccount.com",
            "client_id": "1",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


CONFIGS: dict[str, dict[str, Any]] = {
    "arize": {"apiKey": SECRET, "spaceKey": SECRET, "modelId": "acme"},
    "bigquery": {"projectId": "acme-1", "serviceAccountKeyJson": service_account()},
    "braintrust": {"apiKey": SECRET, "projectId": "0b5f0b1e-6d6e-4c1c-9f0e-0123456789ab"},
    "clickhouse": {
        "host": "https://clickhouse.example:8443",
        "database": "traces",
        "username": "us",
        "password": SECRET,
    },
    "datadog": {"apiKey": SECRET, "mlApp": "acme"},
    "grafana": {"instanceId": "123456", "apiKey": SECRET},
    "langfuse": {"publicKey": "pk-lf-0123456789", "secretKey": SECRET},
    "langsmith": {"apiKey": SECRET},
    "newrelic": {"licenseKey": SECRET},
    "opik": {"apiKey": SECRET, "workspace": "acme", "projectName": "acme"},
    "otel-collector": {"endpoint": ADDRESS, "headers": {"Authorization": f"Bearer {SECRET}"}},
    "posthog": {"apiKey": "phc_NeverToBeSeenAgainAbCd"},
    "raindrop": {"writeKey": SECRET},
    "ramp": {"apiKey": SECRET},
    "s3": {"bucketName": "acme-traces", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": SECRET},
    "sentry": {
        "dsn": "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/1",
        "otlpEndpoint": "https://o1.ingest.sentry.io/api/1/integration/otlp/v1/traces",
    },
    "snowflake": {"account": "acme-xy12345", "token": SECRET},
    "weave": {"apiKey": SECRET, "entity": "acme", "project": "acme"},
    "webhook": {"url": ADDRESS},
}
KINDS = sorted(CONFIGS.keys() & DESTINATIONS.keys())
"""The types that there are."""
UNKNOWN_TO_THE_CLIENT = frozenset({"bigquery", "raindrop"})
VARIANTS = {
    kind: f"Observability{name}Destination"
    for kind, name in {kind: "".join(map(str.capitalize, kind.split("-"))) for kind in CONFIGS}.items()
}


@pytest.fixture
def client(acme: Acme, live_server: LiveServer) -> Iterator[OpenRouter]:
    """The official client with acme's management key."""
    with connected(acme.management_key.secret, live_server) as client:
        yield client


class TestEveryType:
    def test_is_tried_here(self):
        assert DESTINATIONS.keys() <= CONFIGS.keys()

    @pytest.mark.parametrize("kind", KINDS)
    def test_is_created_read_changed_and_deleted(self, client: OpenRouter, kind: str):
        made = client.observability.create(type_=kind, name="Ours", config=CONFIGS[kind]).data
        if kind in UNKNOWN_TO_THE_CLIENT:
            assert made.type == "UNKNOWN"
            assert made.raw["type"] == kind
            return
        found = client.observability.get(id=made.id).data
        shown = found.config.model_dump(by_alias=True)
        same = client.observability.update(id=made.id, config=shown).data
        changed = client.observability.update(id=made.id, enabled=False, name="Other").data
        deleted = client.observability.delete(id=made.id)

        assert isinstance(made, getattr(components, VARIANTS[kind]))
        assert SECRET not in str(made)
        assert found == made == same
        assert (changed.enabled, changed.name, changed.config) == (False, "Other", made.config)
        assert deleted.DELETED is True
        with pytest.raises(errors.NotFoundResponseError):
            client.observability.get(id=made.id)

    @pytest.mark.skipif(not KINDS, reason="there are no kinds yet")
    def test_is_listed_page_by_page_beside_those_that_it_does_not_know(self, client: OpenRouter):
        for kind in KINDS:
            client.observability.create(type_=kind, name=kind, config=CONFIGS[kind])

        first = client.observability.list(offset=0, limit=10)
        rows = [*first.result.data, *first.next().result.data]

        assert first.result.total_count == len(KINDS)
        known = {row.type: type(row) for row in rows if row.type != "UNKNOWN"}
        assert known == {
            kind: getattr(components, VARIANTS[kind]) for kind in KINDS if kind not in UNKNOWN_TO_THE_CLIENT
        }
        assert {row.raw["type"] for row in rows if row.type == "UNKNOWN"} == UNKNOWN_TO_THE_CLIENT


class TestTheOfficialClient:
    @pytest.fixture(autouse=True)
    def mailbox(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A type of which more is known here."""
        use_mailbox(monkeypatch)

    def made(self, client: OpenRouter, **settings: Any) -> Any:
        """A mailbox."""
        return client.observability.create(
            type_=NEW["type"], name="Ours", config=NEW["config"], **settings
        ).data

    def test_tells_null_from_what_is_left_out(self, client: OpenRouter, acme: Acme):
        rules: Any = {"groups": [{"rules": [{"field": "model", "operator": "equals", "value": "a/b"}]}]}
        made = self.made(
            client,
            api_key_hashes=[acme.bob_key.key.hash],
            filter_rules=rules,
            regions=["eu", "us"],
            sampling_rate=0.5,
            broadcast_generation_cost=True,
        )

        left = client.observability.update(id=made.id, privacy_mode=True).data
        cleared = client.observability.update(id=made.id, api_key_hashes=None, filter_rules=None).data

        assert (left.api_key_hashes, left.filter_rules) == (made.api_key_hashes, made.filter_rules)
        assert made.filter_rules.groups[0].rules[0].value == "a/b"
        assert (made.regions, made.sampling_rate, made.broadcast_generation_cost) == (
            ["europe", "us"],
            0.5,
            True,
        )
        assert (cleared.api_key_hashes, cleared.filter_rules, cleared.privacy_mode) == (None, None, True)
        with pytest.raises(errors.BadRequestResponseError, match="api_key_hashes"):
            client.observability.update(id=made.id, api_key_hashes=[])

    def test_is_told_what_is_wrong(self, client: OpenRouter, acme: Acme, live_server: LiveServer):
        made = self.made(client)
        for _ in range(4):
            self.made(client)

        with pytest.raises(errors.ConflictResponseError, match="5 destinations"):
            self.made(client)
        with pytest.raises(errors.BadRequestResponseError, match="again"):
            client.observability.update(id=made.id, config={"endpoint": "https://192.0.2.7/"})
        with pytest.raises(errors.BadRequestResponseError, match="type"):
            client.observability.create(type_="nobody", name="N", config={})
        with connected(acme.bob_key.secret, live_server) as own:
            with pytest.raises(errors.ForbiddenResponseError, match="Only management keys"):
                self.made(own)
            with pytest.raises(errors.UnauthorizedResponseError):
                own.observability.list()
