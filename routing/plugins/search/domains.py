"""Which domains results and pages may be from; engines differ in what they heed, so results are looked at again."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from routing.plugins.search.engine import Query


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
