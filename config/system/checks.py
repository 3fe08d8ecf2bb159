"""System checks: no secret has a usable default, and nonsense in the environment stops the start."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, register

from config.lib.crypto import KeyRing, SealingError
from config.lib.environment import Environment, environment
from config.lib.metrics_server import address_of
from config.lib.plugin_environment import PluginEnvironment

SHORTEST_TOKEN = 24


def secret_key_faults(env: Environment) -> list[CheckMessage]:
    """E001: the secret key is missing or too short to sign sessions with."""
    if len(env.secret_key) >= 50:
        return []
    hint = 'python3 -c "import secrets; print(secrets.token_urlsafe(64))"'
    return [
        Error("HEADGATE_SECRET_KEY must be set to at least 50 characters.", hint=hint, id="headgate.E001")
    ]


def sealing_key_faults(env: Environment) -> list[CheckMessage]:
    """E002: the key ring for secrets at rest is missing or malformed."""
    try:
        KeyRing.parse(env.sealing_keys)
    except SealingError as error:
        return [
            Error(
                f"HEADGATE_SEALING_KEYS cannot be used: {error}.",
                hint="id:base64 of 32 random bytes; the first entry seals, all of them open",
                id="headgate.E002",
            )
        ]
    return []


def database_faults(env: Environment) -> list[CheckMessage]:
    """E003, E004: both database roles must be named, and must differ."""
    urls = {"DATABASE_URL": env.database_url, "HEADGATE_OWNER_DATABASE_URL": env.owner_database_url}
    missing = [
        Error(f"{name} must be a postgres:// URL.", id="headgate.E003")
        for name, url in urls.items()
        if urlsplit(url).scheme not in ("postgres", "postgresql")
    ]
    if missing:
        return [*missing]
    if urlsplit(env.database_url).username == urlsplit(env.owner_database_url).username:
        text = "DATABASE_URL and HEADGATE_OWNER_DATABASE_URL must use different roles (row-level security)."
        return [Error(text, id="headgate.E004")]
    return []


def host_faults(env: Environment) -> list[CheckMessage]:
    """E005: without allowed hosts nothing could be served."""
    if env.debug or env.allowed_hosts.strip():
        return []
    return [Error("HEADGATE_ALLOWED_HOSTS must name the hosts to serve.", id="headgate.E005")]


def base_url_faults(env: Environment) -> list[CheckMessage]:
    """E006: the public addresses must be whole URLs without a path; the gateway's own one may be left out."""
    urls = {"HEADGATE_BASE_URL": env.base_url}
    if env.chat_url:
        urls["HEADGATE_CHAT_URL"] = env.chat_url
    return [
        Error(f"{name} must look like https://headgate.example.com.", id="headgate.E006")
        for name, url in urls.items()
        if not _is_address(url)
    ]


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/"))


def region_faults(env: Environment) -> list[CheckMessage]:
    """E023: which data region a host is in must be one that guardrails know."""
    try:
        env.regions_by_host  # noqa: B018  # only whether it can be read
    except ValueError as error:
        return [Error(f"HEADGATE_REGION_HOSTS {error}.", id="headgate.E023")]
    return []


def plugin_faults(env: Environment) -> list[CheckMessage]:
    """E024: services that plugins ask have whole addresses."""
    given = {name: getattr(env, name) for name in PluginEnvironment.model_fields if name.endswith("_url")}
    return [
        Error(f"HEADGATE_{name.upper()} must look like https://api.example.com.", id="headgate.E024")
        for name, url in given.items()
        if url and not _is_web_address(url)
    ]


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def email_faults(env: Environment) -> list[CheckMessage]:
    """E007: mail goes to the log, or through a server or a service whose address can be read."""
    parts = urlsplit(env.email_url)
    if parts.scheme == "anymail" and parts.hostname:
        return [] if find_spec("anymail") else [_without_anymail()]
    if not env.email_url or (parts.scheme in ("smtp", "smtp+tls", "smtps") and parts.hostname):
        return []
    text = "HEADGATE_EMAIL_URL must look like smtp+tls://user:password@mail.example.com:587."
    return [
        Error(
            text,
            hint="smtp:// plain, smtp+tls:// STARTTLS, smtps:// TLS, anymail:// a service",
            id="headgate.E007",
        )
    ]


def _without_anymail() -> CheckMessage:
    text = "HEADGATE_EMAIL_URL names a mail service, which needs the extra `anymail`."
    return Error(text, hint="install django-anymail, as the extra says", id="headgate.E007")


def payment_faults(env: Environment) -> list[CheckMessage]:
    """E021, E022: Stripe is set up whole or not at all, and something can be bought."""
    faults: list[CheckMessage] = []
    parts = urlsplit(env.stripe_url)
    is_whole = bool(env.stripe_secret_key) == bool(env.stripe_webhook_secret)
    if not is_whole or parts.scheme not in ("http", "https") or not parts.hostname:
        text = (
            "HEADGATE_STRIPE_SECRET_KEY and HEADGATE_STRIPE_WEBHOOK_SECRET come together; the URL is whole."
        )
        faults.append(Error(text, id="headgate.E022"))
    if env.purchase_min_usd > env.purchase_max_usd:
        text = "HEADGATE_PURCHASE_MIN_USD must not be above HEADGATE_PURCHASE_MAX_USD."
        faults.append(Error(text, id="headgate.E021"))
    return faults


def token_endpoint_faults(env: Environment) -> list[CheckMessage]:
    """E025: service accounts sign in at an address."""
    parts = urlsplit(env.google_token_url)
    if parts.scheme in ("http", "https") and parts.hostname:
        return []
    return [
        Error("HEADGATE_GOOGLE_TOKEN_URL must be the whole address of a token endpoint.", id="headgate.E025")
    ]


def metrics_faults(env: Environment) -> list[CheckMessage]:
    """E026, E027: metrics are served at an address that can be bound, or behind a token that cannot be guessed."""
    faults: list[CheckMessage] = []
    try:
        address_of(env.metrics_listen or "127.0.0.1:1")
    except ValueError as error:
        faults.append(Error(f"HEADGATE_METRICS_LISTEN {error}.", id="headgate.E026"))
    if env.metrics_token and (len(env.metrics_token) < SHORTEST_TOKEN or not env.metrics_token.isascii()):
        text = f"HEADGATE_METRICS_TOKEN must have at least {SHORTEST_TOKEN} ASCII characters."
        hint = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        faults.append(Error(text, hint=hint, id="headgate.E027"))
    return faults


@register()
def check_environment(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Everything that is wrong with the environment, each with its own id."""
    env = environment()
    checks = (
        secret_key_faults,
        sealing_key_faults,
        database_faults,
        host_faults,
        base_url_faults,
        region_faults,
        plugin_faults,
        email_faults,
        payment_faults,
        token_endpoint_faults,
        metrics_faults,
    )
    return [fault for check in checks for fault in check(env)]
