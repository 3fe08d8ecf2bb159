"""What every plugin says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from config.lib.declared import Field, read


class Plugin:
    """A plugin by its id in a request's `plugins`, with the configuration that it takes there and as a default."""

    slug: ClassVar[str]
    name: ClassVar[str]
    about: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]] = ()

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration as it is kept. Raises config.lib.declared.NotValid."""
        return read(self.fields, given, within="config")
