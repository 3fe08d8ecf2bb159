"""What the environment says of plugins, as the gateway works with it."""

from __future__ import annotations

from config.lib.environment import Environment
from config.lib.money import femto_from_usd
from config.lib.outbound import OutboundRules
from routing.plugins.operator import Operator, Service


def operator_of(env: Environment) -> Operator:
    """The operator's services and prices."""
    return Operator(
        search=_searches(env),
        search_femto=femto_from_usd(env.web_search_usd),
        result_femto=femto_from_usd(env.web_result_usd),
        fetch_femto=femto_from_usd(env.web_fetch_usd),
        parsers=_parsers(env),
        moderation=Service(env.moderation_url, env.moderation_api_key) if env.moderation_url else None,
        moderation_model=env.moderation_model,
        outbound=OutboundRules.parse(env.outbound_allow),
    )


def _searches(env: Environment) -> dict[str, Service]:
    keyed = {
        "exa": Service(env.exa_url, env.exa_api_key),
        "tavily": Service(env.tavily_url, env.tavily_api_key),
        "parallel": Service(env.parallel_url, env.parallel_api_key),
        "perplexity": Service(env.perplexity_url, env.perplexity_api_key),
        "firecrawl": Service(env.firecrawl_url, env.firecrawl_api_key),
    }
    found = {name: service for name, service in keyed.items() if service.key}
    return found | ({"searxng": Service(env.searxng_url)} if env.searxng_url else {})


def _parsers(env: Environment) -> dict[str, Service]:
    found = {}
    if env.mistral_ocr_api_key:
        found["mistral-ocr"] = Service(env.mistral_ocr_url.rstrip("/"), env.mistral_ocr_api_key)
    if env.cloudflare_ai_api_key and env.cloudflare_ai_url:
        found["cloudflare-ai"] = Service(env.cloudflare_ai_url.rstrip("/"), env.cloudflare_ai_api_key)
    return found
