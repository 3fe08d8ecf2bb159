"""The catalog's routes, answered from memory: models, their endpoints, providers (SPEC §6; contract-notes 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import msgspec

from config.lib.money import plain_usd, usd_from_femto
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry, Price
from routing.decide import key_refusal
from routing.errors import Refusal, invalid_request
from routing.gateway.admission import authenticate, find_key
from routing.gateway.client import Client, RefusedError
from routing.gateway.runtime import Runtime

Route: TypeAlias = Callable[[Runtime, Client], Awaitable[None]]

PREFIX = "/api/v1/"
MOST_MODELS = 1000
UNAUTHORIZED = 401
TOOL_CHOICES = ("auto", "none", "required", "function")
ALL = "all"
"""`output_modalities=all` lists models of every kind; without it only those that write text."""


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
    catalog = await open_catalog(runtime, client)
    query = _query(client)
    models = _of_modality(catalog.models.values(), query.get("output_modalities", "text"))
    offset, limit = _whole(query, "offset", 0), _whole(query, "limit", len(models) or 1)
    if limit > MOST_MODELS and "limit" in query:
        raise RefusedError(invalid_request(f"'limit' must be at most {MOST_MODELS}.", parameter="limit"))
    shown = [describe_model(model) for model in models[offset : offset + limit]]
    await _send(
        client, {"data": shown, "links": _links(offset, limit, len(models)), "total_count": len(models)}
    )


async def list_own_models(runtime: Runtime, client: Client) -> None:
    """GET /models/user: what the key's owner can reach, hence never without a key."""
    if find_key(client.scope) is None:
        await authenticate(runtime.policies, client.scope)
    await list_models(runtime, client)


async def list_embedding_models(runtime: Runtime, client: Client) -> None:
    """GET /embeddings/models"""
    catalog = await open_catalog(runtime, client)
    models = _of_modality(catalog.models.values(), "embeddings")
    shown = [describe_model(model) for model in models]
    await _send(
        client, {"data": shown, "links": _links(0, len(shown) or 1, len(shown)), "total_count": len(shown)}
    )


async def count_models(runtime: Runtime, client: Client) -> None:
    """GET /models/count"""
    catalog = await open_catalog(runtime, client)
    wanted = _query(client).get("output_modalities", "text")
    await _send(client, {"data": {"count": len(_of_modality(catalog.models.values(), wanted))}})


async def show_model(runtime: Runtime, client: Client) -> None:
    """GET /model/{author}/{slug}"""
    catalog = await open_catalog(runtime, client)
    _, author, slug = client.scope["path"][len(PREFIX) :].split("/")
    await _send(client, {"data": describe_model(_model(catalog, author, slug))})


async def list_endpoints(runtime: Runtime, client: Client) -> None:
    """GET /models/{author}/{slug}/endpoints"""
    catalog = await open_catalog(runtime, client)
    _, author, slug, _ = client.scope["path"][len(PREFIX) :].split("/")
    model = _model(catalog, author, slug)
    body = {
        "id": model.slug,
        "name": model.name,
        "created": int(model.created_at.timestamp()),
        "description": model.description,
        "architecture": _architecture(model),
        "endpoints": [describe_endpoint(endpoint, model) for endpoint in model.endpoints],
    }
    await _send(client, {"data": body})


async def list_zdr_endpoints(runtime: Runtime, client: Client) -> None:
    """GET /endpoints/zdr"""
    catalog = await open_catalog(runtime, client)
    shown = [
        describe_endpoint(endpoint, model)
        for model in catalog.models.values()
        for endpoint in model.endpoints
        if endpoint.is_zdr
    ]
    await _send(client, {"data": shown})


async def list_providers(runtime: Runtime, client: Client) -> None:
    """GET /providers"""
    catalog = await open_catalog(runtime, client)
    unknown = ("privacy_policy_url", "terms_of_service_url", "status_page_url", "headquarters", "datacenters")
    shown = [
        {"name": provider.name, "slug": provider.slug, **dict.fromkeys(unknown)}
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


async def open_catalog(runtime: Runtime, client: Client) -> CatalogSnapshot:
    """The catalog, for anybody; but a key that is sent must be one. Raises RefusedError: 401, 503."""
    if find_key(client.scope) is not None:
        known = await authenticate(runtime.policies, client.scope)
        refusal = key_refusal(known.policy, datetime.now(UTC))
        if refusal is not None and refusal.status == UNAUTHORIZED:  # a management key may look
            raise RefusedError(refusal)
    return runtime.catalog


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


def _of_modality(models: Iterable[ModelEntry], wanted: str) -> list[ModelEntry]:
    names = set(wanted.split(","))
    return sorted(
        (model for model in models if ALL in names or names & set(model.output_modalities)),
        key=lambda model: (-model.created_at.timestamp(), model.slug),
    )


def _links(offset: int, limit: int, total: int) -> dict[str, str | None]:
    following = offset + limit
    return {"next": f"{PREFIX}models?offset={following}&limit={limit}" if following < total else None}


def _query(client: Client) -> dict[str, str]:
    text = client.scope["query_string"].decode("latin-1")
    try:
        return {name: values[-1] for name, values in parse_qs(text, max_num_fields=50).items()}
    except ValueError:
        raise RefusedError(invalid_request("The query string has too many fields.")) from None


def _whole(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise RefusedError(invalid_request(f"'{name}' must be a whole number.", parameter=name))
    return int(text)


async def _send(client: Client, body: dict[str, Any]) -> None:
    await client.answer(200, msgspec.json.encode(body))
