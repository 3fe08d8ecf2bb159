"""Conversations with the model `script` in each wire format: ask, and answer what tools it calls."""

import json
from dataclasses import dataclass, field

from tests.routing.simulator.asks import CHAT, MESSAGES, PLACE, generate, stream_generate
from tests.routing.simulator.process import SimulatorProcess


@dataclass(frozen=True)
class Said:
    """A turn of the model: its text, its calls as (id, name, arguments), why it ended, and its tokens."""

    text: str
    calls: list[tuple[str, str, object]]
    finish: str
    tokens: int


@dataclass
class ChatTalk:
    """A conversation over Chat Completions; `tools` are the names of those that are offered."""

    simulator: SimulatorProcess
    tools: tuple[str, ...]
    is_stream: bool = False
    model: str = "script"
    more: dict = field(default_factory=dict)
    turns: list = field(default_factory=list)
    none = {"tool_choice": "none"}

    def begin(self, script) -> Said:
        text = script if isinstance(script, str) else json.dumps(script)
        self.turns.append(self.user(text))
        return self.ask()

    def go_on(self, said: Said, *results: str) -> Said:
        """Answer the calls of a turn, and return the next one."""
        self.turns += [self.assistant(said), *self.results(said, results)]
        return self.ask()

    def ask(self) -> Said:
        path, body = self.request()
        answer = self.simulator.post(path, body | self.more)
        assert answer.status == 200, answer.body
        return self.join(answer.events()) if self.is_stream else self.read(answer.json())

    def user(self, text):
        return {"role": "user", "content": text}

    def request(self):
        tools = [{"type": "function", "function": {"name": name, "parameters": PLACE}} for name in self.tools]
        body = {"model": self.model, "messages": self.turns, "tools": tools}
        options = {"stream": True, "stream_options": {"include_usage": True}} if self.is_stream else {}
        return CHAT, body | options

    def read(self, body):
        [choice] = body["choices"]
        message = choice["message"]
        calls = [
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", ())
        ]
        tokens = body["usage"]["completion_tokens"]
        return Said(message["content"] or "", calls, choice["finish_reason"], tokens)

    def join(self, events):
        choices = [event["choices"][0] for event in events[:-1] if event["choices"]]
        calls: dict[int, list] = {}
        for part in (part for one in choices for part in one["delta"].get("tool_calls", ())):
            call = calls.setdefault(part["index"], [part.get("id"), part["function"].get("name"), ""])
            call[2] += part["function"]["arguments"]
        text = "".join(one["delta"].get("content") or "" for one in choices)
        found = [(id_, name, json.loads(arguments)) for id_, name, arguments in calls.values()]
        return Said(text, found, choices[-1]["finish_reason"], events[-2]["usage"]["completion_tokens"])

    def assistant(self, said):
        calls = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for id_, name, arguments in said.calls
        ]
        return {"role": "assistant", "content": said.text or None, "tool_calls": calls}

    def results(self, said, results):
        return [
            {"role": "tool", "tool_call_id": call[0], "content": result}
            for call, result in zip(said.calls, results, strict=True)
        ]


class MessagesTalk(ChatTalk):
    """A conversation over Messages."""

    none = {"tool_choice": {"type": "none"}}

    def request(self):
        tools = [{"name": name, "input_schema": PLACE} for name in self.tools]
        body = {"model": self.model, "max_tokens": 1000, "messages": self.turns, "tools": tools}
        return MESSAGES, body | {"stream": self.is_stream}

    def read(self, body):
        blocks = body["content"]
        calls = [
            (block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"
        ]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        return Said(text, calls, body["stop_reason"], body["usage"]["output_tokens"])

    def join(self, events):
        blocks = []
        for event in events:
            if event["type"] == "content_block_start":
                assert event["index"] == len(blocks)
                blocks.append({**event["content_block"], "input": ""})
            elif event["type"] == "content_block_delta":
                assert event["index"] == len(blocks) - 1
                delta = event["delta"]
                name = "text" if delta["type"] == "text_delta" else "input"
                blocks[-1][name] += delta["text" if name == "text" else "partial_json"]
        assert sum(event["type"] == "content_block_stop" for event in events) == len(blocks)
        for block in blocks:
            block["input"] = json.loads(block["input"] or "{}")
        last = events[-2]
        return self.read({"content": blocks, "usage": last["usage"], **last["delta"]})

    def assistant(self, said):
        text = [{"type": "text", "text": said.text}] if said.text else []
        calls = [
            {"type": "tool_use", "id": id_, "name": name, "input": arguments}
            for id_, name, arguments in said.calls
        ]
        return {"role": "assistant", "content": [*text, *calls]}

    def results(self, said, results):
        blocks = [
            {"type": "tool_result", "tool_use_id": call[0], "content": result}
            for call, result in zip(said.calls, results, strict=True)
        ]
        return [{"role": "user", "content": blocks}]


class GeminiTalk(ChatTalk):
    """A conversation over generateContent, whose calls have no ids and whose results are objects."""

    none = {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}

    def user(self, text):
        return {"role": "user", "parts": [{"text": text}]}

    def request(self):
        functions = [{"name": name, "parameters": PLACE} for name in self.tools]
        path = stream_generate(self.model) if self.is_stream else generate(self.model)
        return path, {"contents": self.turns, "tools": [{"functionDeclarations": functions}]}

    def read(self, body):
        return self.join([body])

    def join(self, events):
        parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        return Said(
            "".join(part.get("text", "") for part in parts),
            [("", call["name"], call["args"]) for call in calls],
            events[-1]["candidates"][0]["finishReason"],
            events[-1]["usageMetadata"]["candidatesTokenCount"],
        )

    def assistant(self, said):
        text = [{"text": said.text}] if said.text else []
        calls = [{"functionCall": {"name": name, "args": arguments}} for _, name, arguments in said.calls]
        return {"role": "model", "parts": [*text, *calls]}

    def results(self, said, results):
        parts = [
            {"functionResponse": {"name": call[1], "response": {"result": result}}}
            for call, result in zip(said.calls, results, strict=True)
        ]
        return [{"role": "user", "parts": parts}]
