"""What is not logged is nowhere once it was delivered: no table, no log, no journal, no queue has a word of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from config.lib.scoping import tenant
from observability.contents import contents_of, forget_delivered
from observability.ingest_writes import NewDelivery
from observability.journal_follower import JournalFollower
from observability.journal_segment import journal_processes
from observability.reaper import adopt
from tests.cast import STAGE
from tests.observability.books import connect
from tests.own_database import own_database
from tests.routing.gateway.contents import add_destination
from tests.routing.gateway.positions import POSITIONS
from tests.routing.test_no_secret import rows_with
from workspaces import api_keys, workspaces

PATHS = [path for path in POSITIONS if not path.endswith("/embeddings")]
ASKED, ANSWERED = "sentinel-of-the-prompt", "sentinel-of-the-answer"
LOUD = {"log_statement": "all", "log_min_duration_statement": "0", "log_error_verbosity": "verbose"}
pytestmark = pytest.mark.usefixtures("shell", "restored_mirror")


@pytest.fixture
def database_log(stage) -> Iterator[Path]:
    """The log of a PostgreSQL that writes down every statement of connections to come."""
    url, name = os.environ["HEADGATE_TEST_ADMIN_URL"], own_database().name
    with psycopg.connect(url, autocommit=True) as admin:
        [(cluster,)] = admin.execute("SHOW data_directory").fetchall()
        for setting, value in LOUD.items():
            admin.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")
        try:
            yield Path(cluster).resolve().parent / "postgres.log"
        finally:
            for setting in LOUD:
                admin.execute(f'ALTER DATABASE "{name}" RESET {setting}')


@pytest.fixture
def destination(stage):
    """A destination, and a key whose requests it is told of; nothing is logged."""
    organization = stage.acme.organization
    with tenant(organization.pk):
        workspace = workspaces.create(
            organization=organization, name="Heard", slug="heard", is_broadcast_enabled=True, by=STAGE
        )
        secret = api_keys.issue(workspace=workspace, name="heard", by=STAGE).secret
        return add_destination(workspace), secret


def ask_everything(gateway, secret) -> list[UUID]:
    """A request at every entrance, streamed and not; their ids."""
    asked = []
    for path in PATHS:
        body = next(position.body(ASKED) for position in POSITIONS[path] if position.speaker == "user")
        for is_streamed in (False, True):
            answer = gateway.post(secret, body | {"stream": is_streamed}, path)
            assert (answer.status, ANSWERED.encode() in answer.body) == (200, True)
            asked.append(UUID(answer.headers["x-generation-id"].removeprefix("gen-")))
    failed = gateway.ask(secret, "test/none-answers", ASKED)
    return [*asked, UUID(failed.headers["x-generation-id"].removeprefix("gen-"))]


def words_of(contents) -> set[str]:
    """Which of the words are in there."""
    return {word for word in (ASKED, ANSWERED) if word in str(contents)}


def files_with(folder: Path) -> list[Path]:
    """The files that have one of the words in them."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    words = (ASKED.encode(), ANSWERED.encode())
    assert found
    return [path for path in found if any(word in path.read_bytes() for word in words)]


def test_nothing_is_left(start_gateway, mirror, destination, database_log):
    mirror.says = (ANSWERED,)
    row, secret = destination
    gateway = start_gateway(HEADGATE_DEBUG="false")
    asked = ask_everything(gateway, secret)
    gateway.stop()
    journal = gateway.folder / "journal"
    assert files_with(gateway.folder) == []  # sealed in the journal

    def matcher(finished):
        organization, workspace = row.organization_id, row.workspace_id
        return [NewDelivery(organization, workspace, row.pk, one.begin.id) for one in finished]

    with connect() as connection:
        for process_id in journal_processes(journal):
            assert adopt(connection, JournalFollower(journal, process_id, matcher=matcher))
        assert list(journal.glob("*.journal")) == []
        assert set(contents_of(asked)) == set(asked)
        assert {ASKED, ANSWERED} <= words_of(contents_of(asked))
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("UPDATE delivery SET status = 'sent' WHERE destination_id = %s", [row.pk])
            assert forget_delivered(cursor, asked) == len(asked)

    assert contents_of(asked) == {}
    assert files_with(gateway.folder) == []
    statements = database_log.read_text(errors="replace")
    assert "COPY generation_content" in statements
    assert (ASKED in statements, ANSWERED in statements) == (False, False)
    assert rows_with((ASKED, ANSWERED)) == []  # last, because it names them to the database
