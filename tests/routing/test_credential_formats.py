"""What providers' credentials look like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from routing.credential_formats import UnusableCredential, masked, read_credential
from tests.routing.byok_secrets import AWS, AZURE, FORMATS, GOOGLE, PLAIN, REGIONAL, SENTINEL


def without(text: str, *names: str, **changes: Any) -> str:
    """A JSON object with fields left out or changed."""
    entry = json.loads(text) | changes
    return json.dumps({name: value for name, value in entry.items() if name not in names})


class TestACredential:
    @pytest.mark.parametrize("provider", list(FORMATS))
    def test_is_understood_in_its_providers_format(self, provider: str):
        assert read_credential(provider, f"\n {FORMATS[provider]} \n").text == FORMATS[provider]

    @pytest.mark.parametrize(
        ("provider", "given", "label"),
        [
            ("openai", PLAIN, "sk-...AbCd"),
            ("openai", REGIONAL, "sk-...AbCd"),
            ("azure", AZURE, "azu...-key"),
            ("azure", json.dumps(json.loads(AZURE)[0]), "azu...-key"),
            ("amazon-bedrock", AWS, "AKI...MPLE"),
            ("amazon-bedrock", without(AWS, sessionToken="FwoGZXIvYXdz"), "AKI...MPLE"),
            ("amazon-bedrock", "bedrock-api-key-123456", "bed...3456"),
            ("google-vertex", GOOGLE, "012...0123"),
            ("google-vertex", without(GOOGLE, "region", "token_uri"), "012...0123"),
        ],
    )
    def test_has_a_label_that_does_not_tell_it(self, provider: str, given: str, label: str):
        assert read_credential(provider, given).label == label

    @pytest.mark.parametrize("secret", ["", "short", "fifteen-letters"])
    def test_that_is_short_has_a_label_of_dots(self, secret: str):
        assert masked(secret) == "..."

    def test_is_not_in_its_own_representation(self):
        assert SENTINEL not in repr(read_credential("openai", PLAIN))


class TestWhatIsNone:
    @pytest.mark.parametrize(
        ("provider", "given"),
        [
            ("groq", ""),
            ("groq", f"{SENTINEL} {SENTINEL}"),
            ("groq", f"{SENTINEL}\r\nX-Other: 1"),
            ("groq", f"{SENTINEL}é"),
            ("groq", REGIONAL),
            ("openai", json.dumps({"api_key": PLAIN, "region": SENTINEL})),
            ("openai", json.dumps({"api_key": PLAIN, "region": ["us"]})),
            ("openai", json.dumps({"api_key": PLAIN, SENTINEL: 1})),
            ("openai", json.dumps({"region": "us"})),
            ("openai", "{" + SENTINEL),
            ("azure", PLAIN),
            ("azure", "[]"),
            ("azure", json.dumps([SENTINEL])),
            ("azure", json.dumps(json.loads(AZURE) * 51)),
            ("azure", json.dumps([{"api_key": SENTINEL, "resource_name": "evil.example/"}])),
            ("azure", json.dumps([{"api_key": SENTINEL, "resource_name": "a", "resource_type": SENTINEL}])),
            ("azure", json.dumps([{"api_key": SENTINEL, "resource_name": "a", "resource_type": {}}])),
            *[
                ("azure", f"[{without(json.dumps(json.loads(AZURE)[1]), name)}]")
                for name in ("model_slug", "model_id", "endpoint_url", "api_key")
            ],
            *[
                ("azure", f"[{without(json.dumps(json.loads(AZURE)[1]), endpoint_url=address)}]")
                for address in (
                    "http://a.example/",
                    "https://u:p@a.example/",
                    "https://",
                    "https://[",
                    "file:///a",
                )
            ],
            *[("amazon-bedrock", without(AWS, name)) for name in json.loads(AWS)],
            ("amazon-bedrock", without(AWS, region="evil.example/#")),
            ("amazon-bedrock", without(AWS, **{SENTINEL: "x"})),
            ("amazon-bedrock", without(AWS, sessionToken="two words")),
            ("google-vertex", PLAIN),
            ("google-vertex", "[" * 20_000),
            ("google-vertex", "1" * 10_000),
            *[
                ("google-vertex", without(GOOGLE, name))
                for name in ("type", "project_id", "private_key_id", "private_key", "client_email")
            ],
            ("google-vertex", without(GOOGLE, type="authorized_user")),
            ("google-vertex", without(GOOGLE, private_key=SENTINEL)),
            ("google-vertex", without(GOOGLE, project_id="acme/../other")),
            ("google-vertex", without(GOOGLE, token_uri="https://evil.example/token")),
            ("google-vertex", without(GOOGLE, region="evil.example/")),
            ("google-vertex", without(GOOGLE, region=None)),
        ],
    )
    def test_is_refused_without_being_repeated(self, provider: str, given: str):
        with pytest.raises(UnusableCredential) as refusal:
            read_credential(provider, given)

        assert SENTINEL not in str(refusal.value)
        assert str(refusal.value)
