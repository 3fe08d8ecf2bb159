"""Ports on this machine: which are free, and keeping one for ourselves."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

HOST = "127.0.0.1"


class PortInUseError(Exception):
    """Somebody else listens on the port; the message names it."""


def free_port(preferred: int = 0) -> int:
    """Return a free port: the preferred one when it is."""
    with contextlib.suppress(PortInUseError):
        return probe(preferred)
    return probe(0)


def probe(port: int) -> int:
    """Return the port (0: any) if nobody listens on it; raises PortInUseError."""
    with socket.socket() as candidate:
        candidate.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # connections that linger do not count
        try:
            candidate.bind((HOST, port))
        except OSError as error:
            raise PortInUseError(f"port {port} on {HOST} is in use: choose another with --port") from error
        bound: int = candidate.getsockname()[1]
        return bound


@contextlib.contextmanager
def reserved_port(wanted: int) -> Iterator[int]:
    """Keep a port (0: any free one) for processes of ours, which share it by SO_REUSEPORT.

    The socket is bound and never listens, so no connection comes to it; it keeps strangers away while a
    gateway is being restarted. Raises PortInUseError.
    """
    port = probe(wanted)
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reservation.bind((HOST, port))
        yield port
