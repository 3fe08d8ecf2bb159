"""Feedback on generations: what was wrong with one, said once and kept, so that administrators find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import User
from accounts.revisions import Actor
from observability.handling import guardrail_findings
from observability.models import Generation, GenerationFeedback
from observability.models.feedback import CATEGORIES, LONGEST_COMMENT


class InvalidFeedback(Exception):
    """The category is none, or the comment is too long; the message names the field."""


@dataclass(frozen=True)
class FeedbackFilter:
    """What to show of an organization's feedback; None stands for everything."""

    category: str | None = None
    generation_id: UUID | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The conditions that were set."""
        named = {"category": self.category, "generation_id": self.generation_id}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class Complaint:
    """Feedback with the generation that it is about; None when that is in the log no longer."""

    feedback: GenerationFeedback
    generation: Generation | None

    @property
    def guardrails(self) -> list[dict[str, Any]]:
        """What the guardrails found in the request: labels or patterns, action, guardrail."""
        return [] if self.generation is None else guardrail_findings(self.generation.detail)


def give(*, generation: Generation, category: str, comment: str = "", by: Actor) -> GenerationFeedback:
    """Keep what somebody says of a generation that he may see, as often as he says it. Raises InvalidFeedback."""
    if category not in CATEGORIES:
        raise InvalidFeedback(f"category: must be one of {', '.join(CATEGORIES)}.")
    if len(comment) > LONGEST_COMMENT:
        raise InvalidFeedback(f"comment: may have at most {LONGEST_COMMENT} characters.")
    given = GenerationFeedback(
        organization_id=generation.organization_id,
        workspace_id=generation.workspace_id,
        generation_id=generation.pk,
        category=category,
        comment=comment,
        door=by.door,
        user_id=by.user.pk if by.user else None,
        management_key_id=by.management_key.pk if by.management_key else None,
        api_key_id=by.api_key_id,
    )
    given.save(force_insert=True)
    return given


def has_said(*, generation: Generation, category: str, user: User) -> bool:
    """Whether somebody has said that of a generation."""
    rows = GenerationFeedback.objects.for_organization(generation.organization_id)
    return rows.filter(generation_id=generation.pk, category=category, user_id=user.pk).exists()


def feedback_page(organization_id: int, wanted: FeedbackFilter, page: slice) -> tuple[list[Complaint], int]:
    """A page of feedback, newest first, and how much there is in all."""
    rows = GenerationFeedback.objects.for_organization(organization_id).filter(**wanted.columns)
    found = list(rows.order_by("-id")[page])
    generations = Generation.objects.for_organization(organization_id).in_bulk(
        {feedback.generation_id for feedback in found}
    )
    return [Complaint(one, generations.get(one.generation_id)) for one in found], rows.count()
