"""The catalog as the data plane holds it: frozen values compiled from the database, prices in femto-dollars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Price:
    """What an endpoint charges, in femto-dollars (10⁻¹⁵) per unit; None: that unit costs what its base unit costs."""

    version_id: int
    prompt: int
    completion: int
    request: int = 0
    reasoning: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    image: int | None = None
    audio: int | None = None
    web_search: int | None = None


@dataclass(frozen=True, slots=True)
class ServedBy:
    """A provider, and how to reach it. The credential is opened in memory only and never shown.

    `is_users_address`: a user wrote the address down, not the operator; what it leads to is checked at each connection.
    `needs_credential`: this installation has none, so it can be asked with one's own alone.
    """

    slug: str
    name: str
    wire_format: str
    base_url: str
    credential: str = field(default="", repr=False)
    is_simulator: bool = False
    is_users_address: bool = False
    needs_credential: bool = False
    headquarters: str | None = None
    datacenters: tuple[str, ...] | None = None
    privacy_policy_url: str | None = None
    terms_of_service_url: str | None = None
    status_page_url: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointEntry:
    """One model as one provider serves it; `is_private`: at the asking organization's own expense."""

    id: int
    tag: str
    model: str
    upstream_model: str
    provider: ServedBy
    price: Price
    context_length: int | None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    supported_parameters: frozenset[str]
    quantization: str | None
    region: str | None
    service_tier: str | None
    trains_on_prompts: bool
    retains_prompts: bool
    retention_days: int | None
    can_publish: bool
    is_zdr: bool
    deprecated_at: datetime | None = None
    is_private: bool = False
    benchmark_score: float | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model and the endpoints that can be routed to (enabled, priced, reachable), cheapest first."""

    slug: str
    name: str
    description: str
    author: str
    created_at: datetime
    context_length: int | None
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    tokenizer: str
    instruct_type: str | None
    hugging_face_id: str | None
    endpoints: tuple[EndpointEntry, ...]
    knowledge_cutoff_date: str | None = None
    expires_at: datetime | None = None
    is_distillable: bool = False


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """Everything that can be asked for, at one version of the platform; `unroutable` models exist and cannot.

    `byok_models` have endpoints that only somebody with a credential of his own can ask, beside those that all can.
    """

    version: int
    models: Mapping[str, ModelEntry]
    providers: Mapping[str, ServedBy]
    unroutable: frozenset[str] = frozenset()
    byok_models: Mapping[str, ModelEntry] = field(default_factory=dict)
    byok_providers: Mapping[str, ServedBy] = field(default_factory=dict)
