"""Plugins: what is done to a request or an answer besides sending it on. A new one is one file and one line here."""

from routing.plugins.auto_router import AutoRouter
from routing.plugins.context_compression import ContextCompression
from routing.plugins.file_parser import FileParser
from routing.plugins.fusion import Fusion
from routing.plugins.moderation import Moderation
from routing.plugins.plugin import Plugin
from routing.plugins.response_healing import ResponseHealing
from routing.plugins.web import Web

PLUGINS: dict[str, Plugin] = {
    plugin.slug: plugin
    for plugin in (
        Web(),
        FileParser(),
        ResponseHealing(),
        ContextCompression(),
        AutoRouter(),
        Moderation(),
        Fusion(),
    )
}
