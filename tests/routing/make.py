"""Frozen values for tests of the decision: a catalog, endpoints, policies and calls with sensible defaults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry, Price, ServedBy
from routing.decision import EndpointStats, Percentiles
from routing.policy import Policy, Principal, PurseLimit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CREDITS = PurseLimit(1, "t", False, "credits", 10 * 10**9)
KEY_LIMIT = PurseLimit(2, "m", False, "key", 10**9)


def make_price(prompt: int = 10**9, completion: int = 2 * 10**9, **more: Any) -> Price:
    return Price(version_id=1, prompt=prompt, completion=completion, **more)


def make_provider(slug: str = "simulator", **more: Any) -> ServedBy:
    return ServedBy(slug, slug.title(), "openai", f"http://{slug}.test/v1", "secret-" + slug, **more)


_numbers = iter(range(1, 10**9))


def make_endpoint(tag: str = "simulator", model: str = "simulator/echo", **more: Any) -> EndpointEntry:
    entry = EndpointEntry(
        id=next(_numbers),
        tag=tag,
        model=model,
        upstream_model=model,
        provider=make_provider(tag.partition("/")[0]),
        price=make_price(),
        context_length=100_000,
        max_prompt_tokens=None,
        max_completion_tokens=10_000,
        supported_parameters=frozenset({"temperature", "tools", "max_tokens"}),
        quantization=None,
        region=None,
        service_tier=None,
        trains_on_prompts=False,
        retains_prompts=True,
        retention_days=30,
        can_publish=False,
        is_zdr=False,
    )
    return replace(entry, **more)


def make_model(slug: str, *endpoints: EndpointEntry, **more: Any) -> ModelEntry:
    model = ModelEntry(
        slug=slug,
        name=slug,
        description="",
        author=slug.partition("/")[0],
        created_at=NOW,
        context_length=100_000,
        input_modalities=("text",),
        output_modalities=("text",),
        tokenizer="Other",
        instruct_type=None,
        hugging_face_id=None,
        endpoints=tuple(replace(endpoint, model=slug) for endpoint in endpoints),
    )
    return replace(model, **more)


def make_catalog(*models: ModelEntry) -> CatalogSnapshot:
    providers = {
        endpoint.provider.slug: endpoint.provider for model in models for endpoint in model.endpoints
    }
    return CatalogSnapshot(1, {model.slug: model for model in models}, providers)


def make_stats(latency: float | None = None, throughput: float | None = None, **more: Any) -> EndpointStats:
    """Stats of an endpoint whose every request took as long."""
    return EndpointStats(
        latency=None if latency is None else Percentiles(*[latency] * 4),
        throughput=None if throughput is None else Percentiles(*[throughput] * 4),
        **more,
    )


def make_policy(*purses: PurseLimit, **more: Any) -> Policy:
    principal = Principal("api_key", organization_id=1, workspace_id=2, api_key_id=3, key_hash="f" * 64)
    return replace(Policy(principal, (8, 17, 26), purses or (CREDITS,), ()), **more)


def make_call(*models: str, body: dict[str, Any] | None = None, **more: Any) -> Call:
    call = Call(
        dialect="chat",
        models=models,
        body=body
        or {"model": models[0] if models else None, "messages": [{"role": "user", "content": "Hello"}]},
        is_streamed=False,
        prompt_tokens=100,
        max_tokens=50,
    )
    return msgspec.structs.replace(call, **more)
