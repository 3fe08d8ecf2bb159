"""Who acts, as seen at the Django admin's door."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest

from accounts.models import User
from accounts.revisions import Actor
from config.lib.api import client_address


def through_admin(request: HttpRequest) -> Actor:
    """The actor of a request to the Django admin."""
    return Actor(door="admin", user=cast(User, request.user), address=client_address(request))
