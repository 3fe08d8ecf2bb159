"""Changes that a refused request could be let through by: each is a value that says what it is and makes it so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from routing.call import NO_PREFERENCES, Call, ProviderPreferences
from routing.catalog_snapshot import EndpointEntry
from routing.explaining.matter import Asked, Matter, PurseState, read
from routing.gateway.preparing import preparation_of
from routing.guardrails.findings import CUSTOM, UNLABELLED, Finding
from routing.guardrails.rules import REDACT, Layer, Rules, merge, zdr_group
from routing.guardrails.scanning import scanner_of
from routing.guardrails.texts import Place
from routing.guardrails.texts import replace as replace_texts
from routing.policy import PurseLimit

REQUEST, GUARDRAIL, LIMIT, KEY = "request", "guardrail", "limit", "key"
ADD, REMOVE, SET = "add", "remove", "set"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `kind` says of what: the request, a layer's guardrail, a limit, the key.

    `setting` is the field by its name in the API, `action` one of `add`, `remove` and `set`, `value` what is added,
    removed or set. `needs_scan`: every text has to be looked at again.
    """

    kind: str
    setting: str
    action: str
    value: Any
    apply: Callable[[Matter], Matter]
    layer: Layer | None = None
    purse: PurseLimit | None = None
    needs_scan: bool = False

    @property
    def name(self) -> tuple[str, ...]:
        """What tells it from every other change."""
        return (self.kind, self.setting, self.action, repr(self.value), repr(self.layer))


def of_request(
    setting: str, action: str, value: Any, vary: Callable[[Call], Call], *, needs_scan: bool = False
) -> Change:
    """Another request."""

    def apply(matter: Matter) -> Matter:
        return replace(matter, call=vary(matter.call)) if matter.call else matter

    return Change(REQUEST, setting, action, value, apply, needs_scan=needs_scan)


def other_model(slug: str) -> Change:
    """The same request for another model."""
    return of_request("model", SET, slug, lambda call: msgspec.structs.replace(call, models=(slug,)))


def without_preference(field: str) -> Change:
    """The same request without one of its provider preferences."""

    def vary(call: Call) -> Call:
        said = {**preferences_told(call.preferences), field: getattr(NO_PREFERENCES, field)}
        return msgspec.structs.replace(call, preferences=ProviderPreferences(**said))

    return of_request(f"provider.{field}", REMOVE, None, vary)


def preferences_told(preferences: ProviderPreferences) -> dict[str, Any]:
    """Every preference by its name."""
    return {name: getattr(preferences, name) for name in ProviderPreferences.__annotations__}


def without_parameters(names: Iterable[str]) -> Change:
    """The same request without parameters that an endpoint does not support."""
    dropped = frozenset(names)

    def vary(call: Call) -> Call:
        return msgspec.structs.replace(call, parameters=call.parameters - dropped)

    return of_request("parameters", REMOVE, sorted(dropped), vary)


def arriving_in(region: str) -> Change:
    """The same request, sent to a host of another region."""
    return of_request("region", SET, region, lambda call: msgspec.structs.replace(call, region=region))


def with_fewer_tokens(tokens: int) -> Change:
    """The same request for a shorter answer."""
    return of_request(
        "max_tokens", SET, tokens, lambda call: msgspec.structs.replace(call, max_tokens=tokens)
    )


def without_texts(places: tuple[Place, ...], shown: list[str]) -> Change:
    """The same request without the texts in which something was found."""

    def apply(matter: Matter) -> Matter:
        if matter.call is None:
            return matter
        body = replace_texts(matter.call.body, dict.fromkeys(places, ""))
        scan = scanner_of(matter.policy.rules, matter.policy.allowlist).scan(body)
        return replace(matter, call=msgspec.structs.replace(matter.call, body=body), scan=scan)

    return Change(REQUEST, "texts", REMOVE, shown, apply, needs_scan=True)


def without_field(name: str) -> Change:
    """The same request without a field that it could not be read with."""

    def apply(matter: Matter) -> Matter:
        return _read_again(matter, _without(matter.asked, name.split(".")))

    return Change(REQUEST, name, REMOVE, None, apply, needs_scan=True)


def of_layer(
    rules: Rules, setting: str, action: str, value: Any, *, needs_scan: bool = False, **columns: Any
) -> Change:
    """Another guardrail, or other privacy settings of the account."""

    def apply(matter: Matter) -> Matter:
        layers = [
            replace(one, **columns) if one.layer == rules.layer else one for one in matter.policy.rules.layers
        ]
        changed = replace(matter, policy=replace(matter.policy, rules=merge(layers)))
        return _read_again(changed, matter.asked) if needs_scan else changed

    return Change(GUARDRAIL, setting, action, value, apply, rules.layer, needs_scan=needs_scan)


