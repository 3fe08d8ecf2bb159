"""Compiling policies and the catalog from the database, each from one snapshot of it (DESIGN §4).

Sync, on the `owner` alias (no row-level security there, so every query names its scope); the gateway calls these
in a worker thread and is handed frozen values.
"""

from __future__ import annotations

from collections.abc import Collection

from routing.catalog_snapshot import CatalogSnapshot
from routing.policy import Policy


def load_policy(key_hash: str) -> Policy | None:
    """The policy of an inference or management key, by its SHA-256; None: there is no such key."""
    raise NotImplementedError


def load_catalog() -> CatalogSnapshot:
    """The platform's catalog as it is now; the simulator's rows only where HEADGATE_SIMULATOR_URL is set."""
    raise NotImplementedError


def read_versions(scopes: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The versions of the scopes, (kind, object id); 0 where nothing was ever changed."""
    raise NotImplementedError
