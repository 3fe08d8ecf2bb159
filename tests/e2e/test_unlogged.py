"""Without I/O logging and without destinations, nothing of a conversation is in any file of an installation."""

from __future__ import annotations

import secrets
from pathlib import Path

from openrouter import OpenRouter

from tests.e2e.recorder import keys_of
from tests.live_stack import LiveStack

OURS = frozenset({"simulator.jsonl"})
"""The provider's own record, which plays somebody else's house."""


def files_with(folder: Path, word: bytes) -> list[str]:
    """The files below a folder (the database's, logs, journals, queues) that have the word in them."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file() and path.name not in OURS and word in path.read_bytes():
                found.append(str(path.relative_to(folder)))
        except OSError:
            continue  # it has just gone
    return found


class TestAConversation:
    def test_leaves_no_word_behind(self, live_stack: LiveStack):
        word = f"sentinel-{secrets.token_hex(8)}"
        with OpenRouter(
            api_key=keys_of(live_stack.demo)[1], server_url=live_stack.demo["base_url"]
        ) as client:
            messages = [{"role": "user", "content": word}]
            for is_streamed in (False, True):
                answer = client.chat.send(model="simulator/echo", messages=messages, stream=is_streamed)
                shown = list(answer) if is_streamed else [answer]
                assert word in str(shown)
            last = shown[-1].id
            assert client.generations.get_generation(id=last).data.id == last  # booked by now

        assert files_with(live_stack.data, word.encode()) == []

    def test_would_be_found(self, live_stack: LiveStack):
        word = f"sentinel-{secrets.token_hex(8)}"
        (live_stack.data / "found").write_text(word)

        assert files_with(live_stack.data, word.encode()) == ["found"]
        (live_stack.data / "found").unlink()
