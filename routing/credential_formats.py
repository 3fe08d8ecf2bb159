"""What providers' credentials look like: plain keys, Azure's and Amazon's JSON, Google's service accounts.

A message never repeats anything of what was given. What ends up in a host name or an address is checked to be nothing
else. No Django.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from config.lib.google_sign_in import TOKEN_URI

GLOBAL, EUROPE, US = "global", "europe", "us"
DATA_REGIONS: Final = (GLOBAL, EUROPE, US)
DECLARABLE: Final = {"azure": frozenset({EUROPE, US}), "anthropic": frozenset({US})}
"""The regions that may be declared, by provider; elsewhere only `global`, which says nothing."""

MOST_CHARACTERS = 32_768
MOST_ENTRIES = 100
"""Of an Azure credential."""
HEAD, TAIL, SHORTEST_SHOWN = 3, 4, 16

PLAIN = re.compile(r"[\x21-\x7e]{1,4096}")
RESOURCE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
AWS_REGION = re.compile(r"[a-z]{2}(?:-[a-z]{1,20}){1,3}-[0-9]{1,2}")
GOOGLE_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{1,62}")
GOOGLE_REGION = re.compile(r"[a-z][a-z0-9-]{1,40}")
PEM = re.compile(
    r"\s*-----BEGIN (?:RSA )?PRIVATE KEY-----\s.+\s-----END (?:RSA )?PRIVATE KEY-----\s*", re.DOTALL
)

Json = dict[str, Any]  # JSON may be anything


class UnusableCredential(ValueError):
    """The text is no credential of the provider; the message says what is missing and repeats nothing of it."""


class UndeclarableRegion(ValueError):
    """The provider's credentials cannot be declared to be in this region."""


@dataclass(frozen=True)
class ReadCredential:
    """A credential that was understood: its text, a masked snippet of it, and the region that it names itself."""

    text: str = field(repr=False)
    label: str
    region: str | None = None


def read_credential(provider: str, given: str) -> ReadCredential:
    """Understand what somebody pasted as a provider's credential. Raises UnusableCredential."""
    text = given.strip()
    if len(text) > MOST_CHARACTERS:
        raise UnusableCredential(f"must have at most {MOST_CHARACTERS} characters.")
    return _FORMATS.get(provider, _plain)(text)


def check_region(provider: str, declared: str | None, of_key: str | None) -> None:
    """Pass, or raise UndeclarableRegion. `of_key` is the region that the credential names itself."""
    if declared is None or declared == (of_key or GLOBAL):
        return
    if provider in KEY_NAMES_REGION:
        raise UndeclarableRegion("must be the region that the key itself names.")
    if declared not in DECLARABLE.get(provider, ()):
        allowed = ", ".join(sorted({GLOBAL, *DECLARABLE.get(provider, ())}))
        raise UndeclarableRegion(f"for this provider it may be {allowed}.")


def masked(secret: str) -> str:
    """The first and last characters of a secret that is long enough not to be told by them."""
    return f"{secret[:HEAD]}...{secret[-TAIL:]}" if len(secret) >= SHORTEST_SHOWN else "..."


def _plain(text: str) -> ReadCredential:
    if not PLAIN.fullmatch(text) or text[0] in "{[":
        raise UnusableCredential("must be the provider's API key: one word of printable ASCII characters.")
    return ReadCredential(text, masked(text))


def _with_region(text: str) -> ReadCredential:
    """A plain key, or `{"api_key": …, "region": …}`."""
    if not text.startswith("{"):
        return _plain(text)
    entry = _object(_json(text), known={"api_key", "region"})
    region = entry.get("region")
    if region is not None and region not in DATA_REGIONS:
        raise UnusableCredential(f"region must be one of {', '.join(DATA_REGIONS)}.")
    return ReadCredential(text, masked(_word(entry, "api_key")), region)


def _azure(text: str) -> ReadCredential:
    """A list of resources and deployments, or one of them alone."""
    found = _json(text)
    entries = found if isinstance(found, list) else [found]
    if not 1 <= len(entries) <= MOST_ENTRIES:
        raise UnusableCredential(f"must list 1 to {MOST_ENTRIES} resources or deployments.")
    keys = [_azure_entry(entry) for entry in entries]
    return ReadCredential(text, masked(keys[0]))


