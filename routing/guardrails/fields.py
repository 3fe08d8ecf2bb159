"""Fields of requests by what they hold: what is no text, what is looked at elsewhere, what stays here."""

BINARY = frozenset({"image_url", "input_audio", "input_image", "input_video", "video_url"})
"""Parts, and where they keep what is no text."""
NO_TEXT = frozenset(
    {"cache_control", "call_id", "format", "id", "index", "role", "signature", "tool_call_id", "type"}
)
MOST_HAVE = frozenset({"content", "role"})
OF_ANNOTATIONS = frozenset({"end_index", "hash", "start_index", "type", "url"})
SAID_IN_SCHEMAS = frozenset({"const", "default", "description", "enum", "examples", "title"})
BUILT_OF = frozenset(
    {
        "$ref",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maximum",
        "minimum",
        "multipleOf",
        "name",
        "required",
        "strict",
        "type",
    }
)
"""What tools and schemas are made of."""
NO_PROMPT = frozenset({"data", "file_id", "file_url"})
OF_MESSAGES = frozenset(
    {
        "annotations",
        "content",
        "function_call",
        "id",
        "name",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "role",
        "tool_call_id",
        "tool_calls",
    }
)
OF_CALLS = frozenset({"custom", "function", "id", "index", "type"})
ELSEWHERE = frozenset(
    {
        "input",
        "instructions",
        "messages",
        "model",
        "prediction",
        "prompt",
        "response_format",
        "stream",
        "suffix",
        "system",
        "tools",
    }
)
STAYS_HERE = frozenset(
    {
        "debug",
        "fallbacks",
        "models",
        "preset",
        "provider",
        "route",
        "session_id",
        "trace",
        "transforms",
        "usage",
        "user",
    }
)
"""What a request says to us; no provider ever sees it."""
