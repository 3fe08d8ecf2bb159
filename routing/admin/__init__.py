"""The routing app in the Django admin; importing the modules registers their classes."""

from routing.admin import catalog, defaults, guardrails, presets, prices

__all__ = ["catalog", "defaults", "guardrails", "presets", "prices"]
