"""Server tools: what the gateway runs for the model. A new one is one file and one line here (SPEC §8)."""

from routing.tools.datetime import Datetime
from routing.tools.tool import ServerTool
from routing.tools.web_fetch import WebFetch
from routing.tools.web_search import WebSearch

TOOLS: dict[str, ServerTool] = {
    tool.slug: tool
    for tool in (
        Datetime(),
        WebSearch(),
        WebFetch(),
    )
}
