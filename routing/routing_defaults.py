"""How a workspace's requests are routed when they do not say: reading and changing it.

Sort, default models and strictness are the workspace's own columns, whichever door they are changed through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.revisions import Actor, Change, Scope, record, snapshot
from config.lib.declared import Choice, Cutoffs, Field, Flag, Group, Price, Texts, read
from routing.gateway.dialects.preferences import SORTS
from routing.models import RoutingDefaults
from workspaces import workspaces
from workspaces.locking import lock_workspace
from workspaces.models import Workspace

QUANTIZATIONS = (
    *("int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8"),
    *("mxfp8", "fp16", "bf16", "fp32", "unknown"),
)
PRICES = tuple(Price(name=name) for name in ("prompt", "completion", "request", "image", "audio"))
PREFERENCES: tuple[Field, ...] = (
    Texts(name="order", help="Providers to try first, in this order."),
    Texts(name="only", help="Providers that may serve; no others."),
    Texts(name="ignore", help="Providers that may not serve."),
    Flag(name="allow_fallbacks", help="Whether other providers may step in; they may unless told."),
    Choice(name="data_collection", values=("allow", "deny"), help="Whether providers may keep and use data."),
    Flag(name="zdr", help="Whether only endpoints that retain nothing may serve."),
    Texts(name="quantizations", values=QUANTIZATIONS, help="Quantizations that may serve; no others."),
    Group(name="max_price", fields=PRICES, help="US dollars per million tokens, per request, per image."),
    Cutoffs(name="preferred_min_throughput", help="Tokens per second; slower endpoints come later."),
    Cutoffs(name="preferred_max_latency", help="Seconds; slower endpoints come later."),
)
"""What RoutingDefaults has columns for, as a request's `provider` object has it."""
PROVIDER: tuple[Field, ...] = (Choice(name="sort", values=SORTS, help="Best first by this."), *PREFERENCES)

OF_WORKSPACE = frozenset({"default_provider_sort", "default_text_model", "default_image_model", "is_strict"})
SWITCHES = frozenset({"is_auto_exacto_enabled", "is_stickiness_enabled"})
CHANGEABLE = OF_WORKSPACE | SWITCHES | {field.name for field in PREFERENCES}


def read_provider(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The columns that a `provider` object changes; null clears one, and the whole object all. Raises NotValid."""
    names = [field.name for field in PROVIDER]
    wanted = dict.fromkeys(names) if given is None else given
    said = read(PROVIDER, wanted, within="provider")
    columns = {name: _or_nothing(said.get(name)) for name in names if name in wanted}
    if "sort" in columns:
        columns["default_provider_sort"] = columns.pop("sort")
    return columns


def change(*, workspace: Workspace, by: Actor, **changes: Any) -> RoutingDefaults:
    """Change how the workspace routes, all or none; what is left out stays as it is. Raises WorkspaceGone."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"routing has no changeable {', '.join(sorted(unknown))}")
    own = {name: value for name, value in changes.items() if name in OF_WORKSPACE}
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if own:
            locked = workspaces.change(workspace=locked, by=by, **own)
        columns = {name: value for name, value in changes.items() if name not in OF_WORKSPACE}
        return _change(locked, columns, by) if columns else defaults_of(locked)


def defaults_of(workspace: Workspace) -> RoutingDefaults:
    """The workspace's defaults; unsaved, and without a time, where it has none."""
    found = _saved(workspace)
    if found is None:
        found = RoutingDefaults(organization_id=workspace.organization_id, workspace=workspace)
        found.updated_at = None  # type: ignore[assignment]  # nobody said anything yet
    found.workspace = workspace
    return found


def reset(*, workspace: Workspace, by: Actor) -> None:
    """Forget a workspace's defaults; none is no error. Raises WorkspaceGone."""
    with transaction.atomic():
        delete_with_workspace(lock_workspace(workspace), by)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Remove the defaults of a workspace that is being deleted; fills `workspace_deleting`."""
    found = _saved(workspace)
    if found is not None:
        _record(found, snapshot(found), by, is_end=True)
        found.delete()


def _change(workspace: Workspace, columns: Mapping[str, Any], by: Actor) -> RoutingDefaults:
    defaults = defaults_of(workspace)
    before = snapshot(defaults) if defaults.pk else None
    for name, value in columns.items():
        setattr(defaults, name, value)
    defaults.updated_at = timezone.now()
    defaults.save()
    _record(defaults, before, by)
    return defaults


def _saved(workspace: Workspace) -> RoutingDefaults | None:
    return RoutingDefaults.objects.for_workspace(workspace).first()


def _or_nothing(value: Any) -> Any:
    """An empty list or object says nothing; false does say something."""
    return None if value in ([], {}) else value


def _record(
    defaults: RoutingDefaults, before: dict[str, Any] | None, by: Actor, *, is_end: bool = False
) -> None:
    record(
        Change(
            action="delete" if is_end else "update" if before else "create",
            row=defaults,
            before=before,
            after=None if is_end else snapshot(defaults),
            touches=(Scope("workspace", defaults.workspace_id),),
            organization_id=defaults.organization_id,
            workspace_id=defaults.workspace_id,
        ),
        by=by,
    )
