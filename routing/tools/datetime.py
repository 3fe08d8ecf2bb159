"""`datetime`: what time it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from config.lib.declared import NotValid, Text
from routing.tools.tool import Bench, Json, Ran, ServerTool, Use, failed

UTC_NAME = "UTC"
LONGEST_NAME = 64


class Datetime(ServerTool):
    """The current date and time in a time zone of the caller's or the model's choosing."""

    slug = "datetime"
    name = "Date and time"
    about = "Tells the current date and time."
    fields = (Text(name="timezone", most=LONGEST_NAME, help="An IANA time zone; UTC unless told."),)

    def read_config(self, given: Mapping[str, Any]) -> Json:
        """Its time zone, which must be one. Raises NotValid."""
        config = super().read_config(given)
        if zone_of(config.get("timezone", UTC_NAME)) is None:
            raise NotValid("parameters.timezone", "is no IANA time zone")
        return config

    def function(self, use: Use) -> Json:
        """A function with one optional argument."""
        zone = use.config.get("timezone", UTC_NAME)
        about = f"An IANA time zone such as Europe/Berlin. {zone} is used when it is left out."
        return {
            "description": "Get the current date and time; call it whenever an answer depends on them.",
            "parameters": {
                "type": "object",
                "properties": {"timezone": {"type": "string", "description": about}},
                "additionalProperties": False,
            },
        }

    async def run(self, arguments: Json, use: Use, bench: Bench) -> Ran:
        """The time, to the millisecond."""
        wished = arguments.get("timezone") or use.config.get("timezone", UTC_NAME)
        zone = zone_of(wished)
        if zone is None:
            fault = failed(f"{str(wished)[:LONGEST_NAME]!r} is no IANA time zone.")
            return fault._replace(item={**fault.item, "datetime": "", "timezone": str(wished)[:LONGEST_NAME]})
        told = {
            "datetime": bench.now.astimezone(zone).isoformat(timespec="milliseconds"),
            "timezone": zone.key,
        }
        return Ran(told, told)


def zone_of(name: Any) -> ZoneInfo | None:  # whatever a model says
    """The time zone of a name; None where it is none."""
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
