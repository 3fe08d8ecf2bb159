"""The observability app in the Django admin; importing the modules registers their classes."""

from observability.admin import destinations, feedback, generations, machinery

__all__ = ["destinations", "feedback", "generations", "machinery"]
