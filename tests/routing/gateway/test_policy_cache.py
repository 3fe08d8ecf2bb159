"""What the policy cache knows, and when it asks again; loaders are functions of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from routing.catalog_snapshot import CatalogSnapshot
from routing.gateway import policy_cache
from routing.gateway.client import RefusedError
from routing.gateway.policy_cache import PLATFORM, PolicyCache, SourceAway
from routing.policy import Policy, Principal, ScopeVersion
from workspaces.local_purse import LocalPurse

KEY = ("key", 1)


@dataclass
class Database:
    """What the loaders find; `before_answer` runs in the worker thread."""

    versions: dict[str, int] = field(default_factory=lambda: {"a" * 64: 1})
    loads: int = 0
    is_away: bool = False
    before_answer: Callable[[], None] = field(default=lambda: None)

    def load_policy(self, key_hash: str) -> Policy | None:
        self.loads += 1
        if self.is_away:
            raise SourceAway
        version = self.versions.get(key_hash)
        self.before_answer()
        if version is None:
            return None
        return Policy(Principal("api_key", 1, 1, 1), (), (), (ScopeVersion("key", 1, version),))

    def load_catalog(self) -> CatalogSnapshot:
        if self.is_away:
            raise SourceAway
        return CatalogSnapshot(self.versions.get("catalog", 0), {}, {})


@pytest.fixture
def database():
    return Database()


@pytest.fixture
async def cache(database):
    with ThreadPoolExecutor(2) as executor:
        yield PolicyCache(
            load_policy=database.load_policy,
            load_catalog=database.load_catalog,
            purse=LocalPurse,
            executor=executor,
            stale_seconds=0.3,
        )


HASH = "a" * 64


class TestFindingAPolicy:
    async def test_asks_once_while_versions_are_heard_of(self, cache, database):
        cache.hear({KEY: 1}, now())

        found = [await cache.find(HASH) for _ in range(3)]

        assert database.loads == 1
        assert found[0] is found[2] is cache.peek(HASH)

    async def test_asks_once_for_many_at_the_same_time(self, cache, database):
        found = await asyncio.gather(*[cache.find(HASH) for _ in range(50)])

        assert database.loads == 1
        assert len(set(map(id, found))) == 1

    async def test_outlives_one_that_stopped_waiting(self, cache, database):
        go_on = threading.Event()
        database.before_answer = lambda: go_on.wait(5) or None
        waiting = [asyncio.create_task(cache.find(HASH)) for _ in range(2)]
        await asyncio.sleep(0)

        waiting[0].cancel()
        go_on.set()

        assert (await waiting[1]).policy.versions[0].value == 1

    async def test_remembers_who_is_unknown_for_a_while(self, cache, database, monkeypatch):
        assert [await cache.find("b" * 64) for _ in range(3)] == [None] * 3
        assert database.loads == 1

        monkeypatch.setattr(policy_cache, "UNKNOWN_SECONDS", 0.0)
        cache._unknown.clear()
        await cache.find("b" * 64)
        await cache.find("b" * 64)

        assert database.loads == 3

    async def test_is_bounded(self, cache, database, monkeypatch):
        monkeypatch.setattr(policy_cache, "MOST_POLICIES", 3)
        monkeypatch.setattr(policy_cache, "MOST_UNKNOWN", 3)
        names = [f"{number:064x}" for number in range(10)]
        database.versions = dict.fromkeys(names[:5], 1)

        for name in names:
            await cache.find(name)

        assert len(cache) == 3
        assert len(cache._unknown) == 3


class TestASettingThatChanges:
    async def test_drops_the_entry(self, cache, database):
        await cache.find(HASH)
        database.versions[HASH] = 2

        cache.hear({KEY: 2}, now())

        assert (await cache.find(HASH)).policy.versions[0].value == 2

    async def test_leaves_others_alone(self, cache, database):
        await cache.find(HASH)

        cache.hear({KEY: 1, ("key", 2): 9}, now())

        await cache.find(HASH)
        assert database.loads == 1

    async def test_during_a_compile_discards_what_was_compiled(self, cache, database):
        loop = asyncio.get_running_loop()

        def change() -> None:
            if database.versions[HASH] == 1:
                database.versions[HASH] = 2
                asyncio.run_coroutine_threadsafe(heard(cache), loop).result(5)

        cache.hear({KEY: 1}, now())
        database.before_answer = change

        known = await cache.find(HASH)

        assert known.policy.versions[0].value == 2

    async def test_during_the_compile_of_a_known_entry_never_brings_the_old_one_back(
        self, cache, database, monkeypatch
    ):
        loop = asyncio.get_running_loop()

        def change() -> None:
            if database.versions[HASH] == 1:
                database.versions[HASH] = 2
                asyncio.run_coroutine_threadsafe(heard(cache), loop).result(5)

        await cache.find(HASH)
        monkeypatch.setattr(policy_cache, "FRESH_SECONDS", -1.0)  # what is known is asked for again
        database.before_answer = change

        known = await cache.find(HASH)

        assert known.policy.versions[0].value == 2

    async def test_of_the_platform_brings_another_catalog(self, cache, database):
        cache.hear({PLATFORM: 0}, now())
        await wait_for(lambda: cache.catalog is not None)
        database.versions["catalog"] = 5

        cache.hear({PLATFORM: 5}, now())

        await wait_for(lambda: cache.catalog.version == 5)


class TestNotHearingOfVersions:
    async def test_asks_again_before_an_entry_is_used(self, cache, database, monkeypatch):
        monkeypatch.setattr(policy_cache, "FRESH_SECONDS", 0.0)

        for _ in range(3):
            await cache.find(HASH)

        assert database.loads == 3

    async def test_serves_who_is_known_while_the_database_is_away(self, cache, database, monkeypatch):
        monkeypatch.setattr(policy_cache, "FRESH_SECONDS", 0.0)
        await cache.find(HASH)
        database.is_away = True

        assert await cache.find(HASH) is not None

    async def test_asks_a_database_that_is_away_only_once_a_second(self, cache, database, monkeypatch):
        monkeypatch.setattr(policy_cache, "FRESH_SECONDS", 0.0)
        await cache.find(HASH)
        database.is_away = True

        for _ in range(20):
            await cache.find(HASH)

        assert database.loads == 2

    async def test_is_503_after_the_stated_time(self, cache, database, monkeypatch):
        monkeypatch.setattr(policy_cache, "FRESH_SECONDS", 0.0)
        await cache.find(HASH)
        database.is_away = True

        async def ask_on() -> None:
            while True:
                await cache.find(HASH)
                await asyncio.sleep(0.01)

        with pytest.raises(RefusedError) as caught:
            await asyncio.wait_for(ask_on(), 5)

        assert caught.value.refusal.status == 503

    async def test_is_503_at_once_for_who_is_not_known(self, cache, database):
        database.is_away = True

        with pytest.raises(RefusedError) as caught:
            await cache.find(HASH)

        assert (caught.value.refusal.status, caught.value.refusal.retry_after) == (503, 2)

    async def test_does_not_wait_for_a_database_that_says_nothing(self, cache, database, monkeypatch):
        monkeypatch.setattr(policy_cache, "FRESH_SECONDS", 0.0)
        monkeypatch.setattr(policy_cache, "LOAD_SECONDS", 0.05)
        await cache.find(HASH)
        go_on = threading.Event()
        database.before_answer = lambda: go_on.wait(5) or None

        known = await cache.find(HASH)
        go_on.set()

        assert known is not None


def now() -> float:
    return asyncio.get_running_loop().time()


async def heard(cache: PolicyCache) -> None:
    cache.hear({KEY: 2}, now())


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)
