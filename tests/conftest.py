"""Fixtures for everybody: the fixed cast (tests/cast.py)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from tests.admin_pages import WHO, Doors
from tests.cast import Acme, Cast, Globex
from tests.operator_services import services_set_up
from tests.recorded_cast import RecordedCast


@pytest.fixture
def cast(db: None, recorded_cast: RecordedCast) -> Cast:
    """Acme and globex with their people, workspaces and keys; committed where the test is `transaction=True`."""
    return recorded_cast.enter()


@pytest.fixture
def acme(cast: Cast) -> Acme:
    """The organization that the tests are about."""
    return cast.acme


@pytest.fixture
def globex(cast: Cast) -> Globex:
    """The other tenant."""
    return cast.globex


@pytest.fixture
def alice(acme: Acme) -> User:
    """Administrator of acme."""
    return acme.alice.user


@pytest.fixture
def bob(acme: Acme) -> User:
    """Member of acme, in its Default workspace and in production."""
    return acme.bob.user


@pytest.fixture
def carol(acme: Acme) -> User:
    """Member of acme, in its Default workspace and in research."""
    return acme.carol.user


@pytest.fixture
def mallory(globex: Globex) -> User:
    """Administrator of globex, a stranger to acme."""
    return globex.mallory.user


@pytest.fixture
def staff(db: None) -> User:
    """One of the platform's own staff."""
    return User.objects.create_superuser("staff@headgate.example", None, name="Staff")


@pytest.fixture
def operator_services() -> Iterator[None]:
    """An operator who has set up services for plugins."""
    with services_set_up():
        yield


@pytest.fixture
def doors(cast: Cast, staff: User, settings: Settings) -> Doors:
    """Everybody at the Django admin's door, signed in; static files need not be collected."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "whitenoise" not in name]
    people = {
        "alice": cast.acme.alice.user,
        "bob": cast.acme.bob.user,
        "carol": cast.acme.carol.user,
        "mallory": cast.globex.mallory.user,
        "staff": staff,
    }
    clients = {name: Client() for name in WHO}
    for name, user in people.items():
        clients[name].force_login(user)
    return Doors(clients)
