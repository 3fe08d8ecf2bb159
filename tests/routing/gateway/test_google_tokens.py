"""Tokens of service accounts: asked for once, renewed before they end without anybody waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from routing.gateway.google_tokens import GoogleTokens
from routing.gateway.upstream import Upstream, UpstreamFailed
from routing.providers import CannotAsk
from tests.routing.gateway.byok_stage import service_account, token_endpoint
from tests.routing.make import make_endpoint, make_provider


def vertex_with(credential: str):
    provider = replace(make_provider("google-vertex"), wire_format="vertex", credential=credential)
    return make_endpoint("google-vertex", provider=provider)


@pytest.fixture
def google():
    with token_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
async def upstream():
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def tokens(google, upstream):
    return GoogleTokens(upstream, google.url)


class TestATokenThatIsThere:
    async def test_is_put_in_the_accounts_place_at_its_own_region(self, tokens):
        endpoint = await tokens.signed_in(vertex_with(service_account()))

        assert endpoint.provider.credential == "Bearer ya29.of-the-test"
        assert endpoint.provider.base_url.endswith("/projects/acme-1/locations/europe-west1")

    async def test_is_asked_for_once_by_all_who_wait(self, tokens, google):
        endpoint = vertex_with(service_account())

        await asyncio.gather(*[tokens.signed_in(endpoint) for _ in range(20)])

        assert google.exchanges == 1

    async def test_is_nobody_elses(self, tokens, google):
        await tokens.signed_in(vertex_with(service_account()))
        google.answer = {"access_token": "ya29.another", "expires_in": 3600}

        other = await tokens.signed_in(vertex_with(service_account()))

        assert other.provider.credential == "Bearer ya29.another"

    async def test_that_ends_soon_is_renewed_while_it_still_serves(self, upstream, google):
        tokens = GoogleTokens(upstream, google.url, renewal_seconds=0)
        endpoint = vertex_with(service_account())
        google.answer = {"access_token": "ya29.short", "expires_in": 30}
        await tokens.signed_in(endpoint)
        google.answer = {"access_token": "ya29.long", "expires_in": 3600}

        meanwhile = await tokens.signed_in(endpoint)
        [account] = tokens._accounts.values()
        await account.exchange
        renewed = await tokens.signed_in(endpoint)

        assert meanwhile.provider.credential == "Bearer ya29.short"
        assert renewed.provider.credential == "Bearer ya29.long"
        assert google.exchanges == 2


class TestAnAccountThatIsNotLetIn:
    async def test_is_a_failure_that_repeats_nothing_and_is_believed_for_a_while(self, tokens, google):
        google.status, google.answer = 400, {"error": "invalid_grant", "error_description": "secret words"}
        endpoint = vertex_with(service_account())

        failures = []
        for _ in range(3):
            with pytest.raises(UpstreamFailed) as caught:
                await tokens.signed_in(endpoint)
            failures.append(caught.value.failure)

        assert google.exchanges == 1
        assert {failure.is_retryable for failure in failures} == {True}
        assert "secret words" not in str(failures)

    async def test_that_is_none_is_never_sent_anywhere(self, tokens, google):
        with pytest.raises(CannotAsk):
            await tokens.signed_in(vertex_with('{"type": "service_account"}'))

        assert google.exchanges == 0