def against(rules: Rules, setting: str, entry: EndpointEntry) -> Change | None:
    """What undoes a setting of a layer that leaves the endpoint out."""
    slug = entry.tag.partition("/")[0]
    names = frozenset(name for name in (entry.tag.lower(), slug.lower(), entry.provider.slug.lower()))
    if setting == "allowed_providers":
        allowed = (rules.allowed_providers or frozenset()) | {entry.tag.lower()}
        return of_layer(rules, setting, ADD, entry.tag, allowed_providers=allowed)
    if setting == "ignored_providers":
        ignored = rules.ignored_providers - names
        gone = sorted(rules.ignored_providers & names)
        return of_layer(rules, setting, REMOVE, gone, ignored_providers=ignored)
    if setting.startswith("enforce_zdr_"):
        groups = rules.zdr_groups - {zdr_group(entry.model)}
        return of_layer(rules, setting, SET, False, zdr_groups=groups)
    if setting in rules.denied:
        return of_layer(rules, setting, SET, True, denied=rules.denied - {setting})
    return None


def allowing_model(rules: Rules, field: str, names: Iterable[str]) -> Change:
    """The layer with the model on its allowlist, or off its ignore list."""
    meant = [name.lower() for name in names]
    if field == "allowed_models":
        allowed = (rules.allowed_models or frozenset()) | {meant[0]}
        return of_layer(rules, field, ADD, meant[0], allowed_models=allowed)
    parts = {part for name in meant for part in (name, name.partition(":")[0])}
    gone = sorted(rules.ignored_models & parts)
    return of_layer(rules, field, REMOVE, gone, ignored_models=rules.ignored_models - parts)


def allowing_region(rules: Rules, region: str) -> Change:
    """The layer with the region in which the request arrived."""
    regions = (rules.data_regions or frozenset()) | {region}
    return of_layer(rules, "allowed_data_regions", ADD, region, data_regions=regions)


def not_blocking(rules: Rules, finding: Finding) -> Change:
    """The layer with the check that blocked only flagging (built in), or without the filter (a pattern)."""
    if finding.detector == CUSTOM:
        kept = tuple(
            one for one in rules.filters if one.action == REDACT or (one.label or UNLABELLED) != finding.label
        )
        return of_layer(rules, "content_filters", REMOVE, finding.label, needs_scan=True, filters=kept)
    builtins = tuple(
        replace(one, action="flag") if one.slug == finding.detector else one for one in rules.builtins
    )
    value = {"slug": finding.detector, "action": "flag"}
    return of_layer(rules, "content_filter_builtins", SET, value, needs_scan=True, builtins=builtins)


def raising(purse: PurseLimit, to_nano: int) -> Change:
    """A limit that is as high as the request needs it, at least; `purse` has it alone."""

    def raised(one: PurseLimit) -> PurseLimit:
        if one.purse_id != purse.purse_id:
            return one
        if not one.limits:
            return replace(one, limit_nano=to_nano)
        limits = tuple(
            replace(limit, limit_nano=to_nano) if limit.layer == purse.layer else limit
            for limit in one.limits
        )
        return replace(one, limits=limits, limit_nano=min(limit.limit_nano for limit in limits))

    def apply(matter: Matter) -> Matter:
        purses = tuple(raised(one) for one in matter.policy.purses)
        return replace(matter, policy=replace(matter.policy, purses=purses))

    return Change(LIMIT, f"{purse.layer}:{purse.interval}", SET, to_nano, apply, purse=purse)


def reviving(setting: str, value: Any, **fields: Any) -> Change:
    """A key that may be used again."""

    def apply(matter: Matter) -> Matter:
        return replace(matter, policy=replace(matter.policy, **fields))

    return Change(KEY, setting, SET, value, apply)


def needed_nano(purse: PurseLimit, state: PurseState, nano: int) -> int:
    """The lowest limit with which the purse would admit a hold."""
    return max(state.counted(purse) + (nano if purse.is_strict else 1), 1)


def _read_again(matter: Matter, asked: Asked) -> Matter:
    return read(replace(matter, asked=asked), preparation_of(matter.policy))


def _without(asked: Asked, path: list[str]) -> Asked:
    body = msgspec.json.decode(asked.data)
    holder = body
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(holder, dict):
        holder.pop(path[-1], None)
    return replace(asked, data=msgspec.json.encode(body))
