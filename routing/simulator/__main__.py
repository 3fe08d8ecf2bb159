"""Run the simulator as a process of its own, on loopback."""

import argparse
import logging
import os
from pathlib import Path
from types import FrameType

import uvicorn

from routing.simulator.app import Simulator
from routing.simulator.record import Recorder

_CUT_OFF = "ASGI callable returned without completing response."


class Server(uvicorn.Server):
    """Ends at the first signal: the record is written before the bytes, so there is nothing to finish."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        os._exit(0)


def main() -> None:
    arguments = _read_arguments()
    _log_only_problems()
    Server(
        uvicorn.Config(
            Simulator(Recorder(arguments.record)),
            host="127.0.0.1",
            port=arguments.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_keep_alive=300,  # longer than callers do, so that no call meets a closing connection
        )
    ).run()


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m routing.simulator", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--record", type=Path, required=True, help="the file that what was served is appended to"
    )
    return parser.parse_args()


def _log_only_problems() -> None:
    """Log to stderr what goes wrong; a connection that was cut off on purpose is not that."""
    logging.basicConfig(level=logging.WARNING, format="simulator: %(message)s")
    logging.getLogger("uvicorn.error").addFilter(lambda entry: entry.getMessage() != _CUT_OFF)


if __name__ == "__main__":
    main()
