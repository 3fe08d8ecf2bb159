"""The routing app in the Django admin; importing the modules registers their classes."""

from routing.admin import catalog, credentials, defaults, guardrails, presets, prices, private_endpoints

__all__ = ["catalog", "credentials", "defaults", "guardrails", "presets", "prices", "private_endpoints"]
