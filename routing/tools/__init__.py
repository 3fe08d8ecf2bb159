"""Server tools: what the gateway runs for the model. A new one is one file and one line here (SPEC §8)."""

from routing.tools.advisor import Advisor
from routing.tools.datetime import Datetime
from routing.tools.search_models import SearchModels
from routing.tools.subagent import Subagent
from routing.tools.tool import ServerTool

TOOLS: dict[str, ServerTool] = {tool.slug: tool for tool in (Datetime(), SearchModels(), Advisor())}
TOOLS[Subagent.slug] = Subagent(TOOLS)
