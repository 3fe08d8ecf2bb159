"""`web`: what a search of the web finds is put before the model."""

from __future__ import annotations

from config.lib.declared import Choice, Flag, Group, Text, Texts, Whole
from routing.plugins.plugin import Plugin

ENGINES = ("native", "exa", "firecrawl", "parallel", "perplexity", "tavily", "searxng")
MODES = (
    *("instant", "fast", "auto", "deep-lite", "deep", "deep-reasoning"),
    *("turbo", "basic", "advanced"),
)
DATE = r"\d{4}-\d\d-\d\d"
MOST_HANDLES = 20

LOCATION = (
    Choice(name="type", values=("approximate",)),
    Text(name="city"),
    Text(name="country"),
    Text(name="region"),
    Text(name="timezone"),
)
X_SEARCH = (
    Texts(name="allowed_x_handles", most=MOST_HANDLES),
    Texts(name="excluded_x_handles", most=MOST_HANDLES),
    Flag(name="enable_image_understanding"),
    Flag(name="enable_video_understanding"),
    Text(name="from_date", pattern=DATE),
    Text(name="to_date", pattern=DATE),
)


class Web(Plugin):
    """Search of the web, once per request."""

    slug = "web"
    name = "Web search"
    about = "Searches the web and puts what it finds before the model."
    fields = (
        Choice(name="engine", values=ENGINES, help="Which search engine is asked."),
        Choice(name="mode", values=MODES, help="The engine's own mode; ignored by engines without it."),
        Whole(name="max_results", minimum=1, maximum=100, help="How many results are used; 5 unless told."),
        Whole(
            name="max_uses", minimum=1, maximum=100, help="Searches per turn, where the provider searches."
        ),
        Text(name="search_prompt", most=10_000, help="What introduces the results to the model."),
        Texts(name="include_domains", help="Only these domains; wildcards and paths are possible."),
        Texts(name="exclude_domains", help="None of these domains."),
        Group(name="user_location", fields=LOCATION, help="Where the person is, roughly."),
        Group(name="x_search", fields=X_SEARCH, help="Search of X, where the provider offers it."),
    )
