"""A policy as teams have it, for benchmarks: three guardrails, six patterns, two budgets, a preset and BYOK.

manage.py shell -c "from benchmarks.realistic_policy import furnish; print(furnish('acme', 'mock', …))"
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from accounts.models import Membership, Organization
from accounts.revisions import Actor
from benchmarks.patterns import PATTERNS, PRESET
from config.lib.money import nano_from_usd
from config.lib.scoping import tenant, unscoped
from routing import byok, guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members
from routing.models import Guardrail
from routing.preset_config import Content
from routing.presets import save_version
from workspaces import api_keys
from workspaces.budgets import set_budget
from workspaces.models import Workspace

PLENTY = nano_from_usd(Decimal(1_000_000))
BY = Actor(door="shell", reason="a benchmark")


def furnish(
    organization: str, provider: str, models: Sequence[tuple[str, str]], *, workspace: str = "default"
) -> str:
    """The secret of a new key of one of the organization's workspaces that all of it governs.

    `models` are ends of presets' names and the models that these ask for: `@preset/bench`, `@preset/bench-n50` …
    """
    with unscoped(reason="a benchmark finds its organization by name"):
        home = Organization.objects.get(slug=organization)
    with tenant(home.pk):
        place = Workspace.objects.for_organization(home.pk).get(slug=workspace)
        owner = Membership.objects.for_organization(home.pk).order_by("pk")[0]
        issued = api_keys.issue(workspace=place, name="benchmark", owner=owner, by=BY)
        _guard(place, owner, issued)
        set_budget(workspace=place, interval="m", limit_nano=PLENTY, by=BY, is_byok_included=True)
        for end, model in models:
            config = {"model": model, "temperature": 0.7, "provider": {"allow_fallbacks": True}}
            content = Content(config, "You are a helpful assistant. Answer briefly.")
            save_version(workspace=place, slug=PRESET + end, content=content, by=BY)
        byok.create(organization=home, workspace=place, provider=provider, secret="any-key", by=BY)
    return issued.secret


def _guard(workspace: Workspace, owner: Membership, issued: api_keys.IssuedKey) -> None:
    """The workspace's guardrail, its member's and its key's, two patterns each."""
    filters = [{"pattern": pattern, "action": "redact", "label": None} for pattern in PATTERNS]
    guardrail_settings.change(
        guardrail=Guardrail.default_of(workspace),
        by=BY,
        ignored_providers=["azure"],
        content_filters=filters[:2],
        limit_nano=PLENTY // 10,
        limit_interval="d",
    )
    members = guardrail_settings.create(
        workspace=workspace, name="members", by=BY, ignored_models=["a/b"], content_filters=filters[2:4]
    )
    keys = guardrail_settings.create(
        workspace=workspace,
        name="keys",
        by=BY,
        enable_free_model_training=False,
        content_filters=filters[4:],
    )
    assign_members(guardrail=members, memberships=[owner], by=BY)
    assign_keys(guardrail=keys, keys=[issued.key], by=BY)
