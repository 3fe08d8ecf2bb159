"""A signature is the one that Amazon's own signer makes."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as some

from config.lib.aws_signature import AwsCredential, Scope, signed_headers
from config.lib.http_pool import parse_url
from tests.routing.providers.amazon import signed_by_amazon

NOW = datetime(2026, 11, 24, 7, 8, 9, tzinfo=UTC)
WORDS = some.text(some.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
REGIONS = some.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-2"])
HOSTS = some.sampled_from(
    [
        "https://bedrock-runtime.us-east-1.amazonaws.com",
        "https://proxy.example:8443",
        "http://[::1]:9000",
        "http://Bedrock.Test",
    ]
)
MODELS = some.one_of(
    some.sampled_from(
        [
            "anthropic.claude-3-5-sonnet-20241022-v2:0",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6",
        ]
    ),
    some.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text.strip(". ")),
)
QUERIES = some.lists(some.tuples(some.sampled_from("aBc"), some.sampled_from(["", "1", "x%20y"])), max_size=3)
HEADERS = some.dictionaries(some.sampled_from(["content-type", "accept", "x-amzn-tag"]), WORDS)


class TestSigning:
    @given(
        host=HOSTS,
        model=MODELS,
        query=QUERIES,
        headers=HEADERS,
        body=some.binary(max_size=200),
        keys=some.tuples(WORDS, WORDS, some.none() | WORDS),
        region=REGIONS,
        now=some.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
    )
    def test_does_as_amazons_signer_does(self, host, model, query, headers, body, keys, region, now):
        url = f"{host}/model/{quote(model, safe='')}/converse"
        url += "?" + "&".join(f"{name}={value}" for name, value in query) if query else ""
        scope = Scope(region, "bedrock")

        ours = signed_headers(url, headers, body, credential=AwsCredential(*keys), scope=scope, now=now)

        assert ours == signed_by_amazon(url, headers, body, keys, scope, now)

    def test_leaves_out_what_may_change_on_the_way(self):
        plain, more = (
            signed_headers(
                "https://a.test/",
                headers,
                b"",
                credential=AwsCredential("AKIA", "secret"),
                scope=Scope("us-east-1", "bedrock"),
                now=NOW,
            )
            for headers in ({}, {"user-agent": "Headgate"})
        )

        assert more["authorization"] == plain["authorization"]
        assert more["user-agent"] == "Headgate"

    def test_names_the_host_as_the_gateway_sends_it(self):
        url = "https://proxy.example:443/model/m/converse"
        sent = parse_url(url).host_header.decode()
        keys, scope = ("AKIA", "secret", None), Scope("us-east-1", "bedrock")

        ours = signed_headers(url, {}, b"", credential=AwsCredential(*keys), scope=scope, now=NOW)

        assert sent == "proxy.example:443"
        theirs = signed_by_amazon(url, {"host": sent}, b"", keys, scope, NOW)
        assert ours["authorization"] == theirs["authorization"]

    def test_shows_no_secret_in_a_credential(self):
        assert "hidden" not in repr(AwsCredential("AKIA", "hidden", "hidden"))
