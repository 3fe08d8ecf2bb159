"""The layers that govern a key's requests: the account's ceiling, its workspace's default, its owner's, its own."""

from __future__ import annotations

from collections.abc import Iterator

from accounts.models import PrivacySettings
from routing.guardrails.rules import EffectiveRules, Layer, Rules, merge
from routing.models import Guardrail, KeyAssignment, MemberAssignment
from workspaces.models import ApiKey


def rules_of(key: ApiKey, privacy: PrivacySettings | None, *, using: str) -> EffectiveRules:
    """What all layers ask of requests with the key; the account's `privacy` is None where nothing was set."""
    layers = [] if privacy is None else [Rules.of(Layer("account"), vars(privacy))]
    layers += [
        Rules.of(Layer(scope, str(guardrail.public_id)), vars(guardrail))
        for scope, guardrail in guardrails_of(key, using=using)
    ]
    return merge(layers)


def guardrails_of(key: ApiKey, *, using: str) -> Iterator[tuple[str, Guardrail]]:
    """The guardrails that a key's requests are held to, with whose they are, the widest first."""
    organization = key.organization_id
    default = Guardrail.objects.using(using).for_workspace(key.workspace_id).filter(is_default=True).first()
    if default is not None:
        yield "workspace", default
    if key.owner_id is not None:
        members = MemberAssignment.objects.using(using).for_organization(organization)
        assigned = members.filter(membership_id=key.owner_id).select_related("guardrail").first()
        if assigned is not None:
            yield "member", assigned.guardrail
    keys = KeyAssignment.objects.using(using).for_organization(organization)
    held = keys.filter(api_key_id=key.pk).select_related("guardrail").first()
    if held is not None:
        yield "api-key", held.guardrail


def privacy_of(organization_id: int, *, using: str) -> PrivacySettings | None:
    """The account's privacy settings; None where nothing was ever set."""
    found: PrivacySettings | None = (
        PrivacySettings.objects.using(using).for_organization(organization_id).first()
    )
    return found


def allowlist_of(privacy: PrivacySettings | None) -> tuple[str, ...]:
    """The phrases that are no prompt injection."""
    phrases = privacy.prompt_injection_allowlist if privacy else ()
    return tuple(entry["phrase"] for entry in phrases if entry["is_active"])
