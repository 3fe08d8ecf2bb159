"""The observability app in the Django admin; importing the modules registers their classes."""

from observability.admin import deliveries, destinations, feedback, generations, machinery

__all__ = ["deliveries", "destinations", "feedback", "generations", "machinery"]
