"""Static files come from where they lie, for these tests too."""

from tests.dashboard_pages import uncollected_files

__all__ = ["uncollected_files"]
