"""Translating requests for Amazon Bedrock in tests: each is held against Amazon's own validator."""

from __future__ import annotations

from routing.providers.bedrock_request import converse_request
from tests.routing.make import make_endpoint
from tests.routing.providers.amazon import faults_of_request

SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
SONNET_37 = "anthropic.claude-3-7-sonnet-20250219-v1:0"
SONNET_45 = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET_46 = "anthropic.claude-sonnet-4-6"
CLAUDE_2 = "anthropic.claude-v2:1"
SONNET_35 = "anthropic.claude-3-5-sonnet-20241022-v2:0"
OPUS_5 = "anthropic.claude-opus-5"
OPUS_47 = "anthropic.claude-opus-4-7"
MYTHOS = "anthropic.claude-mythos-preview"
NOVA = "us.amazon.nova-pro-v1:0"
LLAMA = "meta.llama3-70b-instruct-v1:0"
DEEPSEEK = "us.deepseek.r1-v1:0"
GPT_OSS = "openai.gpt-oss-120b-1:0"
COMMAND = "cohere.command-r-plus-v1:0"
MISTRAL = "mistral.mistral-large-2407-v1:0"

HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {}}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
MARK = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}


def translate(model=SONNET_4, *, limit=32_000, **given):
    endpoint = make_endpoint(upstream_model=model, max_completion_tokens=limit)
    found = converse_request({"messages": HELLO, **given}, endpoint)
    assert faults_of_request(found.body, model) == ""
    return found


def body_of(model=SONNET_4, **given):
    return translate(model, **given).body


def dropped_from(model=SONNET_4, **given):
    return translate(model, **given).dropped
