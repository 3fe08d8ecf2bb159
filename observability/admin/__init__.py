"""The observability app in the Django admin; importing the modules registers their classes."""

from observability.admin import (
    classifiers,
    contents,
    deliveries,
    destinations,
    feedback,
    generations,
    machinery,
    settings,
)

__all__ = [
    "classifiers",
    "contents",
    "deliveries",
    "destinations",
    "feedback",
    "generations",
    "machinery",
    "settings",
]
