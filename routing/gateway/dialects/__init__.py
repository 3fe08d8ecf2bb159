"""The dialects in which inference is asked for: one file each, listed here."""

from routing.gateway.dialects.chat_dialect import Chat
from routing.gateway.dialects.completions import Completions
from routing.gateway.dialects.dialect import Dialect, DialectEvents
from routing.gateway.dialects.embeddings import Embeddings
from routing.gateway.dialects.messages import PING, Messages
from routing.gateway.dialects.responses import Responses

CHAT = Chat()
DIALECTS: dict[str, Dialect] = {
    dialect.slug: dialect
    for dialect in (
        CHAT,
        Completions(),
        Messages(),
        Responses(),
        Embeddings(),
    )
}
PATHS: dict[str, Dialect] = {dialect.path: dialect for dialect in DIALECTS.values()}
KEEP_ALIVE: dict[str, bytes] = {Messages.slug: PING}
"""What keeps a silent stream alive where that is an event of the dialect's; everywhere else it is a comment."""

__all__ = ["CHAT", "DIALECTS", "KEEP_ALIVE", "PATHS", "Dialect", "DialectEvents"]
