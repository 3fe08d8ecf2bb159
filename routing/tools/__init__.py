"""Server tools: what the gateway runs for the model. A new one is one file and one line here (SPEC §8)."""

from routing.tools.advisor import Advisor
from routing.tools.datetime import Datetime
from routing.tools.fusion import Fusion
from routing.tools.search_models import SearchModels
from routing.tools.subagent import Subagent
from routing.tools.tool import PREFIXES, ServerTool
from routing.tools.web_fetch import WebFetch
from routing.tools.web_search import WebSearch


def tool_named(kind: str) -> ServerTool | None:
    """The tool of a type (`openrouter:datetime`, in any case), or of a bare name; None where there is none."""
    lowered = kind.lower()
    for prefix in PREFIXES:
        lowered = lowered.removeprefix(prefix)
    return NAMES.get(lowered)


TOOLS: dict[str, ServerTool] = {
    tool.slug: tool
    for tool in (
        Datetime(),
        WebSearch(),
        WebFetch(),
        SearchModels(),
        Advisor(),
        Subagent(tool_named),
        Fusion(),
    )
}
NAMES: dict[str, ServerTool] = {name: tool for tool in TOOLS.values() for name in (tool.slug, *tool.names)}
