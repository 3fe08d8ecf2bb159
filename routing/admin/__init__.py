"""The catalog, presets and defaults in the Django admin; importing the modules registers their classes."""

from routing.admin import catalog, defaults, presets, prices

__all__ = ["catalog", "defaults", "presets", "prices"]
