"""What the pages of keys know of guardrails: which there are, which one a key is held to, and holding it to another."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.revisions import Actor
from config.lib.registry import Slot
from workspaces.models import ApiKey, Workspace


@dataclass(frozen=True)
class GuardrailChoice:
    """A guardrail by its public id."""

    id: str
    name: str


class ChoiceGone(Exception):
    """The guardrail was deleted meanwhile."""


guardrails_for_keys: Slot[[Workspace], list[GuardrailChoice]] = Slot("guardrails_for_keys")
"""Answers the guardrails of a workspace that keys can be held to; its default one holds for all of them anyway."""
guardrail_of_key: Slot[[ApiKey], GuardrailChoice | None] = Slot("guardrail_of_key")
key_held: Slot[[ApiKey, str, Actor], None] = Slot("key_held")
"""Holds a key to the guardrail with this id, or to none for an empty one. Raises ChoiceGone."""


def choices_for(workspace: Workspace) -> list[GuardrailChoice]:
    """The guardrails to choose from."""
    return [choice for choices in guardrails_for_keys(workspace) for choice in choices]


def held_to(key: ApiKey) -> GuardrailChoice | None:
    """The guardrail that a key is held to."""
    return next((choice for choice in guardrail_of_key(key) if choice is not None), None)
