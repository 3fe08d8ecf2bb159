"""Provider wire formats: one file each, listed here. OpenAI-compatible providers are rows of the catalog."""

from routing.providers.anthropic import Anthropic
from routing.providers.azure import Azure
from routing.providers.bedrock import Bedrock
from routing.providers.gemini import Gemini
from routing.providers.openai import OpenAI
from routing.providers.vertex import Vertex
from routing.providers.wire_format import Answer, CannotAsk, ConfigField, Stream, UpstreamRequest, WireFormat

WIRE_FORMATS: dict[str, WireFormat] = {
    wire.slug: wire for wire in (OpenAI(), Anthropic(), Azure(), Bedrock(), Gemini(), Vertex())
}

__all__ = ["WIRE_FORMATS", "Answer", "CannotAsk", "ConfigField", "Stream", "UpstreamRequest", "WireFormat"]
