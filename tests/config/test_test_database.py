"""The database that tests run on."""

import os

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connections

from accounts.models import User
from tests.own_database import own_database


def current_user(alias: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        return cursor.fetchone()


def shape():
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_class WHERE relrowsecurity),
            (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'), (SELECT count(*) FROM django_migrations)"""
        )
        return cursor.fetchone()


class TestTheDatabaseOfTests:
    @pytest.mark.django_db(databases=["default", "owner"])
    def test_is_one_with_two_roles(self):
        default, owner = current_user("default"), current_user("owner")

        assert default[0] == "headgate_app"
        assert owner[0] == "headgate_owner"
        assert default[1] == owner[1]

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    @pytest.mark.parametrize("round_number", [1, 2])
    def test_forgets_what_a_test_committed(self, round_number):
        before = User.objects.using("owner").count()

        User.objects.using("owner").create(email="alice@acme.example")

        assert before == 0
        assert User.objects.using("default").count() == 1

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    def test_counts_from_the_beginning_again(self):
        for _ in range(2):
            User.objects.using("owner").create(email="alice@acme.example")
            connections.close_all()
            own_database().restore()

        assert User.objects.using("owner").create(email="alice@acme.example").pk == 1

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    @pytest.mark.parametrize(
        "change",
        [
            "CREATE TABLE stray ()",
            "ALTER TABLE api_key DISABLE TRIGGER revision_required",
            "ALTER TABLE api_key DISABLE ROW LEVEL SECURITY",
            "DELETE FROM django_migrations",
        ],
    )
    def test_forgets_what_is_more_than_rows(self, change):
        before = shape()
        with connections["owner"].cursor() as cursor:
            cursor.execute(change)
        assert shape() != before

        connections.close_all()
        own_database().restore()

        assert shape() == before

    @pytest.mark.django_db(transaction=True)
    def test_keeps_what_the_migrations_made(self):
        assert ContentType.objects.exists()

    def test_belongs_to_this_process_alone(self):
        assert (
            os.environ["DATABASE_URL"].split("?")[0].endswith(os.environ.get("PYTEST_XDIST_WORKER", "main"))
        )
