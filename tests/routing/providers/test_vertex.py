"""Vertex AI: Gemini's bodies at a project's own addresses, with a token or an API key."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from routing.credential_formats import UnusableCredential
from routing.provider_failures import ProviderFailure
from routing.providers import CannotAsk
from routing.providers.google_auth import (
    AccessToken,
    read_service_account,
    read_token,
    signed_assertion,
    token_request,
)
from routing.providers.vertex import Vertex
from tests.routing.make import make_call, make_provider
from tests.routing.providers.geminis import check_request, endpoint_at

VERTEX = Vertex()
NOW = 1_790_000_000.5
TOKEN = AccessToken("ya29.token", NOW + 3600)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(**more):
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    fields = {
        "type": "service_account",
        "project_id": "acme-1",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": "headgate@acme-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return json.dumps({**fields, **more})


def provider_with(credential, base_url="https://aiplatform.googleapis.com/v1"):
    provider = make_provider("google-vertex")
    return replace(provider, wire_format="vertex", base_url=base_url, credential=credential)


def signed_in(base_url="https://aiplatform.googleapis.com/v1", **more):
    provider = provider_with(key_file(**more), base_url)
    account = VERTEX.needed_token(provider)
    assert account is not None
    return VERTEX.signed_in(provider, account, TOKEN)


def build(provider, model="gemini-2.5-pro", **more):
    body = {"messages": [{"role": "user", "content": "Hi"}], **more}
    endpoint = endpoint_at(model, provider=provider)
    return VERTEX.build_request(make_call("a/b", body=body), endpoint, generation_id="gen-1")


class TestAServiceAccount:
    @pytest.mark.parametrize(
        ("region", "start"),
        [
            ("global", "https://aiplatform.googleapis.com/v1/projects/acme-1/locations/global"),
            (
                "europe-west4",
                "https://europe-west4-aiplatform.googleapis.com/v1/projects/acme-1/locations/europe-west4",
            ),
            ("eu", "https://aiplatform.eu.rep.googleapis.com/v1/projects/acme-1/locations/eu"),
        ],
    )
    def test_asks_in_its_project_and_region_with_a_token(self, region, start):
        request = build(signed_in(region=region))

        assert request.url == f"{start}/publishers/google/models/gemini-2.5-pro:generateContent"
        assert request.headers["authorization"] == "Bearer ya29.token"
        assert "x-goog-api-key" not in request.headers
        check_request(json.loads(request.body))

    def test_without_a_region_is_global(self):
        assert "/locations/global/" in build(signed_in()).url

    def test_asks_where_the_operator_says(self):
        base_url = "https://proxy.test/v1/projects/other/locations/us-east5"

        assert build(signed_in(base_url)).url.startswith(f"{base_url}/publishers/google/models/")
        assert build(signed_in("https://proxy.test/v1")).url.startswith(
            "https://proxy.test/v1/projects/acme-1/locations/global/publishers/google/models/"
        )

    def test_that_is_not_signed_in_sends_nothing(self):
        with pytest.raises(CannotAsk) as refused:
            build(provider_with(key_file()))

        assert refused.value.failure.error_type == "provider_unavailable"
        assert "acme-1" not in str(refused.value)

    def test_is_never_shown(self):
        account = read_service_account(key_file())
        provider = signed_in()

        assert "PRIVATE KEY" not in repr(account)
        assert "ya29" not in repr(provider) + repr(TOKEN) + repr(build(provider))

    @pytest.mark.parametrize(
        "credential",
        [
            "{",
            "{}",
            key_file(token_uri="https://evil.test/"),
            key_file(private_key="x"),
            key_file(region="a/b"),
        ],
    )
    def test_that_is_none_is_refused(self, credential):
        with pytest.raises(UnusableCredential):
            VERTEX.needed_token(provider_with(credential))


class TestAnApiKey:
    def test_needs_no_token_and_no_project(self):
        provider = provider_with("AIza-1")

        request = build(provider)

        assert VERTEX.needed_token(provider) is None
        assert request.url == (
            "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-pro:generateContent"
        )
        assert request.headers["x-goog-api-key"] == "AIza-1"


class TestTheModel:
    @pytest.mark.parametrize(
        "name", ["gemini-2.5-pro", "google/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro"]
    )
    def test_is_googles_however_the_catalog_names_it(self, name):
        assert "/v1/publishers/google/models/gemini-2.5-pro:" in build(provider_with("AIza-1"), name).url


class TestMediaElsewhere:
    def test_must_show_its_type(self):
        part = {"type": "image_url", "image_url": {"url": "https://a.test/picture"}}

        with pytest.raises(CannotAsk, match="does not show the type"):
            build(provider_with("AIza-1"), messages=[{"role": "user", "content": [part]}])


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class TestAskingForAToken:
    def test_is_signed_with_the_accounts_key(self):
        head, claims, signature = signed_assertion(read_service_account(key_file()), NOW).split(".")

        KEY.public_key().verify(decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), SHA256())
        assert json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
        assert json.loads(decoded(claims)) == {
            "iss": "headgate@acme-1.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": 1_790_000_000,
            "exp": 1_790_003_600,
        }

    def test_goes_to_google_as_a_form(self):
        request = token_request(read_service_account(key_file()), NOW)

        form = parse_qs(request.body.decode())
        assert (request.method, request.url) == ("POST", "https://oauth2.googleapis.com/token")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        assert form["assertion"][0].count(".") == 2

    def test_with_a_key_that_cannot_be_read_is_refused(self):
        broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

        with pytest.raises(UnusableCredential, match="private_key"):
            token_request(read_service_account(key_file(private_key=broken)), NOW)


class TestTheToken:
    def test_is_renewed_before_it_ends(self):
        token = read_token(200, b'{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}', NOW)

        assert isinstance(token, AccessToken)
        assert (token.value, token.expires_at) == ("ya29.x", NOW + 3599)
        assert (token.is_stale(NOW), token.is_stale(NOW + 3298), token.is_stale(NOW + 3300)) == (
            False,
            False,
            True,
        )

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"{}", b'{"access_token":7}', b'{"access_token":"a\\r\\nb"}', b'{"access_token":""}'],
    )
    def test_that_is_none_is_a_failure(self, body):
        failure = read_token(200, body, NOW)

        assert isinstance(failure, ProviderFailure)
        assert failure.is_retryable

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, "provider_unavailable"),
            (401, "provider_unavailable"),
            (403, "provider_unavailable"),
            (429, "rate_limit_exceeded"),
            (503, "provider_overloaded"),
        ],
    )
    def test_that_is_refused_is_no_fault_of_the_callers_and_quotes_nothing(self, status, kind):
        failure = read_token(status, b'{"error":"invalid_grant","error_description":"secret"}', NOW)

        assert isinstance(failure, ProviderFailure)
        assert (failure.error_type, failure.is_retryable) == (kind, True)
        assert "secret" not in repr(failure)
