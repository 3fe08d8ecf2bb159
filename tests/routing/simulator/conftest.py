from collections.abc import Iterator

import pytest

from tests.routing.simulator.process import SimulatorProcess


@pytest.fixture(scope="session")
def simulator(tmp_path_factory) -> Iterator[SimulatorProcess]:
    """One simulator for all tests; each finds its own calls in the record by the id it gave them."""
    running = SimulatorProcess(tmp_path_factory.mktemp("simulator") / "calls.jsonl")
    yield running
    running.stop()
