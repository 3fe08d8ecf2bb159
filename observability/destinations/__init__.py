"""Destinations: vendors that traces are sent to. A new one is one file and one line here."""

from observability.destinations.destination import DestinationKind

DESTINATIONS: dict[str, DestinationKind] = {}
