"""OpenAI text completions (platform.openai.com/docs/api-reference/completions)."""

from routing.simulator.ask import (
    Ask,
    Body,
    RefusedError,
    Target,
    Turn,
    read_flag,
    read_max_tokens,
    read_object,
    read_pace,
    read_text,
)
from routing.simulator.dialects.base import HOLE, Script, encode, event, fill
from routing.simulator.dialects.openai import DONE, count_usage, write_error
from routing.simulator.plans import Reply


class Completions:
    """POST /v1/completions: the prompt is the user's message; of several prompts the last is answered."""

    def read(self, body: Body, target: Target) -> Ask:
        return Ask(
            model=read_text(body, "model"),
            is_stream=read_flag(body, "stream"),
            turns=_read_prompts(body.get("prompt")),
            max_tokens=read_max_tokens(body, "max_tokens"),
            wants_usage_chunk=read_flag(read_object(body, "stream_options"), "include_usage"),
            pace=read_pace(body),
            body=body,
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        frame = _frame(ask, call, [_choice(reply.text, reply.finish)])
        return encode(frame | {"usage": count_usage(ask.prompt_tokens, reply.tokens)})

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        closing = event(_chunk(ask, call, "", reply.finish))
        if ask.wants_usage_chunk:
            last = _frame(ask, call, [])
            closing += event(last | {"usage": count_usage(ask.prompt_tokens, reply.tokens)})
        deltas = fill(event(_chunk(ask, call, HOLE)), reply.pieces)
        return Script(b"", deltas, closing + DONE)

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        return write_error(refusal)


def _read_prompts(prompt: object) -> tuple[Turn, ...]:
    prompts = prompt if isinstance(prompt, list) else [prompt]
    texts = [text for text in prompts if isinstance(text, str)]
    if not texts or len(texts) != len(prompts):
        raise RefusedError(400, "'prompt' must be a string or a list of strings.", param="prompt")
    return tuple(Turn("user", text) for text in texts)


def _choice(text: str, finish: str | None) -> object:
    return {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}


def _frame(ask: Ask, call: str, choices: list[object]) -> dict[str, object]:
    return {
        "id": f"cmpl-{call}",
        "object": "text_completion",
        "created": ask.created,
        "model": ask.model,
        "choices": choices,
    }


def _chunk(ask: Ask, call: str, text: str, finish: str | None = None) -> dict[str, object]:
    frame = _frame(ask, call, [_choice(text, finish)])
    return frame | {"usage": None} if ask.wants_usage_chunk else frame
