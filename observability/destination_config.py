"""The configuration of a destination: put together from what is kept and what is sent, and shown without secrets.

Secrets are kept apart from the rest, sealed together as one JSON object that belongs to the destination's row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from config.lib.crypto import SealingError, sealing_ring
from config.lib.declared import NotValid
from observability.destinations import DESTINATIONS
from observability.destinations.destination import DestinationKind
from observability.masking import is_masked, masked
from observability.models import Destination

HEADERS = "headers"


def whole_config(destination: Destination) -> dict[str, Any]:
    """The configuration with its secrets, for whoever sends. Raises SealingError."""
    return {**destination.config, **_secrets(destination)}


def known_config(destination: Destination) -> dict[str, Any]:
    """The configuration, without secrets that were sealed with a key that is lost: they have to be given again."""
    try:
        return whole_config(destination)
    except SealingError:
        return dict(destination.config)


def shown_config(destination: Destination) -> dict[str, Any]:
    """The configuration as answers and pages show it."""
    kind, config = DESTINATIONS[destination.type], known_config(destination)
    for name in sealed_names(kind) & config.keys() - {HEADERS}:
        config[name] = masked(config[name])
    if HEADERS in config:
        config[HEADERS] = {name: masked(text) for name, text in config[HEADERS].items()}
    return config


def merged_config(kind: DestinationKind, kept: Mapping[str, Any] | None, given: Any) -> dict[str, Any]:
    """What a configuration becomes when some of it is sent; `kept` is None for a new destination. Raises NotValid.

    Masked values stand for what is kept, null takes a field away, and what is left out stays.
    """
    if not isinstance(given, Mapping):
        raise NotValid("config", "must be an object.")
    before = dict(kept or {})
    _require_own_choice(kind, before, given)
    sent = {name: value for name, value in given.items() if not _stands_for_kept(kind, before, name, value)}
    if isinstance(sent.get(HEADERS), Mapping):
        sent[HEADERS] = _unmasked(before.get(HEADERS, {}), sent[HEADERS])
    after = kind.read_config({**before, **sent})
    if kept is not None:
        _require_fresh_secrets(kind, before, after, given)
    return after


def put_config(destination: Destination, config: Mapping[str, Any]) -> None:
    """Set a whole configuration on a row, its secrets sealed; those that are kept already stay as they are sealed."""
    known, secret = known_config(destination), sealed_names(DESTINATIONS[destination.type])
    secrets = {name: value for name, value in config.items() if name in secret}
    if secrets != {name: value for name, value in known.items() if name in secret}:
        plain, identity = json.dumps(secrets).encode(), destination.secret_identity
        destination.sealed_secrets = sealing_ring().seal(plain, identity=identity) if secrets else ""
    destination.config = {name: value for name, value in config.items() if name not in secret}


def sealed_names(kind: DestinationKind) -> frozenset[str]:
    """The fields that are kept sealed."""
    return kind.secrets | {HEADERS}


def _secrets(destination: Destination) -> dict[str, Any]:
    if not destination.sealed_secrets:
        return {}
    plain = sealing_ring().open(destination.sealed_secrets, identity=destination.secret_identity)
    secrets: dict[str, Any] = json.loads(plain)
    return secrets


def _stands_for_kept(kind: DestinationKind, kept: Mapping[str, Any], name: str, value: Any) -> bool:
    if name not in sealed_names(kind) or not is_masked(value):
        return False
    if name not in kept:
        raise NotValid(f"config.{name}", "is masked; the value itself is needed.")
    return True


def _unmasked(kept: Mapping[str, str], sent: Mapping[str, Any]) -> dict[str, Any]:
    for name in sent:
        if is_masked(sent[name]) and name not in kept:
            raise NotValid(f"config.{HEADERS}", f"{name[:100]} is masked; the value itself is needed.")
    return {name: kept[name] if is_masked(value) else value for name, value in sent.items()}


def _require_own_choice(kind: DestinationKind, kept: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    for name in sorted(kind.made_here & given.keys()):
        if given[name] != kept.get(name):
            raise NotValid(f"config.{name}", "is made here and cannot be chosen.")


def _require_fresh_secrets(
    kind: DestinationKind, before: Mapping[str, Any], after: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Whoever leads a destination elsewhere must know its secrets, or they could be had by anybody who may lead it."""
    moved = sorted(name for name in kind.addresses if before.get(name) != after.get(name))
    if not moved:
        return
    for name in sorted(sealed_names(kind) & before.keys() & after.keys()):
        if not _is_given_anew(given.get(name)):
            raise NotValid(f"config.{name}", f"must be given again, because config.{moved[0]} changes.")


def _is_given_anew(value: Any) -> bool:
    values = value.values() if isinstance(value, Mapping) else [value]
    return value is not None and not any(map(is_masked, values))
