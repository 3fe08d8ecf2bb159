"""Server tools: what the gateway runs for the model. A new one is one file and one line here (SPEC §8)."""

from routing.tools.datetime import Datetime
from routing.tools.fusion import Fusion
from routing.tools.tool import ServerTool

TOOLS: dict[str, ServerTool] = {tool.slug: tool for tool in (Datetime(), Fusion())}
