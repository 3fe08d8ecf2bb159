"""The policies and the catalog that this process knows, and when it has to look again (DESIGN §4).

Everything here belongs to the event loop's thread; loaders run in worker threads, one at a time per key. An entry
is dropped when one of its versions has moved on, and re-read before use when versions were not heard of lately.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from typing import TypeAlias

from routing.catalog_snapshot import CatalogSnapshot
from routing.errors import unavailable
from routing.gateway.client import RefusedError
from routing.gateway.preparing import NO_PREPARATION, Preparation, preparation_of
from routing.gateway.rates import Rated, free_scopes, rated_scopes
from routing.policy import Policy
from routing.selection.variants import is_free
from workspaces.local_purse import LocalPurse, PurseSpec

Scope: TypeAlias = tuple[str, int]
LoadPolicy: TypeAlias = Callable[[str], Policy | None]
LoadCatalog: TypeAlias = Callable[[], CatalogSnapshot]

PLATFORM: Scope = ("platform", 0)
MOST_POLICIES = 20_000
MOST_UNKNOWN = 50_000
MOST_LOADS = 500
UNKNOWN_SECONDS = 10.0
FRESH_SECONDS = 5.0
"""How long an entry is believed without having heard of its versions."""
LOAD_SECONDS = 2.0
RETRY_SECONDS = 1.0
MOST_COMPILES = 3
RETRY_AFTER_SECONDS = 2

log = logging.getLogger(__name__)


class SourceAway(Exception):
    """A loader cannot reach the database; loaders raise nothing else for that."""


class KnownPolicy:
    """A policy and this process's side of its purses."""

    __slots__ = (
        "checked_at",
        "name",
        "policy",
        "preparation",
        "purses",
        "rated",
        "rated_with_free",
        "versions",
    )

    def __init__(
        self,
        policy: Policy,
        purses: Mapping[int, LocalPurse],
        checked_at: float,
        preparation: Preparation = NO_PREPARATION,
        name: str = "",
    ) -> None:
        self.policy = policy
        self.name = name
        """What the cache knows it by: the hash of the key that was sent, or a seat."""
        self.preparation = preparation
        self.purses = purses
        self.checked_at = checked_at
        self.rated = rated_scopes(policy)
        self.rated_with_free = self.rated + free_scopes(policy)
        self.versions = {f"{version.kind}:{version.object_id}": version.value for version in policy.versions}

    @property
    def organization(self) -> int:
        """Whose share of what is scarce its requests take."""
        return self.policy.principal.organization_id

    def rates_for(self, *models: str) -> Rated:
        """Whose rates concern a request to one of these models: free ones have limits of their own."""
        for slug in models:
            if is_free(slug):
                return self.rated_with_free
        return self.rated


