"""Provider wire formats: one file each, listed here. OpenAI-compatible providers are rows of the catalog."""

from routing.providers.wire_format import Answer, ConfigField, Stream, UpstreamRequest, WireFormat

WIRE_FORMATS: dict[str, WireFormat] = {}

__all__ = ["WIRE_FORMATS", "Answer", "ConfigField", "Stream", "UpstreamRequest", "WireFormat"]
