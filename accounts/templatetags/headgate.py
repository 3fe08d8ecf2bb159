"""How templates write amounts and durations, and what they may know of the installation."""

from __future__ import annotations

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

from accounts.ledger import kind_name
from config.lib.display import browser_text, duration_text, exact_money_text, money_text
from config.lib.environment import environment

register = template.Library()

register.filter("money", money_text)
register.filter("exact_money", exact_money_text)
register.filter("per_million", exact_money_text)  # femto-dollars of one token are nano-dollars of a million
register.filter("duration", duration_text)
register.filter("browser", browser_text)
register.filter("kind_name", kind_name)


@register.simple_tag
def sign_up_is_open() -> bool:
    """Whether people may make accounts for themselves."""
    return environment().is_sign_up_open


@register.filter
def described(field: BoundField, help_text: str) -> SafeString:
    """The field's widget, with the help that stands below it, and its errors, told to screen readers."""
    if not help_text:
        return field.as_widget()
    told = [f"{field.auto_id}_help", *([f"{field.auto_id}_error"] if field.errors else [])]
    return field.as_widget(attrs={"aria-describedby": " ".join(told)})


@register.filter
def share(used: int, whole: int) -> float:
    """How much of the whole is used, from 0 to 1 and beyond; of nothing, all."""
    return used / whole if whole else 1.0
