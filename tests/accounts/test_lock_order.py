"""A person is changed, and his memberships are, at the same moment: one waits for the other, and both are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from allauth.account.models import EmailAddress
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections, transaction
from django.test import RequestFactory

from accounts import organizations, people
from accounts.adapter import AccountAdapter
from accounts.models import Membership, User
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.routing.waiting import until_somebody_waits
from workspaces import api_keys

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def rename(user: User) -> None:
    people.change_profile(user=user, name="Bob", default_organization=None, by=STAGE)


def deactivate(user: User) -> None:
    people.change(user=user, is_active=False, by=STAGE)


def prove_another_address(user: User) -> None:
    address = EmailAddress.objects.create(user=user, email="robert@acme.example")
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request._messages = CookieStorage(request)  # as the middleware does
    with transaction.atomic():
        AccountAdapter().confirm_email(request, address)


@contextmanager
def in_acme(acme: Acme) -> Iterator[None]:
    """A thread's work in acme's scope."""
    try:
        with tenant(acme.organization.pk):
            yield
    finally:
        connections.close_all()


class TestAPerson:
    @pytest.mark.parametrize("change", [rename, deactivate, prove_another_address])
    def test_is_changed_while_his_role_is(self, acme: Acme, change: Callable[[User], None]) -> None:
        def of_himself() -> None:
            try:
                change(User.objects.get(pk=acme.bob.user_id))
            finally:
                connections.close_all()

        def of_his_role() -> None:
            with in_acme(acme):
                organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=STAGE)

        with ThreadPoolExecutor(2) as threads:
            with transaction.atomic(using="owner"):
                list(User.objects.using("owner").select_for_update(no_key=True).filter(pk=acme.bob.user_id))
                first = threads.submit(of_himself)
                until_somebody_waits()
                second = threads.submit(of_his_role)
                until_somebody_waits(at_least=2)
            first.result(30)
            second.result(30)


class TestAMember:
    def test_is_issued_no_key_while_he_is_shown_out(self, acme: Acme) -> None:
        def show_out() -> None:
            with in_acme(acme):
                organizations.remove_member(membership=acme.bob, by=STAGE)

        def issue() -> None:
            with in_acme(acme):
                api_keys.issue(workspace=acme.default, name="late", owner=acme.bob, by=STAGE)

        with ThreadPoolExecutor(2) as threads:
            with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
                cursor.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", [acme.bob_key.key.pk])
                first = threads.submit(show_out)
                until_somebody_waits()
                second = threads.submit(issue)
                until_somebody_waits(at_least=2)
            first.result(30)
            with pytest.raises(api_keys.OwnerNotInWorkspace):
                second.result(30)
