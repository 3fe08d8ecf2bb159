"""How amounts, counts and durations read on pages. Money is never shown as nothing when there is some."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from config.lib.money import plain_usd, usd_from_nano

SIGNIFICANT_DIGITS = 3
# Most browsers claim to be others as well; the first mark that is found decides.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
MINUS = "−"


def money_text(nano: int) -> str:
    """An amount for reading: `$1,234.50`, `$0.00213`, `−$0.50`; below a dollar three significant digits."""
    amount = abs(usd_from_nano(nano))
    places = 2
    if 0 < amount < 1:
        places = min(9, max(2, SIGNIFICANT_DIGITS - 1 - amount.adjusted()))
    rounded = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return _signed(nano, _with_cents(rounded))


def exact_money_text(nano: int) -> str:
    """An amount to the nano-dollar, with at least two decimals: `$12.50`, `$0.000000001`."""
    return _signed(nano, _with_cents(abs(usd_from_nano(nano))))


def change_text(now: int, before: int) -> str:
    """How much more or less than before: `+12 %`, `−100 %`, `new`, `no change`."""
    if now == before:
        return "no change"
    if before <= 0:
        return "new"
    percent = (now - before) * 100 / before
    size = "<1" if abs(percent) < 1 else f"{abs(percent):,.0f}"
    return f"{'+' if percent > 0 else MINUS}{size} %"


def duration_text(milliseconds: int) -> str:
    """A duration for reading: `840 ms`, `1.24 s`, `2 min 5 s`."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{Decimal(milliseconds) / 1000:.2f} s"
    return f"{milliseconds // 60_000} min {milliseconds % 60_000 // 1000} s"


def browser_text(user_agent: str) -> str:
    """What a browser says it is, for reading: `Firefox on Linux`; programs by their first word."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    return user_agent.partition("/")[0].strip()[:40] or "Unknown browser"


def _with_cents(amount: Decimal) -> str:
    whole, _, decimals = plain_usd(amount).partition(".")
    return f"${int(whole):,}.{decimals.ljust(2, '0')}"


def _signed(nano: int, text: str) -> str:
    return MINUS + text if nano < 0 else text
