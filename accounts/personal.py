"""The organization that everybody has for himself."""

from __future__ import annotations

import secrets

from django.utils.text import slugify

from accounts.models import Organization, User
from accounts.organizations import found
from accounts.revisions import Actor

LONGEST_STEM = 40


def found_personal(*, user: User, by: Actor) -> Organization:
    """Found the user's personal organization; a random end keeps its slug apart from its namesakes'."""
    stem = slugify(user.email.partition("@")[0])[:LONGEST_STEM] or "personal"
    name = user.name or user.email.partition("@")[0]
    return found(
        name=name,
        slug=f"{stem}-{secrets.token_hex(3)}",
        kind=Organization.PERSONAL,
        administrator=user,
        by=by,
    )
