"""Changes in words and values: what would let a request through, as the API tells it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from config.lib.money import plain_usd, usd_from_nano
from routing.explaining.changes import GUARDRAIL, KEY, LIMIT, REQUEST, Change
from routing.explaining.lifting import Lifting
from routing.policy import PurseLimit
from routing.selection.availability import LAYERS

INTERVALS = {"d": "daily", "w": "weekly", "m": "monthly", "t": "lifetime"}
OWN = "key"
"""The only layer of purses whose amounts an inference key is told."""
Told = dict[str, Any]


def lifting_told(lifting: Lifting, *, is_whole: bool) -> Told:
    """What would lift the refusal; without `is_whole` nothing of what others have set."""
    ways = [[_change(change, is_whole) for change in way] for way in lifting.ways]
    return {
        "changes": ways[0] if ways else [],
        "alternatives": ways[1:],
        "is_search_complete": lifting.is_complete,
    }


def _change(change: Change, is_whole: bool) -> Told:
    purse, layer = change.purse, change.layer
    is_shown = is_whole or change.kind == REQUEST or (purse is not None and purse.layer == OWN)
    value = change.value
    if purse is not None:
        value = usd(value - (purse.limit_nano or 0) if purse.layer == "credits" else value)
    return {
        "kind": change.kind,
        "scope": purse.layer if purse else layer.scope if layer else None,
        "interval": INTERVALS[purse.interval] if purse else None,
        "guardrail_id": layer.guardrail_id if layer else None,
        "setting": _setting(purse) if purse else change.setting,
        "action": "add" if purse and purse.layer == "credits" else change.action,
        "value": value if is_shown else None,
        "description": described(change, value if is_shown else None),
    }


def _setting(purse: PurseLimit) -> str:
    return "credits" if purse.layer == "credits" else "limit_usd"


def described(change: Change, value: Any) -> str:
    """The change in a sentence; `value` None where there is none, or it is not shown."""
    shown = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    if change.kind == LIMIT and change.purse is not None:
        if change.purse.layer == "credits":
            return f"Add ${shown} of credits." if shown else "Add credits."
        whose = f"{INTERVALS[change.purse.interval]} limit of the {change.purse.layer}"
        return f"Raise the {whose} to ${shown}." if shown else f"Raise the {whose}."
    if change.kind == KEY:
        return "Enable the key." if change.setting == "disabled" else "Give the key a later expiry."
    where = LAYERS.get(change.layer.scope, change.layer.scope) if change.layer else "the request"
    if change.kind == GUARDRAIL and change.action == "set":
        return f"Set {change.setting} of {where}{f' to {shown}' if shown else ''}."
    if change.kind == REQUEST and change.action == "set":
        return f"Send the request with {change.setting} {shown}."
    verb, preposition = ("Add", "to") if change.action == "add" else ("Remove", "from")
    what = (
        f"{shown} {preposition} {change.setting}" if shown and change.setting != "texts" else change.setting
    )
    if change.setting == "texts":
        what = f"the text at {shown}"
    return f"{verb} {what} of {where}." if change.kind == GUARDRAIL else f"{verb} {what}."


def usd(nano: int | None) -> Decimal | None:
    """An amount in dollars, exactly."""
    return None if nano is None else Decimal(plain_usd(usd_from_nano(nano)))
