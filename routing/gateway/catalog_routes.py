"""The catalog's routes, answered from memory: models, their endpoints, providers (SPEC §6; contract-notes 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

from config.lib.money import plain_usd, usd_from_femto
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry, Price
from routing.decide import key_refusal
from routing.errors import Refusal
from routing.gateway.admission import authenticate, find_key
from routing.gateway.client import Client, RefusedError
from routing.gateway.model_filters import Query, next_page, page_of, read_query, select
from routing.gateway.runtime import Runtime
from routing.gateway.windows import Window, percentiles
from routing.selection.byok import reachable
from routing.selection.own_models import beside
from routing.selection.permitted import permitted

Route: TypeAlias = Callable[[Runtime, Client], Awaitable[None]]

PREFIX = "/api/v1/"
UNAUTHORIZED = 401
TOOL_CHOICES = ("auto", "none", "required", "function")


def find(path: str) -> Route | None:
    """What serves the path, if it is one of the catalog's."""
    if not path.startswith(PREFIX):
        return None
    rest = path[len(PREFIX) :]
    if rest in ROUTES:
        return ROUTES[rest]
    parts = rest.split("/")
    if parts[0] == "models" and len(parts) == 4 and parts[3] == "endpoints":
        return list_endpoints
    return show_model if parts[0] == "model" and len(parts) == 3 else None


async def list_models(runtime: Runtime, client: Client) -> None:
    """GET /models"""
    await _send_models(runtime, client, {})


async def list_own_models(runtime: Runtime, client: Client) -> None:
    """GET /models/user: what the key may use and no more, hence never without one."""
    if find_key(client.scope) is None:
        await authenticate(runtime.policies, client.scope)
    await _send_models(runtime, client, {}, await open_catalog(runtime, client, is_filtered=True))


async def list_embedding_models(runtime: Runtime, client: Client) -> None:
    """GET /embeddings/models"""
    await _send_models(runtime, client, {"output_modalities": "embeddings"})


async def _send_models(
    runtime: Runtime, client: Client, fixed: Query, opened: CatalogSnapshot | None = None
) -> None:
    """The page of models that the query asks for; what is `fixed` it cannot ask for."""
    catalog = await open_catalog(runtime, client) if opened is None else opened
    query = read_query(client.scope["query_string"])
    models, page = select(catalog.models.values(), {**query, **fixed}), page_of(query)
    following = next_page(client.scope["path"], query, page, len(models))
    shown = [describe_model(model) for model in models[page]]
    await _send(client, {"data": shown, "links": {"next": following}, "total_count": len(models)})


async def count_models(runtime: Runtime, client: Client) -> None:
    """GET /models/count"""
    catalog = await open_catalog(runtime, client)
    query = read_query(client.scope["query_string"])
    wanted = {name: text for name, text in query.items() if name == "output_modalities"}
    await _send(client, {"data": {"count": len(select(catalog.models.values(), wanted))}})


async def show_model(runtime: Runtime, client: Client) -> None:
    """GET /model/{author}/{slug}"""
    catalog = await open_catalog(runtime, client)
    _, author, slug = client.scope["path"][len(PREFIX) :].split("/")
    await _send(client, {"data": describe_model(_model(catalog, author, slug))})


async def list_endpoints(runtime: Runtime, client: Client) -> None:
    """GET /models/{author}/{slug}/endpoints"""
    catalog = await open_catalog(runtime, client)
    _, author, slug, _ = client.scope["path"][len(PREFIX) :].split("/")
    model, window = _model(catalog, author, slug), runtime.health.window
    is_known = find_key(client.scope) is not None
    body = {
        "id": model.slug,
        "name": model.name,
        "created": int(model.created_at.timestamp()),
        "description": model.description,
        "architecture": _architecture(model),
        "endpoints": [
            describe_endpoint(endpoint, model) | describe_window(window(endpoint.id), is_known)
            for endpoint in model.endpoints
        ],
    }
    await _send(client, {"data": body})


async def list_zdr_endpoints(runtime: Runtime, client: Client) -> None:
    """GET /endpoints/zdr"""
    catalog = await open_catalog(runtime, client)
    is_known, window = find_key(client.scope) is not None, runtime.health.window
    shown = [
        describe_endpoint(endpoint, model) | describe_window(window(endpoint.id), is_known)
        for model in catalog.models.values()
        for endpoint in model.endpoints
        if endpoint.is_zdr
    ]
    await _send(client, {"data": shown})


async def list_providers(runtime: Runtime, client: Client) -> None:
    """GET /providers"""
    catalog = await open_catalog(runtime, client)
    shown = [
        {
            "name": provider.name,
            "slug": provider.slug,
            "privacy_policy_url": provider.privacy_policy_url,
            "terms_of_service_url": provider.terms_of_service_url,
            "status_page_url": provider.status_page_url,
            "headquarters": provider.headquarters,
            "datacenters": provider.datacenters,
        }
        for provider in sorted(catalog.providers.values(), key=lambda provider: provider.slug)
    ]
    await _send(client, {"data": shown})


ROUTES: dict[str, Route] = {
    "models": list_models,
    "models/user": list_own_models,
    "models/count": count_models,
    "embeddings/models": list_embedding_models,
    "providers": list_providers,
    "endpoints/zdr": list_zdr_endpoints,
}


