"""What every plugin says about itself, and when it has a say.

A plugin has one verb for each moment of a request and overrides the ones it needs: `arrange` before it is decided who
serves the request, `before` when money was set aside for it, `after` on a whole answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from config.lib.declared import Field, read
from routing.call import Call
from routing.plugins.bench import Bench, Surroundings
from routing.plugins.operator import Missing, Operator

Config = Mapping[str, Any]  # what the plugin declares


class Plugin:
    """A plugin by its id in a request's `plugins`, with the configuration that it takes there and as a default."""

    slug: ClassVar[str]
    name: ClassVar[str]
    about: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]] = ()

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration as it is kept. Raises config.lib.declared.NotValid."""
        return read(self.fields, given, within="config")

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """What keeps this configuration from running here; None where nothing is known to."""
        return None

    def arrange(self, call: Call, config: Config | None, around: Surroundings) -> Call:
        """The call to decide on. Pure; `config` is None where the request is to go without. Raises RefusedError."""
        return call

    async def before(self, call: Call, config: Config, bench: Bench) -> Call:
        """The call to send to a provider. Raises RefusedError."""
        return call

    async def after(self, call: Call, config: Config, body: dict[str, Any], bench: Bench) -> Call:
        """The call with what was done to its answer; `body` is a fresh Chat Completions object, changed in place."""
        return call
