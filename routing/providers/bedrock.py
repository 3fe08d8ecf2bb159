"""Amazon Bedrock: Converse and ConverseStream, with an API key of Bedrock's or a signature of AWS's."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from config.lib.aws_signature import AwsCredential, Scope, signed_headers
from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.credential_formats import AWS_REGION, UnusableCredential, read_credential
from routing.provider_failures import ProviderFailure
from routing.providers.bedrock_answer import answer_of, failure_of
from routing.providers.bedrock_request import converse_request, unsaid
from routing.providers.bedrock_stream import ConverseStream
from routing.providers.openai import encode
from routing.providers.wire_format import (
    Answer,
    ConfigField,
    Misconfigured,
    Stream,
    Unsupported,
    UpstreamRequest,
)

SERVICE = "bedrock"
REGION = "{region}"
AMAZONS_HOST = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
PRIVATE_HOST = re.compile(r"[a-z0-9-]+\.bedrock-runtime\.([a-z0-9-]+)\.vpce\.amazonaws\.com")


class Bedrock:
    """The wire format `bedrock`."""

    slug = "bedrock"
    config: tuple[ConfigField, ...] = (
        ConfigField(
            "base_url",
            f"Base URL: https://bedrock-runtime.{REGION}.amazonaws.com, or with a region of its own",
        ),
        ConfigField(
            "credential",
            "Bedrock API key, or accessKeyId, secretAccessKey and region as JSON",
            is_secret=True,
        ),
    )

    def unsaid(self, call: Call) -> Collection[str]:
        """What there is no word for."""
        return unsaid(call.body)

    def build_request(self, call: Call, endpoint: EndpointEntry, *, generation_id: str) -> UpstreamRequest:
        """The conversation in Converse's words, signed or with the key. Raises CannotAsk."""
        if call.dialect == "embeddings":
            raise Unsupported("input", "cannot be embedded by this provider")
        body, dropped = converse_request(call.body, endpoint)
        credential, region = _credential(endpoint)
        base = _address(endpoint.provider.base_url, region)
        verb = "converse-stream" if call.is_streamed else "converse"
        url = f"{base}/model/{quote(endpoint.upstream_model, safe='')}/{verb}"
        accept = "application/vnd.amazon.eventstream" if call.is_streamed else "application/json"
        headers = {
            "content-type": "application/json",
            "accept": accept,
            "accept-encoding": "identity",
            "user-agent": "Headgate",
            "x-request-id": generation_id,
        }
        data = encode(body)
        return UpstreamRequest(url, _allowed(headers, url, data, credential, region), data, dropped=dropped)

    def parse_response(self, body: bytes, *, call: Call) -> Answer | ProviderFailure:
        """The answer as a Chat Completions object, or why it is none."""
        return answer_of(body)

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """What an error status means."""
        return failure_of(status, headers, body)

    def open_stream(self, *, generation_id: str, model: str, provider: str) -> Stream:
        """A reader for one streamed answer."""
        return ConverseStream(generation_id, model, provider)


def _credential(endpoint: EndpointEntry) -> tuple[AwsCredential | str, str | None]:
    """The access key or the API key, and the region that goes with it if one is known. Raises Misconfigured."""
    text = endpoint.provider.credential
    try:
        read_credential("amazon-bedrock", text)
    except UnusableCredential:
        raise Misconfigured("This installation's credential for Amazon Bedrock is not usable") from None
    if not text.strip().startswith("{"):
        is_region = endpoint.region is not None and AWS_REGION.fullmatch(endpoint.region)
        return text.strip(), endpoint.region if is_region else None
    fields = json.loads(text)
    key = AwsCredential(fields["accessKeyId"], fields["secretAccessKey"], fields.get("sessionToken"))
    return key, fields["region"]


def _address(base_url: str, region: str | None) -> str:
    """The provider's address, with the credential's region where it leaves room for one. Raises Misconfigured."""
    if REGION in base_url and region is None:
        raise Misconfigured("This installation does not know the region of its Amazon Bedrock key")
    address = base_url.replace(REGION, region or "").rstrip("/")
    try:
        _ = urlsplit(address).port
    except ValueError:
        raise Misconfigured("This installation's address of Amazon Bedrock is none") from None
    return address


def _allowed(
    headers: dict[str, str], url: str, body: bytes, credential: AwsCredential | str, region: str | None
) -> dict[str, str]:
    """The headers with what lets the request in."""
    if isinstance(credential, str):
        return {**headers, "authorization": f"Bearer {credential}"}
    host = urlsplit(url).hostname or ""
    named = AMAZONS_HOST.fullmatch(host) or PRIVATE_HOST.fullmatch(host)
    scope = Scope(named[1] if named else region or "", SERVICE)
    return signed_headers(url, headers, body, credential=credential, scope=scope, now=datetime.now(UTC))
