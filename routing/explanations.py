"""Explanations: a request put to the pure decision with what the database knows, and guardrails tried out on it.

Nothing is called, nothing is held and nothing is written; what the gateway's processes hold in memory (rates that
are used, endpoints that failed lately) is not known here.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import Version
from config.lib.environment import environment
from config.lib.money import window_start
from routing.catalog_compiler import compile_catalog
from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.decision import Decision
from routing.explaining.lifting import Lifting, lifting_of
from routing.explaining.matter import Asked, Matter, PurseState, judge, read
from routing.gateway.preparing import preparation_of
from routing.guardrail_checks import check_columns, check_limit
from routing.guardrails.findings import Scan
from routing.guardrails.rules import EffectiveRules, Layer, Rules, merge
from routing.guardrails.scanning import scanner_of
from routing.models import Guardrail
from routing.plugin_services import operator_of
from routing.policies import policy_of, read_versions
from routing.policy import Policy, PurseLimit
from routing.policy_parts.guardrails import allowlist_of, privacy_of
from routing.reachable_models import models_reached
from routing.selection.byok import reachable
from routing.selection.own_models import beside
from workspaces.key_secrets import addressed
from workspaces.models import ApiKey, Purse, Workspace
from workspaces.windows import to_datetime, window_of

USING = "default"
SCOPES = ("workspace", "member", "api-key")
SEED_BITS = 31
MOST_SCAN_WORK = 200_000_000
"""Bytes times a policy's weight: about a second, in which the process answers nobody else."""
MICROSECOND = 1_000_000


class TooMuchToScan(ValueError):
    """The request is too long for patterns as dear as these to be searched here."""

    def __init__(self) -> None:
        super().__init__("request: is too long to be searched here for the patterns of these guardrails.")


@dataclass(frozen=True)
class Draft:
    """Settings of a guardrail that is not written. Stands in the place of what its scope has, or beside it."""

    scope: str
    replaces: bool
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Explanation:
    """What was decided about a request, on what, and what would lift a refusal."""

    matter: Matter
    decision: Decision
    lifting: Lifting
    draft: Draft | None


class CatalogCache:
    """The platform's catalog, compiled once for each of its versions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: CatalogSnapshot | None = None

    def get(self) -> CatalogSnapshot:
        """The catalog as the caller's transaction sees it."""
        version = read_versions([(Version.PLATFORM, 0)], using=USING)[Version.PLATFORM, 0]
        with self._lock:
            if self._known is None or self._known.version != version:
                self._known = compile_catalog(version, using=USING)
            return self._known

    def forget(self) -> None:
        """Compile it anew when it is asked for again."""
        self._known = None


catalog = CatalogCache()


def key_named(organization_id: int, digest: str) -> ApiKey | None:
    """The organization's key with this hash, or a former one, with all that its policy is made of."""
    keys = ApiKey.objects.for_organization(organization_id).active()
    return addressed(keys.select_related("organization", "workspace", "owner__user"), digest)


def key_of(organization_id: int, identifier: int) -> ApiKey:
    """The organization's key with this id, with all that its policy is made of."""
    keys = ApiKey.objects.for_organization(organization_id)
    found: ApiKey = keys.select_related("organization", "workspace", "owner__user").get(pk=identifier)
    return found


def explain(*, key: ApiKey, asked: Asked, seed: int | None = None, draft: Draft | None = None) -> Explanation:
    """What would become of a request with this key. Raises TooMuchToScan, InvalidGuardrail."""
    policy = policy_of(key, using=USING)
    if draft is not None:
        policy = replace(policy, rules=with_draft(policy.rules, draft))
    preparation = preparation_of(policy)
    check_work(len(asked.data), preparation.weight)
    now = timezone.now()
    matter = Matter(
        asked=asked,
        policy=policy,
        catalog=catalog.get(),
        purses=purse_states(key.organization_id, _purses_of(policy), now),
        stats={},
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        now=now,
        operator=operator_of(environment()),
    )
    matter = read(matter, preparation)
    decision = judge(matter)
    return Explanation(matter, decision, lifting_of(matter, decision), draft)


