"""Azure: OpenAI's bodies at the addresses of a resource or a deployment (learn.microsoft.com/azure/ai-foundry).

What answers, streams and failures look like is OpenAI's, but for a few words and for what Azure's content filter adds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.credential_formats import UnusableCredential, read_credential
from routing.provider_failures import ProviderFailure
from routing.providers.openai import CHAT_PATH, PATHS, OpenAI, encode, plain_headers, upstream_body
from routing.providers.wire_format import ConfigField, Misconfigured, UpstreamRequest

HOSTS = {"openai": "openai.azure.com", "ai_foundry": "services.ai.azure.com"}
DEPLOYMENTS, INFERENCE, OPENAI_V1 = "/openai/deployments/", "/models", "/openai/v1"
RESOURCE_ROOTS = ("", "/openai")
VERSION = "api-version"
DEPLOYMENTS_VERSION, INFERENCE_VERSION = "2024-10-21", "2024-05-01-preview"
"""What is asked for where an address that needs an API version names none."""
TOKEN = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+")
"""A token of Entra ID; a resource's key has no dots."""
NO_SUCH_MODEL = frozenset({"DeploymentNotFound", "OperationNotSupported", "unknown_model"})


class Target(NamedTuple):
    """Where a request goes, by which name the model is known there, and with what key."""

    address: str
    model: str
    key: str


class Azure(OpenAI):
    """The wire format `azure`."""

    slug = "azure"
    config: tuple[ConfigField, ...] = (
        ConfigField(
            "base_url",
            "A resource (https://….openai.azure.com, with ?api-version=… for its deployments), its /openai/v1 or "
            "/models, or a deployment's address",
        ),
        ConfigField("credential", "API key, token, or the list of resources and deployments", is_secret=True),
    )

    def build_request(self, call: Call, endpoint: EndpointEntry, *, generation_id: str) -> UpstreamRequest:
        """The caller's body; a deployment's address says which model it is. Raises CannotAsk."""
        target = _target(endpoint)
        url = _url(target, call.dialect)
        body = upstream_body(call, endpoint) | {"model": target.model}
        path = urlsplit(url).path
        if path.startswith(DEPLOYMENTS):
            del body["model"]
        headers = plain_headers(call, generation_id)
        if INFERENCE + CHAT_PATH in path:
            headers["extra-parameters"] = "pass-through"  # this API refuses what it does not know
        return UpstreamRequest(url, headers | _right(target.key), encode(body))

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """What an error status means; a deployment that is not there may be somewhere else."""
        failure = super().read_failure(status, headers, body)
        if failure.provider_code in NO_SUCH_MODEL:
            return replace(failure, error_type="not_found", is_retryable=True)
        return failure


def _target(endpoint: EndpointEntry) -> Target:
    """The provider's address and key, or those that its credential lists. Raises Misconfigured."""
    provider = endpoint.provider
    text = provider.credential.strip()
    if not text:
        return Target(provider.base_url, endpoint.upstream_model, "")
    is_list = text.startswith(("[", "{"))
    try:
        read_credential("azure" if is_list else "", text)
    except UnusableCredential:
        raise Misconfigured("This installation's credential for Azure is not usable") from None
    if not is_list:
        return Target(provider.base_url, endpoint.upstream_model, text)
    found = json.loads(text)
    return _listed(found if isinstance(found, list) else [found], endpoint)


def _listed(entries: list[dict[str, Any]], endpoint: EndpointEntry) -> Target:
    """The deployment of this model, or else the first resource. Raises Misconfigured."""
    for entry in entries:
        if entry.get("model_slug") == endpoint.model:
            return Target(entry["endpoint_url"], entry["model_id"], entry["api_key"])
    for entry in entries:
        if "resource_name" in entry:
            host = f"{entry['resource_name']}.{HOSTS[entry.get('resource_type', 'openai')]}"
            return Target(f"https://{host}{OPENAI_V1}", endpoint.upstream_model, entry["api_key"])
    raise Misconfigured("This installation's credential for Azure has no deployment of this model")


def _url(target: Target, dialect: str) -> str:
    """The address with its last part for the dialect, and with an API version where one is needed."""
    try:
        parts = urlsplit(target.address)
    except ValueError:
        raise Misconfigured("This installation's address of Azure is none") from None
    path, query = parts.path.rstrip("/"), parts.query
    for ending in (CHAT_PATH, *PATHS.values()):  # whole addresses are copied from Azure's portal
        path = path.removesuffix(ending)
    has_version = VERSION in parse_qs(query)
    if path in RESOURCE_ROOTS:
        path = DEPLOYMENTS + quote(target.model, safe="") if has_version else OPENAI_V1
    if not has_version and (path.startswith(DEPLOYMENTS) or path.endswith(INFERENCE)):
        version = DEPLOYMENTS_VERSION if path.startswith(DEPLOYMENTS) else INFERENCE_VERSION
        query = f"{query}&{VERSION}={version}".lstrip("&")
    return urlunsplit((parts.scheme, parts.netloc, path + PATHS.get(dialect, CHAT_PATH), query, ""))


def _right(key: str) -> dict[str, str]:
    """The header that lets the request in."""
    if not key:
        return {}
    return {"authorization": f"Bearer {key}"} if TOKEN.fullmatch(key) else {"api-key": key}
