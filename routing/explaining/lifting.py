"""The smallest change that would let a refused request through, each one found by deciding again."""

from __future__ import annotations

import difflib
import itertools
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from routing.call import NO_PREFERENCES
from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.decision import Decision
from routing.explaining import changes
from routing.explaining.changes import Change
from routing.explaining.layers import considered, settings_against
from routing.explaining.matter import UNSPENT, Matter, judge, limits_on
from routing.guardrails.rules import FLAG, REDACT, Rules, merge
from routing.policy import PurseLimit

MOST_CHANGES = 4
MOST_JUDGED = 300
MOST_WAYS = 5
MOST_MODELS, MOST_COMPARED = 3, 30
SHORTER = (4096, 1024, 256, 64, 16, 1)
"""Lengths of answers, in tokens, that are tried where the hold itself has to fit."""
ORDERING = frozenset({"sort", "partition", "preferred_min_throughput", "preferred_max_latency"})
"""Preferences that leave nobody out."""
MOST_SECONDS = 1.0
"""Beyond that nothing more is tried: whoever asks waits, and so does the process that answers."""
RULES_OF_PURSES = frozenset({"budget", "key_limit", "credits"})


@dataclass(frozen=True, slots=True)
class Lifting:
    """Ways through, the smallest first: each is what has to be changed, all of it. `is_complete`: all were tried."""

    ways: tuple[tuple[Change, ...], ...] = ()
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class _Way:
    matter: Matter
    decision: Decision
    done: tuple[Change, ...] = ()


def lifting_of(matter: Matter, decision: Decision) -> Lifting:
    """What would let the request through; nothing where nothing does, or where it is let through.

    Single changes first; only where none does, two at a time, and so on. Every way was decided anew and passes.
    """
    if decision.refusal is None:
        return Lifting()
    until, judged = time.monotonic() + MOST_SECONDS, 0
    ways, seen = [_Way(matter, decision)], set[frozenset[tuple[str, ...]]]()
    for _ in range(MOST_CHANGES):
        found: list[tuple[Change, ...]] = []
        further: list[_Way] = []
        for way, change in _steps(ways):
            names = frozenset(one.name for one in (*way.done, change))
            if names in seen:
                continue
            seen.add(names)
            if judged >= MOST_JUDGED or time.monotonic() > until:
                return Lifting(tuple(found), is_complete=False)
            judged += 1
            changed = change.apply(way.matter)
            then = _Way(changed, judge(changed), (*way.done, change))
            if then.decision.refusal is None:
                found.append(then.done)
            else:
                further.append(then)
            if len(found) == MOST_WAYS:
                break
        if found:
            return Lifting(tuple(found))
        ways = further
    return Lifting(is_complete=not ways)


def _steps(ways: Iterable[_Way]) -> Iterator[tuple[_Way, Change]]:
    for way in ways:
        for change in _candidates(way.matter, way.decision):
            if change.name not in {one.name for one in way.done}:
                yield way, change


def _candidates(matter: Matter, decision: Decision) -> Iterator[Change]:
    """Changes that bear on what refused, the request's own first."""
    refusal = decision.refusal
    if refusal is None:
        return
    if refusal.status == 401:
        yield from _for_the_key(matter)
    elif matter.call is None:
        parameter = refusal.metadata.get("parameter")
        if isinstance(parameter, str):
            yield changes.without_field(parameter)
    elif refusal.rule == "guardrail":
        yield from _for_findings(matter)
    elif refusal.rule == "data_region":
        yield from _for_the_region(matter)
    elif refusal.rule in RULES_OF_PURSES:
        yield from _for_purses(matter)
    else:
        yield from _for_endpoints(matter)
        yield from _other_models(matter, matter.catalog.models.keys() | matter.policy.own_models.keys())


def _for_the_key(matter: Matter) -> Iterator[Change]:
    policy = matter.policy
    if policy.refusal == "disabled":
        yield changes.reviving("disabled", False, refusal=None)
    if policy.expires_at is not None and policy.expires_at <= matter.now:
        yield changes.reviving("expires_at", None, expires_at=None)


