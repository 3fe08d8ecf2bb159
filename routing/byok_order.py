"""The order in which the credentials of one provider are tried, before and after shared capacity."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.revisions import Actor
from routing import byok
from routing.models import ByokCredential


def move(*, credential: ByokCredential, is_fallback: bool, position: int, by: Actor) -> None:
    """Try a credential before or after shared capacity, as the one of this number (from 0) of its place there.

    A place is a workspace, or all of them: a workspace's own come before global ones, whatever their numbers. One that
    is not in order yet is numbered anew with it. Raises CredentialGone, FallbackOnly, WorkspaceGone.
    """
    with transaction.atomic():
        byok.lock_place(credential.organization, credential.workspace)
        rows = [row for row in _of_section(credential, is_fallback) if row.pk != credential.pk]
        rows.insert(max(position, 0), credential)
        for number, row in enumerate(rows):
            wanted: dict[str, Any] = {"is_fallback": is_fallback, "sort_order": number}
            if any(getattr(row, name) != value for name, value in wanted.items()):
                byok.change(credential=row, by=by, **wanted)


def _of_section(credential: ByokCredential, is_fallback: bool) -> list[ByokCredential]:
    live = ByokCredential.objects.for_organization(credential.organization_id).live()
    beside = live.filter(workspace=credential.workspace, provider=credential.provider)
    return list(beside.filter(is_fallback=is_fallback).in_order())
