"""A small web to try web tools with: some thirty pages of our own, and a search engine over them."""

from routing.simulator.web.site import Site

__all__ = ["Site"]
