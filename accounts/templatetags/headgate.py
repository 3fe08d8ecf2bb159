"""How templates write amounts and durations, and what they may know of the installation."""

from __future__ import annotations

from django import template

from accounts.models import LedgerEntry
from config.lib.display import browser_text, duration_text, exact_money_text, money_text
from config.lib.environment import environment

register = template.Library()

register.filter("money", money_text)
register.filter("exact_money", exact_money_text)
register.filter("duration", duration_text)
register.filter("browser", browser_text)


@register.filter
def kind_name(kind: str) -> str:
    """What a kind of the ledger's entries is called."""
    return "Fee for own keys" if kind == LedgerEntry.BYOK_FEE else kind.capitalize()


@register.simple_tag
def sign_up_is_open() -> bool:
    """Whether people may make accounts for themselves."""
    return environment().is_sign_up_open
