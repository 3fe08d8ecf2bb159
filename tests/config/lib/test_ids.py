"""Identifiers are UUIDv7, unique in every thread and every fork, and the same in all their forms."""

from __future__ import annotations

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from config.lib.ids import generation_id, milliseconds_of, new_id, parse_generation_id, uuid7


class TestANewId:
    def test_is_a_uuid_version_7_of_now(self):
        identifier = uuid.UUID(new_id().text)

        assert (identifier.version, identifier.variant) == (7, uuid.RFC_4122)
        assert abs(milliseconds_of(identifier) - time.time() * 1000) < 1000

    def test_is_the_same_in_all_its_forms(self):
        made = new_id()

        identifier = uuid.UUID(made.text)

        assert made.text == str(identifier)
        assert (made.number, made.public) == (identifier.int, generation_id(identifier))
        assert parse_generation_id(made.public) == identifier

    def test_is_unique_in_all_threads(self):
        with ThreadPoolExecutor(4) as pool:
            made = [
                each
                for batch in pool.map(lambda _: [uuid7(1) for _ in range(3000)], range(4))
                for each in batch
            ]

        assert len(set(made)) == len(made)

    def test_is_unique_after_a_fork(self):
        uuid7()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, b"".join(uuid7(1).bytes for _ in range(100)))
            os._exit(0)
        os.waitpid(child, 0)
        theirs = os.read(reading, 1600)

        ours = {uuid7(1).bytes for _ in range(100)}

        assert len(theirs) == 1600
        assert not ours & {theirs[at : at + 16] for at in range(0, 1600, 16)}
