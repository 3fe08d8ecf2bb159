"""Run one gateway process: `python -m routing.gateway --port 8000`. Several may share a port."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from uvicorn.importer import import_from_string

from routing.gateway.server import serve

APPLICATION = "config.asgi:application"
"""By name, because the layer above puts the planes together."""


def main() -> int:
    """Serve until told to stop; the exit status."""
    arguments = _read_arguments()
    application: Any = import_from_string(APPLICATION)
    return 0 if serve(application, application.draining, host=arguments.host, port=arguments.port) else 1


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m routing.gateway", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