def check_work(size: int, weight: int) -> None:
    """Pass, or raise TooMuchToScan."""
    if size * weight > MOST_SCAN_WORK:
        raise TooMuchToScan


def with_draft(rules: EffectiveRules, draft: Draft) -> EffectiveRules:
    """The layers with the draft among them. Raises InvalidGuardrail."""
    check_columns(draft.settings)
    check_limit(draft.settings.get("limit_nano"), draft.settings.get("limit_interval"))
    own = Rules.of(Layer(draft.scope), draft.settings)
    kept = [one for one in rules.layers if not (draft.replaces and one.layer.scope == draft.scope)]
    order = {scope: number for number, scope in enumerate(("account", *SCOPES))}
    return merge(sorted([*kept, own], key=lambda one: order.get(one.layer.scope, len(order))))


@dataclass(frozen=True)
class Governed:
    """Layers of guardrails, the phrases that are no prompt injection, and the models that they are about."""

    rules: EffectiveRules
    allowlist: tuple[str, ...]
    models: tuple[ModelEntry, ...]


def governed_with(key: ApiKey) -> Governed:
    """What governs every request with a key."""
    policy = policy_of(key, using=USING)
    seen = beside(reachable(catalog.get(), policy.credentials), policy.own_models)
    return Governed(policy.rules, policy.allowlist, tuple(seen.models.values()))


def governed_in(workspace: Workspace) -> Governed:
    """What governs every request of a workspace, whoever makes it."""
    privacy = privacy_of(workspace.organization_id, using=USING)
    layers = [] if privacy is None else [Rules.of(Layer("account"), vars(privacy))]
    default = Guardrail.objects.for_workspace(workspace).filter(is_default=True).first()
    if default is not None:
        layers.append(Rules.of(Layer("workspace", str(default.public_id)), vars(default)))
    return Governed(merge(layers), allowlist_of(privacy), models_in(workspace.organization_id, workspace))


def models_in(organization_id: int, workspace: Workspace | None = None) -> tuple[ModelEntry, ...]:
    """The models that some request can reach, in a workspace or in any."""
    return models_reached(catalog.get(), organization_id, workspace, using=USING)


def tried(governed: Governed, draft: Draft) -> Governed:
    """The same with a draft among the layers. Raises InvalidGuardrail."""
    return replace(governed, rules=with_draft(governed.rules, draft))


def look_at(text: str, governed: Governed) -> Scan:
    """What the layers find in a user's text. Raises TooMuchToScan."""
    scanner = scanner_of(governed.rules, governed.allowlist)
    check_work(len(text), scanner.weight)
    return scanner.scan({"messages": [{"role": "user", "content": text}]})


def _purses_of(policy: Policy) -> list[PurseLimit]:
    """Every purse that a request may be paid from, those that a policy names one by one too."""
    named = [getattr(policy, field.name) for field in fields(policy)]
    return [*policy.purses, *(purse for purse in named if isinstance(purse, PurseLimit))]


def purse_states(
    organization_id: int, purses: Iterable[PurseLimit], now: datetime
) -> Mapping[int, PurseState]:
    """What has been spent from these purses in their present windows."""
    wanted = {purse.purse_id: purse for purse in purses}
    rows = Purse.objects.for_organization(organization_id).filter(pk__in=wanted)
    return {row.pk: _state(row, now) for row in rows.order_by("pk")}


def _state(row: Purse, now: datetime) -> PurseState:
    begins_at = window_start(row.interval, now)
    ends_at = None
    if row.interval != "t":
        ends_at = to_datetime(window_of(row.interval, int(now.timestamp() * MICROSECOND))[1])
    if row.window_start < begins_at:  # it rolls with its next request
        return PurseState(begins_at=begins_at, ends_at=ends_at)
    return PurseState(row.spent_nano, row.byok_nano, row.leased_nano, begins_at, ends_at)
