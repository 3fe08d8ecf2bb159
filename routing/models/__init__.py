"""What may happen to a request."""

from routing.models.catalog import Endpoint, LanguageModel, PriceVersion, Provider

__all__ = ["Endpoint", "LanguageModel", "PriceVersion", "Provider"]
