"""Search engines for the `web` plugin. A new one is one file and one line here; the first that is set up is asked."""

from routing.plugins.search.engine import Engine, Query, Result
from routing.plugins.search.exa import Exa
from routing.plugins.search.firecrawl import Firecrawl
from routing.plugins.search.parallel import Parallel
from routing.plugins.search.perplexity import Perplexity
from routing.plugins.search.searxng import Searxng
from routing.plugins.search.tavily import Tavily

__all__ = ["ENGINES", "Engine", "Query", "Result"]

ENGINES: dict[str, Engine] = {
    "exa": Exa(),
    "tavily": Tavily(),
    "parallel": Parallel(),
    "perplexity": Perplexity(),
    "firecrawl": Firecrawl(),
    "searxng": Searxng(),
}