class PolicyCache:
    """Policies by key hash. `purse` gives this process's side of a purse (Leases.purse)."""

    def __init__(
        self,
        *,
        load_policy: LoadPolicy,
        load_catalog: LoadCatalog,
        purse: Callable[[PurseSpec], LocalPurse],
        executor: Executor,
        stale_seconds: float,
    ) -> None:
        self.catalog: CatalogSnapshot | None = None
        self.has_catalog = asyncio.Event()
        self.heard_at = -float("inf")
        """When versions were last read, on time.monotonic()."""
        self._load_policy, self._load_catalog, self._purse = load_policy, load_catalog, purse
        self._executor = executor
        self._stale_seconds = stale_seconds
        self._known: OrderedDict[str, KnownPolicy] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._loads: dict[str, asyncio.Task[KnownPolicy | None]] = {}
        self._catalog_load: asyncio.Task[None] | None = None
        self._by_scope: dict[Scope, set[str]] = {}
        self._versions: dict[Scope, int] = {}
        self._retry_at = 0.0

    def __len__(self) -> int:
        return len(self._known)

    @property
    def scopes(self) -> Collection[Scope]:
        """What versions have to be read of."""
        return {PLATFORM, *self._by_scope}

    def peek(self, key_hash: str) -> KnownPolicy | None:
        """The policy if it is known and may be used without asking anybody."""
        known = self._known.get(key_hash)
        if known is None:
            return None
        now = time.monotonic()
        if now - self.heard_at > FRESH_SECONDS and now - known.checked_at > FRESH_SECONDS:
            return None
        self._known.move_to_end(key_hash)
        return known

    async def find(self, key_hash: str) -> KnownPolicy | None:
        """The policy of a key, None for an unknown one. Raises RefusedError (503) when nobody can tell."""
        known = self.peek(key_hash)
        if known is not None:
            return known
        now = time.monotonic()
        if self._unknown.get(key_hash, 0.0) > now:
            return None
        try:
            return await self._load(key_hash, now)
        except (SourceAway, TimeoutError):
            known = self._known.get(key_hash)  # as it is after the wait: it may have been dropped or replaced
            if known is None or self._is_too_old(known):
                raise RefusedError(unavailable(retry_after=RETRY_AFTER_SECONDS)) from None
            return known

    def _is_too_old(self, known: KnownPolicy) -> bool:
        return time.monotonic() - max(self.heard_at, known.checked_at) > self._stale_seconds

    async def _load(self, key_hash: str, now: float) -> KnownPolicy | None:
        if now < self._retry_at:
            raise SourceAway
        load = self._loads.get(key_hash)
        if load is None:
            if len(self._loads) >= MOST_LOADS:
                raise SourceAway
            load = asyncio.create_task(self._compile(key_hash))
            self._loads[key_hash] = load
            load.add_done_callback(lambda _: self._loads.pop(key_hash, None))
            load.add_done_callback(_take_note)
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                return await asyncio.shield(load)
        except TimeoutError:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            raise

    async def _compile(self, key_hash: str) -> KnownPolicy | None:
        for _ in range(MOST_COMPILES):
            began = time.monotonic()
            found = await self._run(key_hash)
            if found is None:
                self.forget(key_hash)
                self._remember_unknown(key_hash, began)
                return None
            policy, preparation = found
            if self._is_current(policy):
                return self._remember(key_hash, policy, preparation, began)
        raise SourceAway

    async def _run(self, key_hash: str) -> tuple[Policy, Preparation] | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, _load_and_prepare, self._load_policy, key_hash
            )
        except SourceAway:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            raise

    def _is_current(self, policy: Policy) -> bool:
        """Whether nothing newer was heard of than what the policy was made from."""
        return all(
            version.value >= self._versions.get((version.kind, version.object_id), 0)
            for version in policy.versions
        )

    def _remember(self, key_hash: str, policy: Policy, preparation: Preparation, began: float) -> KnownPolicy:
        self.forget(key_hash)
        self._unknown.pop(key_hash, None)
        purses = {
            limit.purse_id: self._purse(PurseSpec(limit.purse_id, limit.interval, limit.is_strict))
            for limit in (
                policy.purses if policy.byok_allowance is None else (*policy.purses, policy.byok_allowance)
            )
        }
        known = self._known[key_hash] = KnownPolicy(policy, purses, began, preparation, key_hash)
        for version in policy.versions:
            scope = (version.kind, version.object_id)
            self._by_scope.setdefault(scope, set()).add(key_hash)
            self._versions[scope] = max(version.value, self._versions.get(scope, 0))
        while len(self._known) > MOST_POLICIES:
            self.forget(next(iter(self._known)))
        return known

    def _remember_unknown(self, key_hash: str, began: float) -> None:
        self._unknown[key_hash] = began + UNKNOWN_SECONDS
        self._unknown.move_to_end(key_hash)
        while len(self._unknown) > MOST_UNKNOWN:
            self._unknown.popitem(last=False)

    def forget(self, key_hash: str) -> None:
        """Drop an entry."""
        known = self._known.pop(key_hash, None)
        for version in known.policy.versions if known else ():
            scope = (version.kind, version.object_id)
            keys = self._by_scope.get(scope, set())
            keys.discard(key_hash)
            if not keys:
                self._by_scope.pop(scope, None)
                if scope != PLATFORM:
                    self._versions.pop(scope, None)

    def hear(self, versions: Mapping[Scope, int], asked_at: float) -> None:
        """Take in versions that were read from the database after `asked_at`; drop what is no longer true."""
        self.heard_at = asked_at
        self._retry_at = 0.0  # the database is there
        for scope, value in versions.items():
            if value > self._versions.get(scope, -1):
                self._versions[scope] = value
                self._drop_older(scope, value)
        if self.catalog is None or self.catalog.version < self._versions.get(PLATFORM, 0):
            self.reload_catalog()

    def _drop_older(self, scope: Scope, value: int) -> None:
        for key_hash in list(self._by_scope.get(scope, ())):
            known = self._known[key_hash]
            if _versions_of(known.policy).get(scope, value) < value:
                self.forget(key_hash)
        if self._loads:  # forgotten with its last entry, but what is being compiled may be older still
            self._versions[scope] = value

    def reload_catalog(self) -> None:
        """Compile the catalog anew; the old one serves until then."""
        if self._catalog_load is None:
            self._catalog_load = asyncio.create_task(self._replace_catalog())

    async def _replace_catalog(self) -> None:
        try:
            catalog = await asyncio.get_running_loop().run_in_executor(self._executor, self._load_catalog)
            if self.catalog is None or catalog.version >= self.catalog.version:
                self.catalog = catalog
                self.has_catalog.set()
        except SourceAway:
            log.warning("the catalog cannot be read: the database is away")
        finally:
            self._catalog_load = None


def _load_and_prepare(load: LoadPolicy, key_hash: str) -> tuple[Policy, Preparation] | None:
    policy = load(key_hash)
    return None if policy is None else (policy, preparation_of(policy))


def _versions_of(policy: Policy) -> dict[Scope, int]:
    return {(version.kind, version.object_id): version.value for version in policy.versions}


def _take_note(load: asyncio.Task[KnownPolicy | None]) -> None:
    """Everybody who waited may have left; what went wrong is then said here."""
    error = None if load.cancelled() else load.exception()
    if error is not None and not isinstance(error, SourceAway):
        log.error("a policy cannot be compiled", exc_info=error)
