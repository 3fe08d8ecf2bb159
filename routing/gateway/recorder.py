"""Seals what was said for the journal, where anybody wants it; on the event loop only what takes no time."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from config.lib.crypto import KeyRing
from observability.content_sealing import seal_content
from observability.journal_records import Content
from routing.gateway.bodies import BodyReader
from routing.gateway.books import Opened
from routing.gateway.ending import Ending
from routing.gateway.packing import content_of_request, is_text, packed, read_and_pack
from routing.gateway.said import Said

MOST_BYTES_HERE = 64 * 1024
"""Are compressed and sealed on the event loop: half a millisecond. More goes to a thread, which lets go of the lock."""
MOST_TOKENS_HERE = 100_000
"""Of a prompt that is made into JSON on the event loop: a third of a megabyte, and a millisecond."""
THREADS = 2

log = logging.getLogger(__name__)


class Recorder:
    """Makes records of content. Belongs to the event loop's thread."""

    def __init__(self, ring: KeyRing | None, bodies: BodyReader) -> None:
        self.lost = 0
        """How many contents could not be kept."""
        self._ring = ring
        self._bodies = bodies
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="contents")

    async def content_of(self, opened: Opened, ending: Ending) -> Content | None:
        """The record of what was said, if anybody wants it. What goes wrong costs the content, and never a charge."""
        wanted, said = opened.wanted, ending.said
        if wanted is None or said is None or self._ring is None:
            return None
        try:
            sealed = await self._sealed(self._ring, opened, ending, said)
        except Exception as error:
            # Without the error's words: they may quote what was said.
            log.error("the content of %s is lost: %s", opened.public_id, type(error).__name__)
            self.lost += 1
            return None
        return Content(opened.id, sealed, wanted.is_logged, wanted.destinations, wanted.classifiers)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _sealed(self, ring: KeyRing, opened: Opened, ending: Ending, said: Said) -> str:
        error = None if ending.refusal is None else ending.refusal.message
        about = (said.call.body, said.output, ending.outcome.finish_reason, error)
        organization = opened.known.organization
        if is_text(said.call.body):
            data = await self._bodies.elsewhere(organization, read_and_pack, *about)
        elif said.call.prompt_tokens - said.call.media_tokens > MOST_TOKENS_HERE:
            data = await self._bodies.elsewhere(organization, packed, content_of_request(*about))
        else:
            data = packed(content_of_request(*about))
        seal = partial(seal_content, ring, data, organization_id=organization, generation_id=opened.id)
        if len(data) <= MOST_BYTES_HERE:
            return seal()
        return await asyncio.get_running_loop().run_in_executor(self._threads, seal)