def _for_findings(matter: Matter) -> Iterator[Change]:
    blocking = [one for one in matter.scan.findings if one.action not in (FLAG, REDACT)]
    places = tuple(dict.fromkeys(one.place for one in blocking))
    if places:
        yield changes.without_texts(places, ["/".join(map(str, place)) for place in places])
    checks = {(one.detector, one.label, one.layer): one for one in blocking}
    for finding in checks.values():
        for rules in matter.policy.rules.layers:
            if rules.layer == finding.layer:
                yield changes.not_blocking(rules, finding)


def _for_the_region(matter: Matter) -> Iterator[Change]:
    for region in sorted(matter.policy.rules.data_regions or ()):
        yield changes.arriving_in(region)
    region = matter.call.region if matter.call else ""
    for rules in matter.policy.rules.layers:
        if rules.data_regions is not None and region not in rules.data_regions:
            yield changes.allowing_region(rules, region)


def _for_purses(matter: Matter) -> Iterator[Change]:
    """Raise what is too low; or ask for less, which helps where the hold itself has to fit."""
    policy = matter.policy
    unlimited = tuple(replace(purse, limit_nano=None, limits=()) for purse in policy.purses)
    holds = judge(replace(matter, policy=replace(policy, purses=unlimited))).holds
    needs = {need.purse.purse_id: need.nano for need in holds}
    alone = [one for purse in policy.purses for one in limits_on(purse)]
    short = [purse for purse in alone if _is_short(matter, purse, needs)]
    for purse in short:
        state = matter.purses.get(purse.purse_id, UNSPENT)
        yield changes.raising(purse, changes.needed_nano(purse, state, needs.get(purse.purse_id, 1)))
    if any(purse.is_strict for purse in short):
        most = (matter.call.max_tokens if matter.call else None) or SHORTER[0] * 2
        yield from [changes.with_fewer_tokens(tokens) for tokens in SHORTER if tokens < most]
    yield from _other_models(
        matter, [slug for slug, model in matter.catalog.models.items() if _is_free(model)]
    )


def _is_short(matter: Matter, purse: PurseLimit, needs: Mapping[int, int]) -> bool:
    if purse.limit_nano == 0 and purse.layer != "credits":
        return True
    state = matter.purses.get(purse.purse_id, UNSPENT)
    return purse.purse_id in needs and not state.fits(purse, needs[purse.purse_id])


def _is_free(model: ModelEntry) -> bool:
    return any(not entry.price.prompt and not entry.price.completion for entry in model.endpoints)


def _for_endpoints(matter: Matter) -> Iterator[Change]:
    """Less to ask of endpoints, then less for the layers to forbid."""
    if matter.call is None:
        return
    wishes = matter.call.preferences
    for field, value in changes.preferences_told(wishes).items():
        if field not in ORDERING and value != getattr(NO_PREFERENCES, field):
            yield changes.without_preference(field)
    entries = list(considered(matter))
    if wishes.require_parameters:
        for _, entry in entries:
            if missing := matter.call.parameters - entry.supported_parameters:
                yield changes.without_parameters(missing)
    for rules in matter.policy.rules.layers:
        yield from _for_layer(matter, rules, [entry for _, entry in entries])


def _for_layer(matter: Matter, rules: Rules, entries: Iterable[EndpointEntry]) -> Iterator[Change]:
    alone = merge([rules])
    for slug in matter.requested:
        for model in matter.models(slug):
            if exclusion := alone.model_exclusion(slug, model.slug):
                yield changes.allowing_model(rules, exclusion.field, (slug, model.slug))
    for entry in entries:
        for setting in settings_against(entry, alone):
            if change := changes.against(rules, setting, entry):
                yield change


def _other_models(matter: Matter, slugs: Collection[str]) -> Iterator[Change]:
    """The few models with the most similar names for which the same request would be served."""
    named = matter.requested[0] if matter.requested else ""
    others = [slug for slug in slugs if slug not in matter.requested]
    similar = difflib.get_close_matches(named, others, n=MOST_COMPARED, cutoff=0.0)
    served = (
        change
        for slug in similar
        if judge((change := changes.other_model(slug)).apply(matter)).refusal is None
    )
    yield from itertools.islice(served, MOST_MODELS)
