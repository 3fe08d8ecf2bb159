"""What may happen later: finding out what organizations are to be told, and telling them."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from accounts.notifications import delivering, detection
from accounts.notifications.kinds import KEY_LIMIT, LOW_BALANCE, MODEL_DEPRECATION, WORKSPACE_BUDGET

SPENDING = (LOW_BALANCE, WORKSPACE_BUDGET, KEY_LIMIT)
DATED = (MODEL_DEPRECATION,)


@shared_task
def check_spending(**_: Any) -> None:
    """Look for thresholds of spending that were crossed."""
    for organization_id in detection.moved(SPENDING):
        check_organization.delay(organization_id, list(SPENDING))


@shared_task
def check_dates(**_: Any) -> None:
    """Look for dates that came near."""
    for organization_id in detection.moved(DATED):
        check_organization.delay(organization_id, list(DATED))


@shared_task
def check_organization(organization_id: int, kinds: list[str], **_: Any) -> None:
    """Judge one organization."""
    detection.check_organization(organization_id=organization_id, kinds=kinds)


@shared_task
def deliver_due(**_: Any) -> None:
    """Put what is due on its way."""
    for delivery_id, attempt in delivering.claim_due():
        deliver.delay(delivery_id, attempt)


@shared_task
def deliver(delivery_id: int, attempt: int, **_: Any) -> None:
    """Make one try of one delivery."""
    delivering.deliver(delivery_id=delivery_id, attempt=attempt)
