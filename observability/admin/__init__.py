"""The observability app in the Django admin; importing the modules registers their classes."""

from observability.admin import contents, feedback, generations, machinery, settings

__all__ = ["contents", "feedback", "generations", "machinery", "settings"]
