"""Fixtures for everybody: the fixed cast (tests/cast.py)."""

from __future__ import annotations

import pytest

from accounts.models import User
from tests.cast import Acme, Cast, Globex, assemble


@pytest.fixture
def cast(db: None) -> Cast:
    """Acme and globex with their people, workspaces and keys; committed where the test is `transaction=True`."""
    return assemble()


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
