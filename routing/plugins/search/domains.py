"""Which domains results and pages may be from; engines differ in what they heed, so results are looked at again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from yarl import URL

from routing.plugins.bench import Failed
from routing.plugins.search.engine import Query

LONGEST_ADDRESS = 4_000
NOT_WEB = "it is no address of the web"
NOT_HERE = "its address, or where it leads, is not of the domains that are permitted here"


def checked_address(url: str, may_go: Callable[[str], bool]) -> str:
    """An address that a stranger wrote, in the one form in which it is judged and asked for. Raises Failed."""
    if len(url) > LONGEST_ADDRESS:
        raise Failed(NOT_WEB)
    try:
        address = URL(url).with_fragment(None)
        is_web = address.scheme in ("http", "https") and bool(address.host)
        is_bare = address.user is None and address.password is None
    except (ValueError, TypeError):  # also what no encoding knows
        raise Failed(NOT_WEB) from None
    if not is_web or not is_bare:
        raise Failed(NOT_WEB)
    if not may_go(str(address)):
        raise Failed(NOT_HERE)
    return str(address)


def is_wanted(url: str, query: Query) -> bool:
    """Whether a result is one of the domains asked for, and of none that is not wanted."""
    return is_within(url, query.include, query.exclude)


def is_within(url: str, include: Iterable[str], exclude: Iterable[str]) -> bool:
    """Whether an address of the web is in one of the domains to include, if there are any, and in none to exclude."""
    parts = urlsplit_safely(url)
    if parts is None:
        return False
    host, path = parts
    wanted = tuple(include)
    if wanted and not any(_matches(pattern, host, path) for pattern in wanted):
        return False
    return not any(_matches(pattern, host, path) for pattern in exclude)


def urlsplit_safely(url: str) -> tuple[str, str] | None:
    """Host and path of an address of the web; None for anything else."""
    try:
        parts = urlsplit(url)
        host = _plain(parts.hostname or "")
    except ValueError:
        return None
    return (host, parts.path) if parts.scheme in ("http", "https") and host else None


def _matches(pattern: str, host: str, path: str) -> bool:
    """`a.com` means its subdomains too, `*.a.com` only these; `a.com/b` what is below the path."""
    domain, _, below = pattern.lower().partition("/")
    is_below = domain.startswith("*.")
    domain = _plain(domain.removeprefix("*."))
    if not (host.endswith(f".{domain}") or (host == domain and not is_below)):
        return False
    wanted = f"/{below.rstrip('/')}"
    path = path.lower()
    return not below or path == wanted or path.startswith(f"{wanted}/")


def _plain(host: str) -> str:
    """A host's one way to be written: without the dot at its end, and in ASCII if it can be."""
    host = host.removesuffix(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host
