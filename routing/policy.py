"""A principal's policy: what governs every request made with one key, as one frozen value (DESIGN §4).

Compiled by routing.policies from the database; read by `decide`. It names the versions it was made from, so that
a gateway knows when it is no longer true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from config.lib.byok_fee import ByokFee
from routing.call import NO_PREFERENCES, ProviderPreferences
from routing.catalog_snapshot import ModelEntry
from routing.guardrails.rules import EffectiveRules
from routing.recording import Recording
from routing.usable_credential import UsableCredential


@dataclass(frozen=True, slots=True)
class LayerLimit:
    """A limit on a purse, and who sets it: the purse is compared with spent, or with spent and BYOK."""

    layer: str
    limit_nano: int
    counts_byok: bool


@dataclass(frozen=True, slots=True)
class PurseLimit:
    """A purse that a request has to be paid from, and the limit that stands behind it.

    `layer` names who refuses when it is empty: `credits` and `key` (402), `workspace` and guardrails' budgets (403:
    `workspace_default_member`, `workspace_default_key`, `member`, `api_key`). Where several limits stand on the
    purse, `limits` has all of them, `limit_nano` is the least, and BYOK is set aside if any of them counts it.
    """

    purse_id: int
    interval: str
    is_strict: bool
    layer: str
    limit_nano: int | None
    counts_byok: bool = False
    limits: tuple[LayerLimit, ...] = ()

    @property
    def each(self) -> tuple[LayerLimit, ...]:
        """The limits on it, in the order in which they are checked."""
        return self.limits or (LayerLimit(self.layer, self.limit_nano or 0, self.counts_byok),)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests and tokens per minute and requests at once; None: no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None


NO_LIMITS = RateLimits()


@dataclass(frozen=True, slots=True)
class FreeRates:
    """How many requests an organization may make to free models; None: any number. Days are UTC's."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None


NO_FREE_RATES = FreeRates()


@dataclass(frozen=True, slots=True)
class ScopeVersion:
    """One version that a policy was compiled from: ('workspace', 7) at 12."""

    kind: str
    object_id: int
    value: int


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: ids only. `kind` is `api_key`, `member` (in the chat room: no key), `management_key` or `nobody`.

    `secret` numbers the secret that was sent, where the key has several; what is used with it is booked with it.
    """

    kind: str
    organization_id: int = 0
    workspace_id: int = 0
    api_key_id: int | None = None
    member_id: int | None = None
    key_hash: str = ""
    secret: int | None = None


@dataclass(frozen=True, slots=True)
class RoutingDefaults:
    """How a workspace's requests are routed when they do not say; `sort` is in the preferences."""

    preferences: ProviderPreferences = NO_PREFERENCES
    is_auto_exacto_enabled: bool = True
    is_stickiness_enabled: bool = True


@dataclass(frozen=True, slots=True)
class PluginDefault:
    """What a workspace says about a plugin; `config` is what the plugin declares."""

    is_enabled: bool
    is_override_prevented: bool
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class PresetContent:
    """What one version of a preset says; it never changes, and all policies that hold it share it.

    `config_text` is the JSON of its parameters, by their names in Chat Completions. It stays text, a fraction of
    the size of what is in it: gateways hold all presets of many workspaces, and a request asks for one.
    """

    version_id: str
    number: int
    system_prompt: str | None
    config_text: bytes


@dataclass(frozen=True, slots=True)
class PresetEntry:
    """A preset that requests may refer to; `content` is there while it is active."""

    slug: str
    public_id: str
    status: str
    content: PresetContent | None = None


NO_RULES = EffectiveRules()
NO_ROUTING_DEFAULTS = RoutingDefaults()
NO_FEE = ByokFee(0, 0)


@dataclass(frozen=True, slots=True)
class Policy:
    """What governs a principal's requests. `refusal` is set when nothing at all is allowed.

    `refusal` is one of `disabled`, `deleted`, `owner_left`, `workspace_deleted`, `organization_deleted`: all of
    them answer 401, as an unknown key does.
    """

    principal: Principal
    subjects: tuple[int, ...]
    purses: tuple[PurseLimit, ...]
    versions: tuple[ScopeVersion, ...]
    refusal: str | None = None
    expires_at: datetime | None = None
    key_rates: RateLimits = NO_LIMITS
    member_rates: RateLimits = NO_LIMITS
    workspace_rates: RateLimits = NO_LIMITS
    organization_rates: RateLimits = NO_LIMITS
    free_rates: FreeRates = NO_FREE_RATES
    default_text_model: str | None = None
    routing: RoutingDefaults = NO_ROUTING_DEFAULTS
    rules: EffectiveRules = NO_RULES
    allowlist: tuple[str, ...] = ()
    """Phrases that are no prompt injection."""
    plugins: Mapping[str, PluginDefault] = field(default_factory=dict)
    """By the plugin's slug, where the workspace says anything."""
    presets: Mapping[str, PresetEntry] = field(default_factory=dict)
    """The workspace's presets, by their slugs."""
    own_models: Mapping[str, ModelEntry] = field(default_factory=dict)
    """The organization's private endpoints, by the slug of their model."""
    credentials: Mapping[str, tuple[UsableCredential, ...]] = field(default_factory=dict)
    """The organization's own, by the slug of their provider, in the order in which they are tried."""
    byok_fee: ByokFee = NO_FEE
    byok_allowance: PurseLimit | None = None
    """Where it is counted how much of a month's list price is free of the fee."""
    disabled_tools: frozenset[str] = frozenset()
    """Server tools that requests may not ask for, by their slugs."""
    is_catalog_filtered: bool = False
    """Whether lists of models leave out what the rules do not let the key use."""
    recording: Recording | None = None
    """Who wants to know what the requests say; None: nobody."""
    standings: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was worked out about models, by routing.selection.standing alone."""
