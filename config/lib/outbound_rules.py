"""Which addresses a user may make us connect to, in whatever form they are written (DESIGN §8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

NAT64 = ip_network("64:ff9b::/96")
INSIDE = tuple(
    ip_network(each)
    for each in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "fec0::/10", "3fff::/20")
)
"""Counted as global by Python, and yet a cloud's own (Azure's and Oracle's metadata), of one site, or nobody's."""
NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


class ForbiddenAddress(OSError):
    """A user may not make us connect there; the text names no address, so that nobody can map a network."""

    def __init__(self, host: str) -> None:
        super().__init__(f"connections to {host} are not allowed")


@dataclass(frozen=True)
class OutboundRules:
    """Which addresses a user-steered connection may go to: public ones, and ranges that the operator opened."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> OutboundRules:
        """Read `HEADGATE_OUTBOUND_ALLOW`: CIDR ranges with commas between. Raises ValueError."""
        entries = (entry.strip() for entry in text.split(","))
        return cls(tuple(ip_network(entry) for entry in entries if entry))

    def permits(self, address: str) -> bool:
        """Whether a connection to the address (as a resolver gives it) is allowed."""
        shown = ip_address(address.partition("%")[0])
        meant = _meant(shown)
        if any(each in network for network in self.allowed for each in (shown, meant)):
            return True
        if any(meant in network for network in INSIDE):
            return False
        return meant.is_global and not meant.is_multicast and not meant.is_reserved

    def check_url(self, url: str) -> None:
        """Refuse what needs no resolver: other schemes, credentials in the URL, literal addresses.

        Names are checked when they are resolved. Raises ForbiddenAddress.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
            raise ForbiddenAddress(host or "this address")
        try:
            is_allowed = self.permits(host)
        except ValueError:  # a name; but `0x7f.1`, `2130706433` and `0177.0.0.1` are addresses in disguise
            is_allowed = not NUMERIC_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2])
        if not is_allowed:
            raise ForbiddenAddress(host)


def _meant(address: Address) -> Address:
    """The address that packets would reach: IPv4 inside of IPv6 forms is unwrapped."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address
