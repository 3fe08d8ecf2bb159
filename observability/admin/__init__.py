"""The observability app in the Django admin; importing the modules registers their classes."""

from observability.admin import generations, machinery

__all__ = ["generations", "machinery"]
