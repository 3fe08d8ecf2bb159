"""`manage.py forfeit_journal` gives up on a process, and the audit log says who and why."""

from __future__ import annotations

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Revision
from config.lib.scoping import unscoped
from tests.observability.books import connect

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


class TestForfeiting:
    def test_is_audited(self):
        process_id = uuid.uuid4()
        with connect() as connection:
            connection.execute("INSERT INTO gateway_process (id, host) VALUES (%s, 'here')", [process_id])

            call_command("forfeit_journal", str(process_id), "--reason", "the rack burnt", stdout=StringIO())

            assert connection.execute("SELECT FROM gateway_process").rowcount == 0
        with unscoped(reason="reading the audit log"):
            revision = Revision.objects.get(object_id=str(process_id))
        assert (revision.action, revision.door, revision.reason) == ("delete", "shell", "the rack burnt")
        assert revision.before is not None
        assert revision.before["host"] == "here"

    def test_refuses_a_process_that_nobody_knows(self):
        with pytest.raises(CommandError, match="no known gateway process"):
            call_command("forfeit_journal", str(uuid.uuid4()), "--reason", "why not")
