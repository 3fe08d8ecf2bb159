"""The ways in which a credential of a provider can be filled in, as declared fields; they make the text that is read.

What is right or wrong with a credential is said in one place, routing.credential_formats. No Django.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.lib.declared import Choice, Field, Text
from routing.credential_formats import DATA_REGIONS, MOST_CHARACTERS

KEY: Final = "api_key"


@dataclass(frozen=True)
class Way:
    """One form for a credential. `secrets` are typed unseen; `documents` are texts of many lines."""

    slug: str
    label: str
    fields: tuple[Field, ...]
    required: frozenset[str]
    secrets: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    is_plain_alone: bool = False
    """A key with nothing beside it is sent as it is, not as JSON."""

    def text(self, values: Mapping[str, str]) -> str:
        """The credential's text of what was filled in."""
        said = {field.name: values[field.name] for field in self.fields if values.get(field.name)}
        if self.documents:
            return _document(said, *self.documents)
        if self.is_plain_alone and said.keys() <= {KEY}:
            return said.get(KEY, "")
        return json.dumps(said)


def _document(said: Mapping[str, str], name: str) -> str:
    """A pasted text, with what was filled in beside it if it is a JSON object."""
    text, beside = said.get(name, ""), {key: value for key, value in said.items() if key != name}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(found | beside) if beside and isinstance(found, dict) else text


def _key(name: str = KEY, label: str = "") -> Text:
    return Text(name=name, help=label, most=4096)


_PLAIN: Final = Way(
    "key", "API key", (_key(),), frozenset({KEY}), secrets=frozenset({KEY}), is_plain_alone=True
)
_REGIONAL: Final = Way(
    "key",
    "API key",
    (_key(), Choice(name="region", values=DATA_REGIONS, help="Only if the key belongs to one region.")),
    frozenset({KEY}),
    secrets=frozenset({KEY}),
    is_plain_alone=True,
)
_AZURE: Final = (
    Way(
        "resource",
        "Resource",
        (
            Text(
                name="resource_name", help="The first part of its host name: acme of acme.openai.azure.com."
            ),
            Choice(
                name="resource_type", values=("openai", "ai_foundry"), help="Azure OpenAI unless you say so."
            ),
            _key(),
        ),
        frozenset({"resource_name", KEY}),
        secrets=frozenset({KEY}),
    ),
    Way(
        "deployment",
        "Deployment",
        (
            Text(
                name="endpoint_url", most=2000, help="The deployment's target address, with its api-version."
            ),
            Text(name="model_id", help="The deployment's name."),
            Text(name="model_slug", help="Which model that is here, as author/name."),
            _key(),
        ),
        frozenset({"endpoint_url", "model_id", "model_slug", KEY}),
        secrets=frozenset({KEY}),
    ),
    Way(
        "json",
        "Several, as JSON",
        (Text(name="json", most=MOST_CHARACTERS, help="A list of resources and deployments."),),
        frozenset({"json"}),
        documents=frozenset({"json"}),
    ),
)
_AMAZON: Final = (
    _PLAIN,
    Way(
        "aws",
        "AWS access key",
        (
            Text(name="accessKeyId"),
            _key("secretAccessKey"),
            _key("sessionToken", "Only of temporary access keys."),
            Text(name="region", help="Such as eu-west-1."),
        ),
        frozenset({"accessKeyId", "secretAccessKey", "region"}),
        secrets=frozenset({"secretAccessKey", "sessionToken"}),
    ),
)
_GOOGLE: Final = (
    Way(
        "service_account",
        "Service account",
        (
            Text(
                name="key_file", most=MOST_CHARACTERS, help="The whole JSON file of a service account's key."
            ),
            Text(name="region", help="Such as europe-west4; empty: global."),
        ),
        frozenset({"key_file"}),
        documents=frozenset({"key_file"}),
    ),
)
_WAYS: Final[Mapping[str, tuple[Way, ...]]] = {
    "openai": (_REGIONAL,),
    "fireworks": (_REGIONAL,),
    "azure": _AZURE,
    "amazon-bedrock": _AMAZON,
    "amazon-bedrock/claude-on-aws": _AMAZON,
    "claude-on-aws": _AMAZON,
    "google-vertex": _GOOGLE,
}
LABELS: Final = {
    KEY: "API key",
    "accessKeyId": "Access key ID",
    "secretAccessKey": "Secret access key",
    "sessionToken": "Session token",
    "endpoint_url": "Address",
    "model_id": "Deployment",
    "model_slug": "Model",
    "json": "Credential as JSON",
    "key_file": "Key file",
}


def ways_for(provider: str) -> tuple[Way, ...]:
    """How credentials of the provider can be filled in, the usual way first."""
    return _WAYS.get(provider, (_PLAIN,))
