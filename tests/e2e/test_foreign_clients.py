"""Clients that others wrote for OpenRouter run unchanged: chat, streams, tools and structured outputs."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.e2e.installed_clients import (
    CLIENTS,
    RUN_SECONDS,
    node_with_clients,
    python_with_clients,
    run,
)
from tests.e2e.recorder import keys_of
from tests.live_stack import LiveStack

pytestmark = [pytest.mark.full, pytest.mark.timeout(400)]

SAID = {"text": "the quick brown fox", "input": 4, "output": 4}
TOOL = {
    "name": "weather",
    "arguments": {"city": "Oslo"},
    "then": "The tool said: sunny in Oslo",
}
PLACE = {"city": "text", "population": 1}
"""What the simulator makes of the schema that the scripts ask for."""


def answers(stack: LiveStack, *command: str, folder: Any = CLIENTS) -> dict[str, Any]:
    """What a client's script saw; it knows of us what users configure, an address and a key."""
    ours = {"OPENROUTER_API_BASE": stack.demo["base_url"], "OPENROUTER_API_KEY": keys_of(stack.demo)[1]}
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ours
    seen: dict[str, Any] = json.loads(run(list(command), folder=folder, env=env, seconds=RUN_SECONDS))
    return seen


class TestAClientInPython:
    @pytest.mark.parametrize(
        ("script", "streamed_tool"),
        [("use_langchain.py", {"city": "Oslo"}), ("use_pydantic_ai.py", PLACE)],
    )
    def test_chats_streams_calls_tools_and_gets_objects(self, live_stack, script, streamed_tool):
        seen = answers(live_stack, str(python_with_clients()), script)

        assert seen == {
            "chat": SAID,
            "stream": SAID,
            "tool": TOOL,
            "streamed_tool": streamed_tool,
            "by_schema": PLACE,
            "by_tool": PLACE,
        }


class TestAClientInJavaScript:
    @pytest.mark.parametrize(
        ("script", "more"),
        [
            (
                "use_ai_sdk.mjs",
                {"streamed_tool": {"arguments": {"city": "Rome"}, "then": "The tool said: sunny in Rome"}},
            ),
            ("use_openrouter_sdk.mjs", {"streamed_tool": {"city": "Rome"}, "response": SAID["text"]}),
        ],
    )
    def test_chats_streams_calls_tools_gets_objects_and_costs(self, live_stack, script, more):
        seen = answers(live_stack, "node", script, folder=node_with_clients())

        assert seen.pop("cost") > 0
        assert seen.pop("dimensions") > 0
        assert seen == {"chat": SAID, "stream": SAID, "tool": TOOL, "by_schema": PLACE, **more}


class TestTheLocks:
    def test_name_no_registry(self):
        texts = [(CLIENTS / "requirements.txt").read_text()]
        packages = json.loads((CLIENTS / "node" / "package-lock.json").read_text())["packages"]

        assert not any("resolved" in package for package in packages.values())
        assert all(package.get("integrity") for name, package in packages.items() if name)
        assert not any("://" in text or "--index" in text for text in texts)
