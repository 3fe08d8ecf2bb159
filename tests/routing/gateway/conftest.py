"""A gateway, a simulator and a database with the cast, for all tests of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db import connections, transaction
from pytest_django import DjangoDbBlocker

from config.lib.scoping import unscoped
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from tests.cast import Cast, assemble
from tests.own_database import own_database
from tests.routing.gateway.mirror import Mirror
from tests.routing.gateway.plugin_services import Services
from tests.routing.gateway.positions import EMBEDDER, MODEL
from tests.routing.gateway.process import GatewayProcess
from tests.routing.gateway.stage import furnish, grant, note_change
from tests.routing.simulator.process import SimulatorProcess

PLENTY_USD = "10000000"
"""Hundreds of times the dearest hold of the stage (a last endpoint that costs a million times the first).

With less, one such request leaves the purse tight for hundreds of lease calls: then no process keeps a reserve, and
whatever a test does while the database is away depends on how many requests were made before.
"""


@pytest.fixture(scope="package")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """The provider."""
    process = SimulatorProcess(tmp_path_factory.mktemp("simulator") / "record.jsonl")
    yield process
    process.stop()


@pytest.fixture(scope="package")
def stage(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, simulator: SimulatorProcess
) -> Iterator[Cast]:
    """The cast, committed; both organizations have credits, and the catalog leads to the simulator."""
    with django_db_blocker.unblock():
        cast = assemble()
        furnish(simulator.url)
        grant(cast.acme.organization, PLENTY_USD)
        grant(cast.globex.organization, "1")
        connections.close_all()
    yield cast
    with django_db_blocker.unblock():
        connections.close_all()
        own_database().restore()


@pytest.fixture
def shell(stage: Cast, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database may be changed for good, through domain functions."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture(scope="package")
def gateway(stage: Cast, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """A gateway with everything as it is by default."""
    process = GatewayProcess(tmp_path_factory.mktemp("gateway")).wait_until_ready()
    yield process
    process.stop()


@pytest.fixture
def start_gateway(stage: Cast, tmp_path: Path) -> Iterator[Callable[..., GatewayProcess]]:
    """Starts gateways with settings of their own, and stops them."""
    with ExitStack() as stack:

        def start(**environment: str) -> GatewayProcess:
            process = GatewayProcess(tmp_path, **environment)
            stack.callback(process.stop)
            return process.wait_until_ready()

        yield start


@pytest.fixture(scope="package")
def key(stage: Cast) -> str:
    """The key of acme's Default workspace."""
    return stage.acme.default_key.secret


@pytest.fixture(scope="package")
def mirror(stage, django_db_blocker) -> Iterator[Mirror]:
    """A provider in the catalog that keeps what it was asked."""
    server = Mirror()
    with django_db_blocker.unblock(), unscoped(reason="the catalog is the platform's"), transaction.atomic():
        provider = Provider.objects.create(
            slug="mirror", name="Mirror", wire_format="openai", base_url=server.url
        )
        for slug, output in ((MODEL, "text"), (EMBEDDER, "embeddings")):
            model = LanguageModel.objects.create(
                slug=slug, name=slug, author="test", input_modalities=["text"], output_modalities=[output]
            )
            endpoint = Endpoint.objects.create(
                model=model, provider=provider, tag="mirror", upstream_model="m", supported_parameters=[]
            )
            PriceVersion.objects.create(endpoint=endpoint, prompt_femto=10**9, completion_femto=10**9)
        note_change(provider)
    yield server
    server.stop()


@pytest.fixture(scope="package")
def services() -> Iterator[Services]:
    """What plugins ask."""
    server = Services()
    yield server
    server.stop()


@pytest.fixture(scope="package")
def equipped(
    stage: Cast, services: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """A gateway whose operator has set services up for plugins."""
    process = GatewayProcess(
        tmp_path_factory.mktemp("equipped"),
        HEADGATE_EXA_API_KEY="exa-key",
        HEADGATE_EXA_URL=services.url,
        HEADGATE_WEB_SEARCH_USD="0.007",
        HEADGATE_WEB_RESULT_USD="0.001",
        HEADGATE_MISTRAL_OCR_API_KEY="ocr-key",
        HEADGATE_MISTRAL_OCR_URL=f"{services.url}/v1",
        HEADGATE_MODERATION_URL=f"{services.url}/v1",
        HEADGATE_OUTBOUND_ALLOW="127.0.0.1/32",
    ).wait_until_ready()
    yield process
    process.stop()


@pytest.fixture
def restored_mirror(mirror: Mirror) -> Iterator[None]:
    """Whatever a test lets the provider say, afterwards it says what it said before."""
    before = mirror.says
    yield
    mirror.says = before


@pytest.fixture
def plugins_world(mirror: Mirror, services: Services, restored_mirror: None) -> None:
    """The provider and the services as they are at first."""
    mirror.asked.clear()
    services.reset()
