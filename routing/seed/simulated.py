"""The simulator's part of the catalog: three providers that differ in price, speed and data policy."""

from __future__ import annotations

from typing import Any

ERROR_STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 520, 524, 529)
CONTEXT_LENGTH = 131_072
LONGEST_ANSWER = 65_536
PARAMETERS = ["max_tokens", "response_format", "seed", "stop", "structured_outputs", "temperature", "top_p"]
TOOL_PARAMETERS = ["tool_choice", "tools"]
PRICE = {"prompt": "0.000001", "completion": "0.000002"}

PROVIDERS: list[dict[str, Any]] = [
    {"slug": "simulator", "name": "Simulator", "is_simulator": True},
    {"slug": "simulator-fast", "name": "Simulator Fast", "is_simulator": True},
    {"slug": "simulator-zdr", "name": "Simulator ZDR", "is_simulator": True},
]
POLICIES: dict[str, dict[str, Any]] = {
    "simulator": {"trains_on_prompts": True, "retention_days": 30, "price": PRICE},
    "simulator-fast": {"retention_days": 30, "price": {"prompt": "0.000002", "completion": "0.000004"}},
    "simulator-zdr": {
        "retains_prompts": False,
        "is_zdr": True,
        "price": {"prompt": "0.0000015", "completion": "0.000003"},
    },
}
DESCRIPTIONS = {
    "echo": "Answers with the last user message, word by word.",
    "lorem": "Answers with as many words as max_tokens asks for.",
    "slow": "Waits as many milliseconds as the first number in the prompt says before its first token.",
    "flaky": "Fails every other time.",
    "cut": "Drops the connection in the middle of its answer.",
    "garbage": "Answers with bytes that are no answer.",
    "tools": "Calls the first tool that it is given.",
    "calls-all": "Calls every tool that it is given once, then says what they said.",
    "script": "Says and calls what the JSON script in the first message tells it to, step by step.",
    "broken-json": "Answers with JSON that needs repair.",
    "silent": "Never answers.",
    "flat": "As echo, priced per request only, so that what is set aside is what it costs.",
}
SHARED = ("echo", "lorem")
UNDERSTUDIES = ("understudy", "stand-in")
"""Other authors whose `script` is the simulator's, so that one model may ask another by a script of its own."""
PANEL = tuple(f"panel-{seat}" for seat in range(1, 9))


def simulated_models() -> list[dict[str, Any]]:
    """Every model of the simulator, priced."""
    models = [_model(name, description) for name, description in DESCRIPTIONS.items()]
    errors = [_model(f"error-{status}", f"Fails with status {status}.") for status in ERROR_STATUSES]
    panel = [_model(name, "Answers with its own name and the last user message.") for name in PANEL]
    scripts = [
        _model("script", DESCRIPTIONS["script"]) | {"slug": f"{author}/script", "name": f"{author}: Script"}
        for author in UNDERSTUDIES
    ]
    embed = _model("embed", "Embeds text.") | {"output_modalities": ["embeddings"]}
    embed["endpoints"][0]["price"] = {"prompt": "0.0000001", "completion": "0"}
    return [*models, *errors, *panel, *scripts, embed]


def _model(name: str, description: str) -> dict[str, Any]:
    providers = POLICIES if name in SHARED else ["simulator"]
    return {
        "slug": f"simulator/{name}",
        "name": f"Simulator: {name}",
        "description": description,
        "context_length": CONTEXT_LENGTH,
        "endpoints": [_endpoint(name, provider) for provider in providers],
    }


def _endpoint(name: str, provider: str) -> dict[str, Any]:
    endpoint = {
        "provider": provider,
        "upstream_model": f"simulator/{name}",
        "context_length": CONTEXT_LENGTH,
        "max_completion_tokens": LONGEST_ANSWER if name == "lorem" else 4096,
        "supported_parameters": PARAMETERS + ([] if provider == "simulator-fast" else TOOL_PARAMETERS),
        **POLICIES[provider],
    }
    if name == "flat":
        endpoint["price"] = {"prompt": "0", "completion": "0", "request": "0.001"}
    return endpoint
