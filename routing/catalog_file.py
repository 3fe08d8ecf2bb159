"""A catalog as a file (YAML or JSON): its shape, and what makes one valid. See docs/catalog.md. No database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml

from config.lib.money import NotAnAmount, femto_from_usd
from routing.providers import WIRE_FORMATS

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=60)]
ModelSlug = Annotated[
    str, msgspec.Meta(pattern=r"^[~a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9.:_-]*$", max_length=200)
]
Tag = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9./_-]*$", max_length=100)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Positive = Annotated[int, msgspec.Meta(gt=0, lt=2**31)]

PRICED = (
    "prompt",
    "completion",
    "request",
    "reasoning",
    "cache_read",
    "cache_write",
    "image",
    "audio",
    "web_search",
)


class InvalidCatalog(ValueError):
    """The file is no catalog; says where and why."""


class PriceFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Dollars per token (request, image, search) as quoted decimals; what is left out costs as its base unit."""

    prompt: str
    completion: str
    request: str = "0"
    reasoning: str | None = None
    cache_read: str | None = None
    cache_write: str | None = None
    image: str | None = None
    audio: str | None = None
    web_search: str | None = None

    def femto_columns(self) -> dict[str, int | None]:
        """The columns of a price version. Raises InvalidCatalog."""
        return {f"{unit}_femto": _femto(unit, getattr(self, unit)) for unit in PRICED}


class EndpointFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One model at one provider; `tag` is the provider's slug unless it is a variant, a region or a tier."""

    provider: Slug
    upstream_model: Short
    price: PriceFile | None = None
    tag: Tag | None = None
    context_length: Positive | None = None
    max_prompt_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    supported_parameters: list[str] = []
    quantization: str | None = None
    region: str | None = None
    service_tier: str | None = None
    trains_on_prompts: bool = False
    retains_prompts: bool = True
    retention_days: int | None = None
    can_publish: bool = False
    is_zdr: bool = False
    benchmark_score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    is_enabled: bool = True
    deprecated_at: datetime | None = None

    @property
    def key(self) -> str:
        """What tells the endpoints of a model apart."""
        return self.tag or self.provider

    def columns(self) -> dict[str, Any]:
        """The columns of an endpoint but for its model and provider."""
        given = msgspec.structs.asdict(self) | {"tag": self.key}
        return {name: value for name, value in given.items() if name not in ("provider", "price")}


class ModelFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A model and where it is served."""

    slug: ModelSlug
    name: Short
    endpoints: list[EndpointFile] = []
    description: str = ""
    context_length: Positive | None = None
    input_modalities: list[str] = msgspec.field(default_factory=lambda: ["text"])
    output_modalities: list[str] = msgspec.field(default_factory=lambda: ["text"])
    tokenizer: str = "Other"
    instruct_type: str | None = None
    hugging_face_id: str | None = None
    knowledge_cutoff_date: date | None = None
    expires_at: datetime | None = None
    is_distillable: bool = False
    is_enabled: bool = True

    def columns(self) -> dict[str, Any]:
        """The columns of a model."""
        given = msgspec.structs.asdict(self) | {"author": self.slug.partition("/")[0]}
        return {name: value for name, value in given.items() if name != "endpoints"}


class ProviderFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A provider. Its credential is never in the file: the file names the environment variable that holds it."""

    slug: Slug
    name: Short
    wire_format: str = "openai"
    base_url: str = ""
    credential_variable: str = ""
    headquarters: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None
    datacenters: list[str] | None = None
    privacy_policy_url: str | None = None
    terms_of_service_url: str | None = None
    status_page_url: str | None = None
    is_enabled: bool = True
    is_simulator: bool = False

    def columns(self) -> dict[str, Any]:
        """The columns of a provider."""
        return msgspec.structs.asdict(self)


class CatalogFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A whole file. Objects that it does not name are left alone."""

    providers: list[ProviderFile] = []
    models: list[ModelFile] = []
    dated: date | None = None
    source: Annotated[str, msgspec.Meta(max_length=100)] = ""


def read_catalog(path: Path) -> CatalogFile:
    """The valid catalog in a file. Raises InvalidCatalog, OSError."""
    text = path.read_bytes()
    try:
        raw = msgspec.json.decode(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidCatalog(f"{path.name}: {error}") from error
    return parse_catalog(raw)


def parse_catalog(raw: Any) -> CatalogFile:
    """The valid catalog in decoded YAML or JSON. Raises InvalidCatalog."""
    try:
        catalog = msgspec.convert(raw, CatalogFile)
    except msgspec.ValidationError as error:
        raise InvalidCatalog(str(error)) from error
    _check_unique("provider", (provider.slug for provider in catalog.providers))
    _check_unique("model", (model.slug for model in catalog.models))
    for provider in catalog.providers:
        _check_provider(provider)
    for model in catalog.models:
        _check_unique(f"endpoint of {model.slug}", (endpoint.key for endpoint in model.endpoints))
        for endpoint in model.endpoints:
            _check_endpoint(model, endpoint)
    return catalog


def _check_unique(kind: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidCatalog(f"{kind} {twice[0]} appears twice")


def _check_provider(provider: ProviderFile) -> None:
    if provider.wire_format not in WIRE_FORMATS:
        raise InvalidCatalog(f"provider {provider.slug}: unknown wire_format {provider.wire_format!r}")
    if provider.base_url and not provider.base_url.startswith(("https://", "http://")):
        raise InvalidCatalog(f"provider {provider.slug}: base_url must be an http or https URL")


def _check_endpoint(model: ModelFile, endpoint: EndpointFile) -> None:
    if not (endpoint.key == endpoint.provider or endpoint.key.startswith(endpoint.provider + "/")):
        raise InvalidCatalog(f"{model.slug} at {endpoint.key}: a tag begins with its provider's slug")
    if endpoint.price is None:
        return
    try:
        endpoint.price.femto_columns()
    except InvalidCatalog as error:
        raise InvalidCatalog(f"{model.slug} at {endpoint.key}: {error}") from error


def _femto(unit: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        femto = femto_from_usd(Decimal(text))
    except (InvalidOperation, NotAnAmount) as error:
        raise InvalidCatalog(
            f"the {unit} price {text!r} is no amount of dollars with at most 15 decimals"
        ) from error
    if femto < 0:
        raise InvalidCatalog(f"the {unit} price {text!r} is negative")
    return femto
