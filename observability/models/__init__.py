"""What happened, and what is still to be told."""

from observability.models.classifier import Classification, Classifier
from observability.models.content import GenerationContent
from observability.models.delivery import Delivery, DeliveryJob, DeliveryReceipt, DeliveryState
from observability.models.destination import Destination, ObservabilitySettings
from observability.models.feedback import GenerationFeedback
from observability.models.generation import Generation
from observability.models.job_run import JobRun
from observability.models.journal import DeadLetterRecord, JournalPosition
from observability.models.sealed import SealedBatch, SealedDay, SealedSpend, SealedUsage
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
    "Classification",
    "Classifier",
    "DeadLetterRecord",
    "Delivery",
    "DeliveryJob",
    "DeliveryReceipt",
    "DeliveryState",
    "Destination",
    "Generation",
    "GenerationContent",
    "GenerationFeedback",
    "JobRun",
    "JournalPosition",
    "ObservabilitySettings",
    "SealedBatch",
    "SealedDay",
    "SealedSpend",
    "SealedUsage",
    "UsageDay",
    "UsageHour",
    "UsageKeyDay",
    "UsageLabelDay",
    "UsageMinute",
    "UsageModelDay",
    "UsageSpeedDay",
]
