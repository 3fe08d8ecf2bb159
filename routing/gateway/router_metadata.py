"""Router metadata: what the router did with a request, told to callers who ask for it with a header (SPEC §9).

Pure. It is put into an answer that the dialect has finished, so no dialect knows of it and whoever does not ask pays
for three look-ups; a stored answer (a cache's) never holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, ServedBy
from routing.decision import Attempt, Decision
from routing.errors import Refusal

FIELD = "openrouter_metadata"
HEADERS = (b"x-openrouter-metadata", b"x-headgate-metadata", b"x-openrouter-experimental-metadata")
"""The first of them that is there counts."""
DIALECTS = frozenset({"chat", "completions", "messages", "responses"})
UNTOLD = frozenset({"rate", "fair_share", "unavailable", "internal"})
"""Refusals of a request that was not looked at, or of ours whose cause is hidden."""
ROUTERS = {
    "auto": "auto",
    "auto-beta": "auto",
    "free": "free",
    "pareto": "pareto",
    "pareto-code": "pareto",
    "bodybuilder": "bodybuilder",
    "fusion": "fusion",
    "fusion-flash": "fusion",
}
OUR_AUTHORS = ("openrouter", "headgate")
MOST_ENDPOINTS = 50
"""So many are listed; `total` counts all."""

_encode = msgspec.json.encode
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_wanted(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the caller asks for router metadata."""
    for name in HEADERS:
        if name in headers:
            return headers[name].strip().lower() == b"enabled"
    return False


def is_told(call: Call | None, refusal: Refusal) -> bool:
    """Whether an error comes with router metadata: not where nothing was routed yet, and not where it is masked."""
    return (
        call is not None and refusal.status not in (401, 500) and refusal.rule not in UNTOLD
    ) and call.dialect in DIALECTS


def metadata_of(
    call: Call,
    decision: Decision,
    catalog: CatalogSnapshot,
    *,
    region: str | None,
    tried: Sequence[Mapping[str, Any]] = (),
    served: Attempt | None = None,
    milliseconds: int | None = None,
    dropped: Iterable[str] = (),
    stages: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The `openrouter_metadata` of an answer, or of an error when nobody `served`.

    `tried` are the upstream calls as `attempts` shows them; `dropped` are parameters that a provider's format has no
    words for; `stages` are those of the whole way, where the answer had any of its own.
    """
    total, available = _endpoints(call, decision, catalog, served)
    summary = f"available={len(available)}"
    about: dict[str, Any] = {
        "requested": requested_by(call, decision),
        "strategy": strategy_of(call, decision, served),
        "region": region,
        "summary": f"{summary}, selected={served.endpoint.provider.name}" if served else summary,
        "attempt": len(tried),
        "is_byok": served.is_byok if served else False,
        "endpoints": {"total": total, "available": available[:MOST_ENDPOINTS]},
    }
    if excluded := dropped_of(decision):
        about["endpoints"]["excluded"] = excluded
    if tried:
        about["attempts"] = list(tried)
    if milliseconds is not None:
        about["generation_time"] = milliseconds
    if pipeline := call.stages if stages is None else stages:
        about["pipeline"] = list(pipeline)
    if left_out := list(dict.fromkeys([*call.dropped, *dropped])):
        about["dropped_parameters"] = left_out
    return about


def tried_by(
    last: Attempt | None, detail: Mapping[str, Any], *, has_answered: bool
) -> Sequence[Mapping[str, Any]]:
    """The upstream calls of a generation, by what was written down of it: nothing where the first one answered."""
    written: Sequence[Mapping[str, Any]] | None = detail.get("attempts")
    if written is not None:
        return written
    if last is None or not has_answered:
        return ()
    return ({"model": last.endpoint.model, "provider": last.endpoint.provider.name, "status": 200},)


def requested_by(call: Call, decision: Decision) -> str:
    """What the caller named, a router too; his workspace's default where he named nothing."""
    for stage in call.stages:
        if router := stage["data"].get("router"):  # which has put its choice in its own place
            return str(router)
    return call.models[0] if call.models else decision.model


def strategy_of(call: Call, decision: Decision, served: Attempt | None) -> str:
    """How the model was found, in the contract's words."""
    requested = requested_by(call, decision)
    author, _, name = requested.partition("/")
    if author in OUR_AUTHORS and (router := ROUTERS.get(name.partition(":")[0])):
        return router
    if len(call.models) > 1:
        return "fallback"
    if requested.startswith("~") or requested.endswith("-latest"):
        return "latest"
    model = served.endpoint.model if served else decision.model
    return "alias" if model and model.partition(":")[0] != requested.partition(":")[0] else "direct"


def dropped_of(decision: Decision) -> list[dict[str, str]]:
    """What was left out and why, as metadata and log tell it."""
    return [
        {"model": drop.model, "endpoint": drop.tag, "reason": drop.reason}
        for drop in decision.dropped[:MOST_ENDPOINTS]
    ]


def in_answer(body: bytes, metadata: Mapping[str, Any]) -> bytes:
    """A whole answer, or an error's envelope, with the metadata at its top; what is no object stays as it is."""
    try:
        fields: dict[str, Any] = dict(_fields_of(body))
    except (msgspec.MsgspecError, RecursionError):
        return body
    return _encode({**fields, FIELD: metadata})


def in_last_event(events: bytes, metadata: Mapping[str, Any]) -> bytes:
    """The end of a stream with the metadata in its last event before `[DONE]`; of a response, within it."""
    parts = events.split(b"\n\n")
    for index in range(len(parts) - 1, -1, -1):
        head, found, payload = parts[index].partition(b"data: ")
        if found and payload.startswith(b"{"):
            parts[index] = head + found + _in_event(payload, metadata)
            break
    return b"\n\n".join(parts)


def _in_event(payload: bytes, metadata: Mapping[str, Any]) -> bytes:
    try:
        fields: dict[str, Any] = dict(_fields_of(payload))
    except (msgspec.MsgspecError, RecursionError):
        return payload
    if "response" not in fields:
        return _encode({**fields, FIELD: metadata})
    fields["response"] = msgspec.Raw(in_answer(bytes(fields["response"]), metadata))
    return _encode(fields)


def _endpoints(
    call: Call, decision: Decision, catalog: CatalogSnapshot, served: Attempt | None
) -> tuple[int, list[dict[str, Any]]]:
    """How many were considered, and those that were left; where none was, all of them."""
    kept = [attempt.endpoint for attempt in decision.attempts]
    left_out = [drop for drop in decision.dropped if drop.tag]
    if kept:
        chosen = served.endpoint if served else None
        shown = [_entry(entry.provider.name, entry.model, entry is chosen) for entry in kept]
        return len(kept) + len(left_out), shown
    shown = [_entry(_name(drop.tag, catalog.providers), drop.model, False) for drop in left_out]
    if not shown:
        models = [catalog.models[slug] for slug in call.models if slug in catalog.models]
        entries = [entry for model in models for entry in model.endpoints]
        shown = [_entry(entry.provider.name, entry.model, False) for entry in entries]
    return len(shown), shown


def _entry(provider: str, model: str, is_selected: bool) -> dict[str, Any]:
    return {"provider": provider, "model": model, "selected": is_selected}


def _name(tag: str, providers: Mapping[str, ServedBy]) -> str:
    slug = tag.partition("/")[0]
    return providers[slug].name if slug in providers else slug
