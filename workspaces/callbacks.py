"""Where an application may be sent an authorization code, and what it is called by that."""

from __future__ import annotations

import re
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

LONGEST = 2048
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1"})
PRINTABLE = re.compile(r"[!-\[\]-~]+")
"""Without white space, and without the backslash that browsers take for a slash."""
HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


class UnusableCallback(Exception):
    """The address is not one that a code may be sent to."""


def check_callback(url: str) -> None:
    """Pass for https, and for http on this machine, at any port. Raises UnusableCallback saying what is wrong."""
    if len(url) > LONGEST or not PRINTABLE.fullmatch(url):
        raise UnusableCallback(f"must be at most {LONGEST} printable ASCII characters, without backslashes.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise UnusableCallback("must be a URL.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOCAL_HOSTS):
        raise UnusableCallback("must begin with https://, or with http://localhost or http://127.0.0.1.")
    if "@" in parts.netloc:
        raise UnusableCallback("must not contain a user name or a password.")
    if not HOST.fullmatch(host) or ".." in host:
        raise UnusableCallback("must name a host.")


def with_code(url: str, code: str) -> str:
    """The callback with the code as a parameter beside those that it has; one of its own is replaced."""
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and not _is_code(pair)]
    return parts._replace(query="&".join([*kept, urlencode({"code": code})])).geturl()


def host_of(url: str) -> str:
    """Who asks: the host, with the port where one is named."""
    return urlsplit(url).netloc.lower()


def app_id(url: str) -> int:
    """A number that is the same for all callbacks of one host."""
    return int.from_bytes(sha256(host_of(url).encode()).digest()[:4], "big") >> 1


def _is_code(pair: str) -> bool:
    return any(name == "code" for name, _ in parse_qsl(pair, keep_blank_values=True))
