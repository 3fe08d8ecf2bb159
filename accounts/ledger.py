"""Reading the ledger: what moved an organization's credits."""

from __future__ import annotations

from accounts.models import LedgerEntry, Organization
from config.lib.keyset import Page, newest_first

KINDS = {
    "deposits": LedgerEntry.DEPOSITS,
    "usage": (LedgerEntry.USAGE, LedgerEntry.BYOK_FEE),
}


def movements(*, organization: Organization, kinds: str, before: str, size: int) -> Page[LedgerEntry]:
    """A page of the organization's credit lines, newest first; `kinds` is a key of KINDS, or empty for all.

    Raises UnknownCursor.
    """
    lines = LedgerEntry.objects.for_organization(organization).filter(account=LedgerEntry.CREDITS)
    if kinds in KINDS:
        lines = lines.filter(kind__in=KINDS[kinds])
    return newest_first(lines, before=before, size=size)
