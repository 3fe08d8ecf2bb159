"""The upstreams that private endpoints may name: whose they are, how they are spoken to, and at which addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from config.lib.outbound import ForbiddenAddress, OutboundRules
from routing.byok_providers import is_provider
from routing.credential_formats import KEY_NAMES_REGION
from routing.models import Provider

SELF_HOSTED: Final = "self-hosted"
"""The provider's slug for whoever serves a model himself and is none of the known ones."""
OPENAI: Final = "openai"
SPOKEN: Final = {
    "amazon-bedrock": "bedrock",
    "anthropic": "anthropic",
    "azure": "azure",
    "google-ai-studio": "gemini",
    "google-vertex": "vertex",
}
"""How providers speak that the catalog may not have; all others speak OpenAI's."""
ADDRESSED: Final = (OPENAI, "anthropic", "gemini")
"""Wire formats for which the endpoint says the address itself."""
OF_CREDENTIAL: Final = {"azure": "", "bedrock": "https://bedrock-runtime.{region}.amazonaws.com"}
"""Wire formats whose address the credential completes."""
STEERED: Final = frozenset({*ADDRESSED, "azure"})
"""Wire formats whose address is what a user wrote down, as it is."""


class UnknownProvider(Exception):
    """There is no provider of this name."""


class UnusableUpstream(Exception):
    """The provider, its wire format or its address cannot be used; the message names the field."""


def wire_format_of(provider: str, wanted: str | None) -> str:
    """How to speak to the provider; `wanted` may say so itself. Raises UnknownProvider, UnusableUpstream."""
    if provider != SELF_HOSTED and not is_provider(provider):
        raise UnknownProvider("provider_slug: there is no such provider.")
    row = Provider.objects.filter(slug=provider, is_simulator=False).first()
    usual = row.wire_format if row is not None else SPOKEN.get(provider, OPENAI)
    if usual not in ADDRESSED and usual not in OF_CREDENTIAL:
        raise UnusableUpstream("provider_slug: this provider cannot be used for private endpoints.")
    if wanted is None or wanted == usual:
        return usual
    if usual in OF_CREDENTIAL or wanted not in ADDRESSED:
        raise UnusableUpstream(f"wire_format: for this provider it must be {usual}.")
    return wanted


def check_address(wire_format: str, base_url: str | None, rules: OutboundRules) -> None:
    """Pass, or raise UnusableUpstream. Names are resolved, and checked again, when they are connected to."""
    if wire_format in OF_CREDENTIAL:
        if base_url is not None:
            raise UnusableUpstream("base_url: this provider's address comes from its credential.")
        return
    if base_url is None:
        raise UnusableUpstream("base_url: must be given for this provider.")
    if not _is_plain(base_url, rules):
        raise UnusableUpstream(
            "base_url: must be an https:// address without user name, query or fragment; http:// where the operator "
            "has opened address ranges (HEADGATE_OUTBOUND_ALLOW)."
        )
    try:
        rules.check_url(base_url)
    except ForbiddenAddress as error:
        raise UnusableUpstream(f"base_url: {error}.") from None


def origin_of(base_url: str | None) -> tuple[str, str | None, int | None] | None:
    """Where an address leads, without its path; a secret belongs to one of these."""
    if base_url is None:
        return None
    parts = urlsplit(base_url)
    return parts.scheme, parts.hostname, parts.port


def key_of(provider: str, secret: str) -> str:
    """What a credential's text says to the provider: of one that names its region, the key alone."""
    if provider in KEY_NAMES_REGION and secret.startswith("{"):
        return str(json.loads(secret)["api_key"])
    return secret


def names_of(providers: Iterable[str], *, using: str = "default") -> Mapping[str, str]:
    """The providers' names for people, by slug; one query."""
    wanted = frozenset(providers)
    known = dict(Provider.objects.using(using).filter(slug__in=wanted).values_list("slug", "name"))
    return {slug: known.get(slug) or slug.replace("-", " ").title() for slug in wanted}


def _is_plain(base_url: str, rules: OutboundRules) -> bool:
    schemes = ("https", "http") if rules.allowed else ("https",)
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return False
    is_whole = bool(parts.hostname) and "@" not in parts.netloc and not parts.query and not parts.fragment
    is_clean = base_url.isascii() and base_url.isprintable() and " " not in base_url
    return parts.scheme in schemes and is_whole and is_clean
