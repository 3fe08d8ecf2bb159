"""The observability app in the Django admin; importing the modules registers their classes."""

from observability.admin import feedback, generations, machinery, settings

__all__ = ["feedback", "generations", "machinery", "settings"]