def _azure_entry(found: Any) -> str:  # JSON may be anything
    """The API key of a deployment or of a resource."""
    if isinstance(found, dict) and {"endpoint_url", "model_id", "model_slug"} & found.keys():
        entry = _object(found, known={"api_key", "endpoint_url", "model_id", "model_slug"})
        _word(entry, "model_id"), _word(entry, "model_slug")
        _require_address(_word(entry, "endpoint_url"))
    else:
        entry = _object(found, known={"api_key", "resource_name", "resource_type"})
        if not RESOURCE_NAME.fullmatch(_word(entry, "resource_name")):
            raise UnusableCredential("resource_name must be the first part of the resource's host name.")
        if entry.get("resource_type", "openai") not in ("openai", "ai_foundry"):
            raise UnusableCredential("resource_type must be openai or ai_foundry.")
    return _word(entry, "api_key")


def _bedrock(text: str) -> ReadCredential:
    """A Bedrock API key, or an AWS access key with its region; a temporary one has a session token."""
    if not text.startswith("{"):
        return _plain(text)
    entry = _object(_json(text), known={"accessKeyId", "secretAccessKey", "sessionToken", "region"})
    identifier = _word(entry, "accessKeyId")
    _word(entry, "secretAccessKey")
    if "sessionToken" in entry:
        _word(entry, "sessionToken")
    if not AWS_REGION.fullmatch(_word(entry, "region")):
        raise UnusableCredential("region must be an AWS region such as us-east-1.")
    return ReadCredential(text, masked(identifier))


def _google(text: str) -> ReadCredential:
    """A service account's key file, with the region that requests shall run in if it says one."""
    entry = _object(_json(text))
    if entry.get("type") != "service_account":
        raise UnusableCredential("type must be service_account.")
    identifier = _word(entry, "private_key_id")
    if not GOOGLE_PROJECT.fullmatch(_word(entry, "project_id")) or "@" not in _word(entry, "client_email"):
        raise UnusableCredential("project_id and client_email must be those of a service account.")
    if not isinstance(entry.get("private_key"), str) or not PEM.fullmatch(entry["private_key"]):
        raise UnusableCredential("private_key must be a private key in PEM format.")
    if entry.get("token_uri", TOKEN_URI) != TOKEN_URI:
        raise UnusableCredential(f"token_uri must be {TOKEN_URI}.")
    if not GOOGLE_REGION.fullmatch(_word(entry, "region") if "region" in entry else GLOBAL):
        raise UnusableCredential("region must be global or a region of Google Cloud.")
    return ReadCredential(text, masked(identifier))


def _json(text: str) -> Any:  # JSON may be anything
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UnusableCredential("must be the provider's credential as JSON.") from None


def _object(found: Any, *, known: set[str] | None = None) -> Json:  # JSON may be anything
    if not isinstance(found, dict):
        raise UnusableCredential("must be a JSON object.")
    if known is not None and found.keys() - known:
        raise UnusableCredential(f"may have the fields {', '.join(sorted(known))} and no others.")
    return found


def _word(entry: Json, name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not PLAIN.fullmatch(value):
        raise UnusableCredential(f"{name} must be there, as one word of printable ASCII characters.")
    return value


def _require_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_plain = (
            parts.scheme == "https" and parts.hostname and parts.username is None and not parts.fragment
        )
    except ValueError:
        is_plain = False
    if not is_plain:
        raise UnusableCredential("endpoint_url must be an https:// address without a user name.")


_FORMATS: Final[dict[str, Callable[[str], ReadCredential]]] = {
    "openai": _with_region,
    "fireworks": _with_region,
    "azure": _azure,
    "amazon-bedrock": _bedrock,
    "amazon-bedrock/claude-on-aws": _bedrock,
    "claude-on-aws": _bedrock,
    "google-vertex": _google,
}
KEY_NAMES_REGION: Final = frozenset({"openai", "fireworks"})
"""Providers whose keys name their region themselves."""
