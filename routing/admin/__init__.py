"""The routing app in the Django admin; importing the modules registers their classes."""

from routing.admin import catalog, guardrails, prices

__all__ = ["catalog", "guardrails", "prices"]
