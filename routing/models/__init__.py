"""What may happen to a request."""

from routing.models.catalog import Endpoint, LanguageModel, PriceVersion, Provider
from routing.models.credential import ByokCredential

__all__ = ["ByokCredential", "Endpoint", "LanguageModel", "PriceVersion", "Provider"]
