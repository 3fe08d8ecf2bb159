"""What tests of BYOK play on: providers that this installation has no credential for, and Google's token endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction

from accounts.models import Organization, User
from accounts.organizations import found
from config.lib.scoping import tenant, unscoped
from routing import byok
from routing.models import ByokCredential, LanguageModel, Provider
from tests.cast import STAGE, default_workspace
from tests.routing.gateway.stage import add_model, note_change
from workspaces.api_keys import IssuedKey, issue

UNSET = "NOBODY_EVER_SET_THIS_KEY"
CLOSED, CLOSED_MODEL = "closed", "test/closed"
VERTEX, VERTEX_MODEL = "google-vertex", "test/vertex"
TWO = "test/two"


def furnish(simulator_url: str) -> None:
    """Add a provider without a credential, Google Vertex, and a model that two providers serve well."""
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        closed = Provider.objects.create(
            slug=CLOSED,
            name="Closed",
            wire_format="openai",
            base_url=f"{simulator_url}/simulator-fast/v1",
            credential_variable=UNSET,
        )
        vertex = Provider.objects.create(
            slug=VERTEX,
            name="Google Vertex",
            wire_format="vertex",
            base_url=f"{simulator_url}/simulator-fast/v1",
            credential_variable=UNSET,
        )
        add_model(CLOSED_MODEL, ["simulator/echo"], [closed])
        add_model(VERTEX_MODEL, ["simulator/echo"], [vertex])
        add_model(
            TWO,
            ["simulator/echo", "simulator/echo"],
            list(Provider.objects.filter(slug__in=("alpha", "beta")).order_by("slug")),
        )
        note_change(closed)


def clear() -> None:
    """Take away what `furnish` added."""
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        note_change(Provider.objects.get(slug=CLOSED))
        LanguageModel.objects.filter(slug__in=(CLOSED_MODEL, VERTEX_MODEL, TWO)).delete()
        Provider.objects.filter(slug__in=(CLOSED, VERTEX)).delete()


def bring(tenant_of: Any, provider: str, secret: str, **settings: Any) -> ByokCredential:
    """A credential of an organization of the cast; without a workspace in all of its workspaces."""
    with tenant(tenant_of.organization.pk):
        return byok.create(
            organization=tenant_of.organization,
            workspace=settings.pop("workspace", None),
            provider=provider,
            secret=secret,
            by=STAGE,
            **settings,
        )


def take_away(*tenants: Any) -> None:
    """Delete every credential of these organizations."""
    for one in tenants:
        with tenant(one.organization.pk):
            for credential in ByokCredential.objects.for_organization(one.organization).live():
                byok.delete(credential=credential, by=STAGE)


def service_account() -> str:
    """A key file whose key signs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    fields = {
        "type": "service_account",
        "project_id": "acme-1",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": "headgate@acme-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "region": "europe-west1",
    }
    return json.dumps(fields)


class TokenEndpoint:
    """Where service accounts sign in: counts exchanges, and answers with what it is told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.exchanges = 0
        self.status = 200
        self.answer: dict[str, Any] = {"access_token": "ya29.of-the-test", "expires_in": 3600}


@contextmanager
def token_endpoint() -> Iterator[TokenEndpoint]:
    """A running one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            endpoint.exchanges += 1
            body = json.dumps(endpoint.answer).encode()
            self.send_response(endpoint.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint = TokenEndpoint(f"http://127.0.0.1:{server.server_port}/token")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Poor(NamedTuple):
    """An organization without credits, and a key of its Default workspace."""

    organization: Organization
    key: IssuedKey


_numbers = count(1)


def found_poor() -> Poor:
    """A new one."""
    with unscoped(reason="a new organization is in nobody's scope yet"):
        number = next(_numbers)
        user = User.objects.create_user(f"poor-{number}@example.com", None, name="Poor")
        organization = found(
            name="Poor", slug=f"poor-{number}", kind=Organization.TEAM, administrator=user, by=STAGE
        )
    with tenant(organization.pk):
        return Poor(organization, issue(workspace=default_workspace(organization), name="poor", by=STAGE))
