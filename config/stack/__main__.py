"""`python -m config.stack up | manage`: what dev.py hands over to."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from config.postgres_programs import PostgresError
from config.stack.folder import DataFolder, FolderInUseError
from config.stack.parts import ROOT
from config.stack.ports import PortInUseError
from config.stack.up import up


class NothingRunsError(Exception):
    """There is no stack to talk to; the message says what to do."""


def positive(text: str) -> int:
    """Read a number of at least one."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; `manage` takes everything that is not --data."""
    data = Path(os.environ.get("HEADGATE_DATA_DIR") or ROOT / "var")
    parser = argparse.ArgumentParser(prog="python3 dev.py")
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", help="run everything on this machine")
    up_parser.add_argument("--port", type=int, default=8000, help="where to listen; 0 takes a free port")
    up_parser.add_argument("--demo", action="store_true", help="seed two organizations to try things with")
    up_parser.add_argument("--gateways", type=positive, default=1, help="how many processes share the port")
    up_parser.add_argument(
        "--crashes",
        type=positive,
        default=5,
        help="stop when a part ends so often in a minute (drills raise it)",
    )
    manage_parser = commands.add_parser(
        "manage",
        help="a manage.py command against the running stack",
        add_help=False,  # --help is the command's
        allow_abbrev=False,
    )
    for command in (up_parser, manage_parser):
        command.add_argument("--data", type=Path, default=data, help="the folder that holds everything")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "manage":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def manage(options: argparse.Namespace) -> NoReturn:
    """Become manage.py, in the environment of the stack that runs on the folder."""
    folder = DataFolder(options.data)
    record = folder.read_record()
    if record is None:
        raise NothingRunsError(f"no stack runs on {folder.path}: `python3 dev.py up` first, or say --data")
    environment = {**folder.secrets(), **os.environ, **record["environment"]}
    command = [sys.executable, str(ROOT / "manage.py"), *options.rest]
    os.execve(command[0], command, environment)  # noqa: S606  no shell is wanted


def main() -> int:
    """Run a command; what a person can mend is said in a sentence, without a traceback."""
    options = parse(sys.argv[1:])
    try:
        return up(options) if options.command == "up" else manage(options)
    except (PostgresError, FolderInUseError, PortInUseError, NothingRunsError) as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
