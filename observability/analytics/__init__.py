"""Analytics of an organization's requests: what may be asked, and the answers. Nobody else knows of the tables.

`Question` says what is asked in the words of `fields`; `run`, `run_all` and `stream` answer it. What they read is
decided by `sources`, so that another store can take the place of PostgreSQL behind this interface.
"""

from observability.analytics.question import Condition, InvalidQuery, Order, Question, TooSlow
from observability.analytics.running import Result, Row, run, run_all, stream

__all__ = [
    "Condition",
    "InvalidQuery",
    "Order",
    "Question",
    "Result",
    "Row",
    "TooSlow",
    "run",
    "run_all",
    "stream",
]
