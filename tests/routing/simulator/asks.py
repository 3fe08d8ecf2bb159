"""The same question put in each wire format, and the answers read back."""

import base64
import json
import struct

CHAT = "/simulator-fast/v1/chat/completions"
COMPLETIONS = "/simulator-fast/v1/completions"
EMBEDDINGS = "/simulator-fast/v1/embeddings"
MESSAGES = "/simulator-fast/v1/messages"
PLACE = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo"]}}, "required": ["city"]}


def chat(model, text="one two three", **more):
    return {"model": f"simulator/{model}", "messages": [{"role": "user", "content": text}], **more}


def completion(model, text="one two three", **more):
    return {"model": f"simulator/{model}", "prompt": text, **more}


def message(model, text="one two three", **more):
    return {
        "model": f"simulator/{model}",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
        **more,
    }


def gemini(text="one two three", **more):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}


def generate(model):
    return f"/simulator-fast/v1beta/models/simulator/{model}:generateContent"


def stream_generate(model):
    return f"/simulator-fast/v1beta/models/simulator/{model}:streamGenerateContent?alt=sse"


def script(*steps):
    """The first message for the model `script`."""
    return json.dumps({"steps": steps})


def calling(name, arguments=None, **more):
    """A step of a script that calls one tool."""
    return {"calls": [{"name": name, "arguments": arguments or {}}], **more}


def chat_deltas(events):
    """The deltas of a chat stream that have a choice."""
    return [event["choices"][0]["delta"] for event in events if event != "[DONE]" and event["choices"]]


def unpack(vector):
    data = base64.b64decode(vector)
    return struct.unpack(f"<{len(data) // 4}f", data)
