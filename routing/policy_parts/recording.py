"""Who wants to know what a key's requests say: I/O logging, and the destinations and classifiers that take the key."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from accounts.models import PrivacySettings
from observability.handling import objects_in, text_in
from observability.models import Classifier, Destination
from routing.recording import Listener, Recording, Sorter
from workspaces.models import ApiKey

CONTENT_FIELDS = frozenset({"input", "output"})
"""Fields of filter rules for which the content has to be known."""


def recording_of(key: ApiKey, privacy: PrivacySettings | None, *, using: str) -> Recording | None:
    """Who wants the content; None when nobody does. The account's privacy settings outdo the workspace's logging."""
    workspace = key.workspace
    rate = None
    is_allowed = privacy is None or privacy.is_io_logging_allowed
    if workspace.is_io_logging_enabled and is_allowed and _takes(workspace.io_logging_api_key_ids, key):
        rate = workspace.io_logging_sampling_rate
    listeners = _listeners(key, using) if workspace.is_broadcast_enabled else ()
    sorters = _sorters(key, using) if is_allowed else ()
    if not listeners and not sorters and rate is None:
        return None
    return Recording(key.workspace_id, rate, listeners, sorters)


def _listeners(key: ApiKey, using: str) -> tuple[Listener, ...]:
    rows = Destination.objects.using(using).for_workspace(key.workspace_id).live().filter(is_enabled=True)
    return tuple(
        Listener(row.pk, row.sampling_rate, row.is_private, frozenset(row.regions))
        for row in rows.order_by("pk")
        if _takes(row.api_key_ids, key) and (not row.is_private or looks_at_content(row.filter_rules))
    )


def _sorters(key: ApiKey, using: str) -> tuple[Sorter, ...]:
    """The classifiers that take the key; the keys that classifiers ask with are taken by none."""
    rows = Classifier.objects.using(using).for_organization(key.organization_id).live()
    wanted = Q(workspace=key.workspace_id, is_enabled=True)
    if key.pk is not None:
        wanted |= Q(key=key)
    found = list(rows.filter(wanted).order_by("pk"))
    if any(row.key_id is not None and row.key_id == key.pk for row in found):
        return ()
    return tuple(Sorter(row.pk, row.sampling_rate) for row in found if _takes(row.api_key_ids, key))


def _takes(api_key_ids: list[int] | None, key: ApiKey) -> bool:
    return api_key_ids is None or key.pk in api_key_ids


def looks_at_content(filter_rules: Any) -> bool:  # JSON
    """Whether filter rules cannot be judged without knowing what was said."""
    if not isinstance(filter_rules, dict) or filter_rules.get("enabled") is False:
        return False
    rules = [rule for group in objects_in(filter_rules, "groups") for rule in objects_in(group, "rules")]
    return any(text_in(rule, "field") in CONTENT_FIELDS for rule in rules)
