"""Sentry, by its OTLP endpoint (https://docs.sentry.io/concepts/otlp/)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from config.lib.declared import NotValid, Text
from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp_kind import OtlpKind


class Sentry(OtlpKind):
    """Both values are on the page of the project's client keys; the DSN's public key says who we are."""

    slug = "sentry"
    name = "Sentry"
    about = "Errors and performance, with LLM traces beside them."
    fields = (
        Text(name="dsn", most=500, help="https://<public key>@<host>/<project>"),
        Address(name="otlpEndpoint", help="The OTLP traces endpoint of the project."),
    )
    required = ("dsn", "otlpEndpoint")
    secrets = frozenset({"dsn"})
    addresses = frozenset({"otlpEndpoint"})
    verified_against = "a strict local receiver"

    def read_config(self, given: Any) -> dict[str, Any]:  # JSON of any kind
        config = super().read_config(given)
        if not public_key(config["dsn"]):
            raise NotValid("config.dsn", "must be a DSN: https://<public key>@<host>/<project>.")
        return config

    def address(self, config: Config) -> str:
        return str(config["otlpEndpoint"])

    def headers(self, config: Config) -> dict[str, str]:
        return {"x-sentry-auth": f"sentry sentry_key={public_key(config['dsn'])}"}


def public_key(dsn: str) -> str:
    """The user part of a DSN; empty where there is none."""
    try:
        parts = urlsplit(dsn)
        return (parts.username or "") if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""
