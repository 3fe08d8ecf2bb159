"""Which domains results may be from: engines differ in what they heed, so that their results are looked at again."""

from __future__ import annotations

from urllib.parse import urlsplit

from routing.plugins.search.engine import Query


def is_wanted(url: str, query: Query) -> bool:
    """Whether a result is one of the domains asked for, and of none that is not wanted."""
    parts = urlsplit_safely(url)
    if parts is None:
        return False
    host, path = parts
    if query.include and not any(_matches(pattern, host, path) for pattern in query.include):
        return False
    return not any(_matches(pattern, host, path) for pattern in query.exclude)


def urlsplit_safely(url: str) -> tuple[str, str] | None:
    """Host and path of an address of the web; None for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return (host, parts.path) if parts.scheme in ("http", "https") and host else None


def _matches(pattern: str, host: str, path: str) -> bool:
    """`a.com` means its subdomains too, `*.a.com` only these; `a.com/b` what is below the path."""
    domain, _, below = pattern.lower().partition("/")
    is_below = domain.startswith("*.")
    domain = domain.removeprefix("*.")
    if not (host.endswith(f".{domain}") or (host == domain and not is_below)):
        return False
    wanted = f"/{below.rstrip('/')}"
    return not below or path == wanted or path.startswith(f"{wanted}/")
