import asyncio

import pytest

from routing.gateway.workshop import Workshop
from tests.routing.tools.bench import RealBench
from tests.routing.tools.web_site import Site


@pytest.fixture(scope="session")
def running_site():
    site = Site()
    yield site
    site.stop()


@pytest.fixture
def site(running_site):
    """The web, such as it is; says what it says at first."""
    running_site.reset()
    return running_site


@pytest.fixture(scope="package")
def runner():
    """A loop and a workshop for all, as in a gateway."""
    with asyncio.Runner() as runner:
        workshop = Workshop()
        yield lambda make: runner.run(make(workshop))
        runner.run(workshop.close())


@pytest.fixture
def called(runner):
    """Call a tool once or several times in one request; returns what came of each, and the bench."""

    def call(tool, use, operator, *arguments, is_broke=False, seconds=10):
        async def make(workshop):
            bench = RealBench(workshop, operator, seconds=seconds)
            bench.is_broke = is_broke
            return [await tool.run(one, use, bench) for one in arguments], bench

        return runner(make)

    return call
