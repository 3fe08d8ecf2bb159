"""System checks: no secret has a usable default, and nonsense in the environment stops the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import InterfaceError, OperationalError

from config.lib.crypto import KeyRing, SealingError, sealing_ring
from config.lib.environment import Environment, environment
from config.lib.sealed_columns import sealed_columns, uses_of_keys


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
    """E006: the public address must be a whole URL without a path."""
    parts = urlsplit(env.base_url)
    if parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/"):
        return []
    return [Error("HEADGATE_BASE_URL must look like https://headgate.example.com.", id="headgate.E006")]


def email_faults(env: Environment) -> list[CheckMessage]:
    """E007: mail goes to the log, or through a server whose address can be read."""
    parts = urlsplit(env.email_url)
    if not env.email_url or (parts.scheme in ("smtp", "smtp+tls", "smtps") and parts.hostname):
        return []
    text = "HEADGATE_EMAIL_URL must look like smtp+tls://user:password@mail.example.com:587."
    return [Error(text, hint="smtp:// plain, smtp+tls:// STARTTLS, smtps:// TLS", id="headgate.E007")]


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
        email_faults,
    )
    return [fault for check in checks for fault in check(env)]


def stored_secret_faults(*, using: str) -> list[CheckMessage]:
    """E020: a stored secret was sealed with a key that is not in the ring. Reads the database."""
    try:
        known = sealing_ring().keys
    except SealingError:
        return []  # E002 says so already
    return [
        Error(
            f"{count} secrets in {column.name} need the sealing key {key_id!r}, "
            "which is not in HEADGATE_SEALING_KEYS.",
            hint="put the key back, run `manage.py rotate_secrets`, and remove it then",
            id="headgate.E020",
        )
        for column in sealed_columns()
        for key_id, count in uses_of_keys(column, using=using).items()
        if key_id not in known
    ]


@register(Tags.database)
def check_stored_secrets(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """What the named database needs: `check --database owner`, and before migrations are run."""
    return [fault for alias in list(databases or ())[:1] for fault in stored_secret_faults(using=alias)]


@register(Tags.security, deploy=True)
def check_stored_secrets_before_deployment(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The same for `check --deploy`, if the database can be reached from here."""
    try:
        return [] if databases else stored_secret_faults(using="owner")
    except (OperationalError, InterfaceError):
        return []
