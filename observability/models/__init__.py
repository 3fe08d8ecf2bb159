"""What happened, and what is still to be told."""

from observability.models.delivery import OutboxRow
from observability.models.feedback import GenerationFeedback
from observability.models.generation import Generation
from observability.models.journal import DeadLetterRecord, JournalPosition
from observability.models.usage import (
    UsageDay,
    UsageHour,
    UsageKeyDay,
    UsageLabelDay,
    UsageMinute,
    UsageModelDay,
    UsageSpeedDay,
)

__all__ = [
    "DeadLetterRecord",
    "Generation",
    "GenerationFeedback",
    "JournalPosition",
    "OutboxRow",
    "UsageDay",
    "UsageHour",
    "UsageKeyDay",
    "UsageLabelDay",
    "UsageMinute",
    "UsageModelDay",
    "UsageSpeedDay",
]
