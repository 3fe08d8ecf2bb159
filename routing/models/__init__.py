"""What may happen to a request."""

from routing.models.assignment import KeyAssignment, MemberAssignment
from routing.models.catalog import Endpoint, LanguageModel, PriceVersion, Provider
from routing.models.guardrail import Guardrail

__all__ = [
    "Endpoint",
    "Guardrail",
    "KeyAssignment",
    "LanguageModel",
    "MemberAssignment",
    "PriceVersion",
    "Provider",
]
