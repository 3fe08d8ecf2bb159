"""A raw psycopg connection of the owner role, for ingest and for checking the books."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo

from observability.journal_follower import Connection

OPTIONS: dict[str, Any] = {
    "connect_timeout": 2,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def connect_as_owner(application_name: str) -> Connection:
    """Connect to the database of the `owner` alias, in autocommit mode. Raises psycopg.OperationalError."""
    settings = connections["owner"].settings_dict
    places = {
        "dbname": settings["NAME"],
        "user": settings["USER"],
        "password": settings["PASSWORD"],
        "host": settings["HOST"],
        "port": settings["PORT"],
    }
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "server_side_binding"}
    known: dict[str, Any] = {name: str(value) for name, value in (places | options).items() if value}
    address = make_conninfo(**OPTIONS, **known, application_name=application_name)
    return psycopg.connect(address, autocommit=True)
