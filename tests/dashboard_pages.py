"""What tests of the dashboard share: who looks, requests that were made, and pages as text."""

from __future__ import annotations

import html
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from pytest_django.fixtures import Settings

from config.lib.ids import uuid7
from observability.models import Generation
from tests.cast import Cast
from workspaces.models import ApiKey

HTMX = {"HX-Request": "true"}
PLAIN_FILES = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@pytest.fixture(autouse=True)
def uncollected_files(settings: Settings) -> None:
    """Static files come from where they lie, as they were not collected for the tests."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": PLAIN_FILES}
    settings.STATIC_ROOT = None


@pytest.fixture
def viewers(cast: Cast) -> dict[str, Client]:
    """A browser for each of the cast, signed in, and one for nobody."""
    people = {
        "alice": cast.acme.alice,
        "bob": cast.acme.bob,
        "carol": cast.acme.carol,
        "mallory": cast.globex.mallory,
    }
    clients = {name: Client() for name in (*people, "anonymous")}
    for name, membership in people.items():
        clients[name].force_login(membership.user)
    return clients


def make_generation(key: ApiKey, *, seconds_ago: float = 1, **columns: Any) -> Generation:
    """A request as ingest writes it: by the owner role, committed."""
    admitted_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    values: dict[str, Any] = {
        "id": uuid7(int(admitted_at.timestamp() * 1000)),
        "admitted_at": admitted_at,
        "organization_id": key.organization_id,
        "workspace_id": key.workspace_id,
        "api_key_id": key.pk,
        "subjects": [],
        "process_id": uuid.uuid4(),
        "batch": 1,
        "model": "simulator/echo",
        "provider": "simulator",
        "dialect": "chat",
        "is_streamed": False,
        "status": Generation.COMPLETED,
        "is_interrupted": False,
        "prompt_tokens": 12,
        "completion_tokens": 34,
        "reasoning_tokens": 0,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "is_usage_estimated": False,
        "cost_nano": 1_234_567,
        "byok_nano": 0,
        "is_byok": False,
        "refused_count": 1,
    }
    owned = Generation.objects.using("owner").unscoped(reason="a test plays ingest")
    made: Generation = owned.create(**values | columns)
    return made


def text_of(response: HttpResponseBase) -> str:
    """The page as a reader sees its text, entities resolved."""
    content: bytes = response.content  # type: ignore[attr-defined]  # a test's response is no stream
    return html.unescape(content.decode())
