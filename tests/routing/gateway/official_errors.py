"""What the official clients make of an error: each reads what the gateway said, and raises the right class."""

from __future__ import annotations

from functools import partial
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from openrouter import OpenRouter, errors

from tests.routing.gateway.entrances import COMPLETIONS, EMBEDDINGS, MESSAGES, RESPONSES
from tests.routing.gateway.error_bodies import Error
from tests.routing.gateway.process import CHAT

URL = "http://gateway.example/api/v1"
HI: Any = [{"role": "user", "content": "Hi"}]
OPENROUTER = {
    400: errors.BadRequestResponseError,
    401: errors.UnauthorizedResponseError,
    402: errors.PaymentRequiredResponseError,
    403: errors.ForbiddenResponseError,
    404: errors.NotFoundResponseError,
    413: errors.PayloadTooLargeResponseError,
    429: errors.TooManyRequestsResponseError,
    502: errors.BadGatewayResponseError,
    503: errors.ServiceUnavailableResponseError,
}
"""Whatever else there is has no class of its own there, but for embeddings' 504."""
OPENAI = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
}
ANTHROPIC = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    429: anthropic.RateLimitError,
}


def replaying(kind, answer):
    """An HTTP client of either library that hears what the gateway said, whatever it asks."""
    headers = {name: text for name, text in answer.headers.items() if name != "content-length"}

    def again(_request):
        return kind.Response(answer.status, headers=headers, content=answer.body)

    return kind.Client(transport=kind.MockTransport(again))


def by_openrouter(path: str, answer, error: Error) -> None:
    """The contract's own client."""
    with (
        replaying(httpx, answer) as http,
        OpenRouter(api_key="any", server_url=URL, client=http) as client,
    ):
        sends = {
            CHAT: partial(client.chat.send, messages=HI),
            RESPONSES: partial(client.responses.send, input="Hi"),
            EMBEDDINGS: partial(client.embeddings.generate, input="Hi"),
        }
        with pytest.raises(errors.OpenRouterError) as raised:
            sends[path](model="m", retries=None)
    expected = OPENROUTER.get(error.status, errors.OpenRouterDefaultError)
    if path == EMBEDDINGS and error.status == 504:
        expected = errors.GatewayTimeoutResponseError
    assert type(raised.value) is expected
    if expected is not errors.OpenRouterDefaultError:
        data = raised.value.data.error
        assert (data.code, data.message) == (error.status, error.message)
        assert data.metadata["error_type"] == error.error_type


def by_openai(path: str, answer, error: Error) -> None:
    """OpenAI's client."""
    with (
        replaying(httpx, answer) as http,
        openai.OpenAI(base_url=URL, api_key="any", max_retries=0, http_client=http) as client,
    ):
        sends = {
            CHAT: partial(client.chat.completions.create, messages=HI),
            COMPLETIONS: partial(client.completions.create, prompt="Hi"),
            RESPONSES: partial(client.responses.create, input="Hi"),
            EMBEDDINGS: partial(client.embeddings.create, input="Hi"),
        }
        with pytest.raises(openai.APIStatusError) as raised:
            sends[path](model="m")
    other = openai.InternalServerError if error.status >= 500 else openai.APIStatusError
    assert type(raised.value) is OPENAI.get(error.status, other)
    assert raised.value.body["message"] == error.message


def by_anthropic(path: str, answer, error: Error) -> None:
    """Anthropic's client."""
    with (
        replaying(httpx2, answer) as http,
        anthropic.Anthropic(base_url=URL, api_key="any", max_retries=0, http_client=http) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.messages.create(model="m", messages=HI, max_tokens=5)
    other = anthropic.InternalServerError if error.status >= 500 else anthropic.APIStatusError
    assert isinstance(raised.value, ANTHROPIC.get(error.status, other))
    assert raised.value.body["error"]["message"] == error.message


CLIENTS = {
    CHAT: (by_openrouter, by_openai),
    COMPLETIONS: (by_openai,),
    MESSAGES: (by_anthropic,),
    RESPONSES: (by_openrouter, by_openai),
    EMBEDDINGS: (by_openrouter, by_openai),
}
