"""The private PostgreSQL of a data folder."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, SUPERUSER, EmbeddedPostgres
from config.postgres_programs import PostgresError
from config.stack.guardian import Guardian


@pytest.fixture(scope="module")
def guardian() -> Iterator[Guardian]:
    started = Guardian()
    yield started
    started.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("postgres")
    for parent in (made, made.parent, made.parent.parent):
        parent.chmod(0o711)  # the server is another user when the tests are root
    return made


@pytest.fixture(scope="module")
def server(folder, guardian) -> Iterator[EmbeddedPostgres]:
    started = EmbeddedPostgres(folder / "postgres", is_durable=False)
    started.start(guardian)
    yield started
    started.stop()


def ask(url: str, question: str) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        answer = connection.execute(question).fetchone()
    return answer or ()


class TestAFreshCluster:
    def test_has_a_database_that_the_owner_owns(self, server):
        question = """SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding),
                             (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public')
                      FROM pg_database WHERE datname = 'headgate'"""

        assert ask(server.url(OWNER_ROLE), question) == (OWNER_ROLE, "UTF8", OWNER_ROLE)

    @pytest.mark.parametrize(("role", "may_create_databases"), [(OWNER_ROLE, True), (APP_ROLE, False)])
    def test_has_roles_that_row_level_security_binds(self, server, role, may_create_databases):
        question = """SELECT current_user, rolsuper, rolbypassrls, rolcreatedb
                      FROM pg_roles WHERE rolname = current_user"""

        assert ask(server.url(role), question) == (role, False, False, may_create_databases)

    def test_lets_the_application_role_make_no_table(self, server):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(server.url(APP_ROLE), "CREATE TABLE mine ()")

    def test_orders_text_the_same_everywhere(self, server):
        question = "SELECT lower('ÄÖ'), array(SELECT unnest(ARRAY['b', 'B', 'ä', 'a']) ORDER BY 1)"

        assert ask(server.url(APP_ROLE), question) == ("äö", ["B", "a", "b", "ä"])


class TestTheServer:
    def test_listens_to_nobody_but_us(self, server):
        addresses = ask(server.url(SUPERUSER, "postgres"), "SHOW listen_addresses")

        assert addresses == ("",)
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700

    def test_is_not_root(self, server):
        pid = int((server.cluster / "postmaster.pid").read_text().split()[0])

        assert Path(f"/proc/{pid}").stat().st_uid != 0

    def test_is_refused_a_socket_folder_that_another_made(self, folder, guardian):
        other = EmbeddedPostgres(folder / "other", is_durable=False)
        other.socket_folder.mkdir(mode=0o777)
        other.socket_folder.chmod(0o777)

        with pytest.raises(PostgresError, match="open to others"):
            other.start(guardian)

        other.remove_socket_folder()

    def test_keeps_what_was_written_when_it_is_killed(self, folder, guardian):
        first = EmbeddedPostgres(folder / "killed")
        first.start(guardian)
        with psycopg.connect(first.url(OWNER_ROLE)) as connection:
            connection.execute("CREATE TABLE note AS SELECT 'kept' AS text")
        os.kill(int((first.cluster / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        second = EmbeddedPostgres(folder / "killed")

        second.start(guardian)

        assert ask(second.url(OWNER_ROLE), "SELECT text FROM note") == ("kept",)
        second.stop()
        first.stop()

    def test_is_not_made_by_half(self, folder, guardian):
        """What a start left that was interrupted while it made the cluster is made again from the beginning."""
        (folder / "half.new").mkdir()
        (folder / "half.new" / "PG_VERSION").write_text("18\n")
        server = EmbeddedPostgres(folder / "half", is_durable=False)

        server.start(guardian)

        assert ask(server.url(OWNER_ROLE), "SELECT 1") == (1,)
        server.stop()

    def test_says_so_when_the_data_is_of_another_version(self, folder, guardian):
        (folder / "old").mkdir()
        (folder / "old" / "PG_VERSION").write_text("14\n")

        with pytest.raises(PostgresError, match="made by PostgreSQL 14"):
            EmbeddedPostgres(folder / "old").start(guardian)

    def test_needs_programs(self, folder, guardian, monkeypatch):
        monkeypatch.setenv("HEADGATE_PG_BIN", str(folder / "nowhere"))

        with pytest.raises((PostgresError, FileNotFoundError)):
            EmbeddedPostgres(folder / "none").start(guardian)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
class TestUnderRoot:
    def test_data_in_a_folder_that_only_root_can_enter_is_kept_elsewhere(self, folder, guardian):
        (folder / "private").mkdir(mode=0o700)
        server = EmbeddedPostgres(folder / "private" / "postgres", is_durable=False)

        server.start(guardian)

        assert (folder / "private" / "postgres").is_symlink()
        assert ask(server.url(OWNER_ROLE), "SELECT 1") == (1,)
        server.stop()
        shutil.rmtree(server.cluster)
