"""What may happen to a request."""

from routing.models.assignment import KeyAssignment, MemberAssignment
from routing.models.catalog import Endpoint, LanguageModel, PriceVersion, Provider
from routing.models.credential import ByokCredential
from routing.models.guardrail import Guardrail
from routing.models.plugin_setting import PluginSetting
from routing.models.preset import Preset, PresetVersion
from routing.models.private_endpoint import PrivateEndpoint, PrivatePrice
from routing.models.routing_defaults import RoutingDefaults

__all__ = [
    "ByokCredential",
    "Endpoint",
    "Guardrail",
    "KeyAssignment",
    "LanguageModel",
    "MemberAssignment",
    "PluginSetting",
    "Preset",
    "PresetVersion",
    "PriceVersion",
    "PrivateEndpoint",
    "PrivatePrice",
    "Provider",
    "RoutingDefaults",
]