async def open_catalog(runtime: Runtime, client: Client, *, is_filtered: bool = False) -> CatalogSnapshot:
    """The catalog, for anybody; but a key that is sent must be one, and sees what it alone can reach, too.

    Filtered, or where its organization wants that, it does not see what no layer of guardrails lets it use.
    Raises RefusedError: 401, 503.
    """
    if find_key(client.scope) is None:
        return runtime.catalog
    known = await authenticate(runtime.policies, client.scope)
    refusal = key_refusal(known.policy, datetime.now(UTC))
    if refusal is not None and refusal.status == UNAUTHORIZED:  # a management key may look
        raise RefusedError(refusal)
    policy = known.policy
    catalog = beside(reachable(runtime.catalog, policy.credentials), policy.own_models)
    return permitted(catalog, policy) if is_filtered or policy.is_catalog_filtered else catalog


def describe_model(model: ModelEntry) -> dict[str, Any]:
    """A model as the contract shows it."""
    cheapest = model.endpoints[0] if model.endpoints else None
    supported = sorted({name for endpoint in model.endpoints for name in endpoint.supported_parameters})
    return {
        "id": model.slug,
        "canonical_slug": model.slug,
        "hugging_face_id": model.hugging_face_id,
        "name": model.name,
        "created": int(model.created_at.timestamp()),
        "description": model.description,
        "context_length": model.context_length,
        "architecture": _architecture(model),
        "pricing": describe_price(cheapest.price) if cheapest else {"prompt": "0", "completion": "0"},
        "top_provider": {
            "context_length": cheapest.context_length if cheapest else model.context_length,
            "max_completion_tokens": cheapest.max_completion_tokens if cheapest else None,
            "is_moderated": False,
        },
        "per_request_limits": None,
        "supported_parameters": supported,
        "default_parameters": None,
        "supported_voices": None,
        "knowledge_cutoff": model.knowledge_cutoff_date,
        "expiration_date": model.expires_at.date().isoformat() if model.expires_at else None,
        "links": {"details": f"{PREFIX}models/{model.slug}/endpoints"},
    }


def describe_endpoint(endpoint: EndpointEntry, model: ModelEntry) -> dict[str, Any]:
    """An endpoint as the contract and the SDK want it (contract-notes 1)."""
    unknown = (
        "latency_last_30m",
        "throughput_last_30m",
        "uptime_last_5m",
        "uptime_last_30m",
        "uptime_last_1d",
    )
    return {
        "name": f"{endpoint.provider.name} | {model.slug}",
        "model_id": model.slug,
        "model_name": model.name,
        "context_length": endpoint.context_length or model.context_length or 0,
        "pricing": describe_price(endpoint.price),
        "provider_name": endpoint.provider.name,
        "tag": endpoint.tag,
        "quantization": endpoint.quantization,
        "max_completion_tokens": endpoint.max_completion_tokens,
        "max_prompt_tokens": endpoint.max_prompt_tokens,
        "supported_parameters": sorted(endpoint.supported_parameters),
        "status": 0,
        "supports_implicit_caching": endpoint.price.cache_read is not None,
        "supports_voice_cloning": False,
        "supports_diarization": False,
        "supports_tool_choice": dict.fromkeys(TOOL_CHOICES, "tool_choice" in endpoint.supported_parameters),
        "native_tools": {},
        "service_tier": endpoint.service_tier,
        **dict.fromkeys(unknown),
    }


def describe_window(window: Window | None, is_known: bool) -> dict[str, Any]:
    """How an endpoint did lately: uptimes in percent, latencies in milliseconds, speeds in tokens per second.

    Speeds are shown to callers with a key.
    """
    if window is None:
        return {}
    uptimes = {
        "uptime_last_5m": window.recent.uptime,
        "uptime_last_30m": window.half_hour().uptime,
        "uptime_last_1d": window.day().uptime,
    }
    shown: dict[str, Any] = {
        name: round(uptime * 100, 3) for name, uptime in uptimes.items() if uptime is not None
    }
    if is_known:
        lately = window.half_hour()
        latency = percentiles(lately.latency, is_least=False)
        throughput = percentiles(lately.throughput, is_least=True)
        if latency is not None:
            shown["latency_last_30m"] = {
                name: round(value * 1000, 1) for name, value in latency._asdict().items()
            }
        if throughput is not None:
            shown["throughput_last_30m"] = {
                name: round(value, 2) for name, value in throughput._asdict().items()
            }
    return shown


def describe_price(price: Price) -> dict[str, str]:
    """Dollars per unit as strings; units without a price of their own are left out."""
    named = {
        "prompt": price.prompt,
        "completion": price.completion,
        "request": price.request,
        "image": price.image,
        "audio": price.audio,
        "web_search": price.web_search,
        "internal_reasoning": price.reasoning,
        "input_cache_read": price.cache_read,
        "input_cache_write": price.cache_write,
    }
    return {name: plain_usd(usd_from_femto(femto)) for name, femto in named.items() if femto is not None}


def _architecture(model: ModelEntry) -> dict[str, Any]:
    inputs, outputs = list(model.input_modalities), list(model.output_modalities)
    return {
        "modality": f"{'+'.join(inputs)}->{'+'.join(outputs)}",
        "input_modalities": inputs,
        "output_modalities": outputs,
        "tokenizer": model.tokenizer,
        "instruct_type": model.instruct_type,
    }


def _model(catalog: CatalogSnapshot, author: str, slug: str) -> ModelEntry:
    model = catalog.models.get(f"{author}/{slug}")
    if model is None:
        raise RefusedError(Refusal(404, "not_found", "There is no such model.", "not_found"))
    return model


async def _send(client: Client, body: dict[str, Any]) -> None:
    await client.answer(200, msgspec.json.encode(body))
