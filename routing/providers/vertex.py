"""Google Vertex AI: Gemini's bodies at a project's own addresses (cloud.google.com/vertex-ai/generative-ai/docs).

The credential is an API key, or a service account's key file that is exchanged for a token first: see google_auth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry, ServedBy
from routing.credential_formats import GLOBAL
from routing.providers.gemini import Gemini
from routing.providers.google_auth import AccessToken, ServiceAccount, read_service_account
from routing.providers.wire_format import ConfigField, Misconfigured, Unsupported

HOST = "aiplatform.googleapis.com"
MULTI_REGIONS = ("eu", "us")
BEARER = "Bearer "


class Vertex(Gemini):
    """The wire format `vertex`."""

    slug = "vertex"
    config: tuple[ConfigField, ...] = (
        ConfigField("base_url", "Base URL, up to and with /v1, or up to the location"),
        ConfigField("credential", "Service account (JSON) or API key", is_secret=True),
    )
    needs_type = True

    def content(self, call: Call, endpoint: EndpointEntry) -> tuple[str, dict[str, Any], tuple[str, ...]]:
        """The verb, the body, and the caller's parameters that are not in it. Raises Unsupported."""
        if call.dialect == "embeddings":  # `predict`, with bodies of its own
            raise Unsupported("input", "cannot be embedded by this provider")
        return super().content(call, endpoint)

    def needed_token(self, provider: ServedBy) -> ServiceAccount | None:
        """The account to sign in with before a request can be built; None where the credential is sent as it is.

        Raises UnusableCredential.
        """
        if not provider.credential.lstrip().startswith("{"):
            return None
        return read_service_account(provider.credential)

    def signed_in(self, provider: ServedBy, account: ServiceAccount, token: AccessToken) -> ServedBy:
        """The provider with a token in its credential's place, at the account's project and region."""
        return replace(
            provider, base_url=_location(provider.base_url, account), credential=BEARER + token.value
        )

    def address(self, provider: ServedBy, model: str) -> str:
        """The model's address, without the verb; other publishers' models have other bodies."""
        name = model.removeprefix("publishers/google/models/").removeprefix("google/")
        return f"{provider.base_url.rstrip('/')}/publishers/google/models/{quote(name)}"

    def authorization(self, credential: str) -> dict[str, str]:
        """The header that carries the token or the API key; a service account's key never leaves.

        Raises Misconfigured where it was not exchanged for a token.
        """
        if credential.startswith(BEARER):
            return {"authorization": credential}
        if credential.lstrip().startswith("{"):
            raise Misconfigured("The provider's service account is not signed in.")
        return super().authorization(credential)


def _location(base_url: str, account: ServiceAccount) -> str:
    """The base URL up to the location, unless it says one already; Google's host is that of the region."""
    parts = urlsplit(base_url.rstrip("/"))
    if "/projects/" in parts.path:
        return base_url
    host = parts.netloc
    if host == HOST and account.region in MULTI_REGIONS:
        host = f"aiplatform.{account.region}.rep.googleapis.com"
    elif host == HOST and account.region != GLOBAL:
        host = f"{account.region}-{HOST}"
    path = f"{parts.path}/projects/{quote(account.project)}/locations/{account.region}"
    return f"{parts.scheme}://{host}{path}"
