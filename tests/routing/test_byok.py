"""Credentials behind the API: what the database refuses, and rolling back."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction

from accounts.models import Revision
from accounts.restoring import CannotRestore, Recorded, restorers
from accounts.rolling_back import roll_back
from config.lib.crypto import SealingError, sealing_ring
from config.lib.scoping import tenant
from routing import byok
from routing.models import ByokCredential
from tests.cast import STAGE, Acme, Cast
from tests.routing.byok_secrets import PLAIN, REGIONAL
from tests.routing.waiting import until_somebody_waits
from workspaces import api_keys, workspaces


@pytest.fixture
def in_acme(acme: Acme) -> Any:
    """Work in acme's scope."""
    with tenant(acme.organization.pk):
        yield


def new(acme: Acme, **settings: Any) -> ByokCredential:
    """A credential of acme's production."""
    given = {"workspace": acme.production, "provider": "openai", "secret": PLAIN}
    return byok.create(organization=acme.organization, by=STAGE, **(given | settings))


def restore(acme: Acme, credential: ByokCredential, state: dict[str, Any] | None) -> None:
    """Roll a credential back."""
    recorded = Recorded(acme.organization.pk, str(credential.pk), state)
    restorers.at("byokcredential")(recorded, STAGE)


def state_after(credential: ByokCredential) -> Any:
    """What the newest revision recorded."""
    return Revision.objects.filter(object_type="byokcredential").order_by("-pk").first().after


@pytest.mark.usefixtures("in_acme")
class TestASealedSecret:
    @pytest.mark.parametrize("column", ["public_id", "provider", "organization_id"])
    def test_does_not_open_in_another_row(self, acme: Acme, column: str):
        credential, other = new(acme), new(acme, provider="groq")
        moved = ByokCredential(
            organization_id=credential.organization_id,
            public_id=credential.public_id,
            provider=credential.provider,
        )
        setattr(moved, column, getattr(other, column) if column != "organization_id" else 0)

        with pytest.raises(SealingError, match="another row"):
            sealing_ring().open(credential.sealed_secret, identity=moved.secret_identity)


@pytest.mark.usefixtures("in_acme")
class TestTheDatabase:
    @pytest.mark.parametrize(
        "columns",
        [
            {"is_byok_only": True, "is_fallback": True},
            {"declared_region": "mars"},
            {"deleted_at": "2026-01-01T00:00:00Z"},
            {"sort_order": -1},
            {"allowed_models": "a/b"},
            {"allowed_api_key_ids": {}},
            {"allowed_member_ids": list(range(101))},
        ],
    )
    def test_keeps_nothing_that_makes_no_sense(self, acme: Acme, columns: dict[str, Any]):
        credential = new(acme)

        with pytest.raises(IntegrityError), transaction.atomic():
            ByokCredential.objects.filter(pk=credential.pk).update(**columns)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestAWorkspaceThatIsBeingDeleted:
    def test_takes_no_credential_that_would_stay(self, acme: Acme):
        with tenant(acme.organization.pk):
            empty = workspaces.create(organization=acme.organization, name="Empty", slug="empty", by=STAGE)
        refused: list[BaseException] = []

        def add() -> None:
            try:
                with tenant(acme.organization.pk):
                    new(acme, workspace=empty)
            except byok.WorkspaceGone as error:
                refused.append(error)
            finally:
                connections.close_all()

        adding = threading.Thread(target=add)
        with tenant(acme.organization.pk):
            workspaces.delete(workspace=empty, by=STAGE)
            adding.start()
            until_somebody_waits()
        adding.join(30)

        assert len(refused) == 1
        with tenant(acme.organization.pk):
            assert not ByokCredential.objects.exists()


class TestACredentialOfAnother:
    def test_is_not_made_in_a_foreign_workspace(self, cast: Cast):
        with tenant(cast.acme.organization.pk), pytest.raises(byok.WorkspaceGone):
            new(cast.acme, workspace=cast.globex.default)


@pytest.mark.usefixtures("in_acme")
class TestRollingBack:
    def test_restores_settings_and_leaves_the_secret_alone(self, acme: Acme):
        credential = new(
            acme, name="Before", allowed_models=["a/b"], allowed_api_key_hashes=[acme.bob_key.key.hash]
        )
        state = state_after(credential)
        byok.change(
            credential=credential,
            secret=PLAIN + "2",
            name=None,
            allowed_models=None,
            allowed_api_key_hashes=None,
            is_fallback=True,
            by=STAGE,
        )

        restore(acme, credential, state)

        row = ByokCredential.objects.get(pk=credential.pk)
        assert (row.name, row.allowed_models, row.is_fallback) == ("Before", ["a/b"], False)
        assert row.allowed_api_key_ids == [acme.bob_key.key.pk]
        opened = sealing_ring().open(row.sealed_secret, identity=row.secret_identity)
        assert opened.decode() == PLAIN + "2"

    def test_leaves_out_of_a_filter_who_is_gone_and_never_lifts_it(self, acme: Acme):
        credential = new(acme, allowed_api_key_hashes=[acme.bob_key.key.hash])
        state = state_after(credential)
        byok.change(credential=credential, allowed_api_key_hashes=None, by=STAGE)
        api_keys.delete(key=acme.bob_key.key, by=STAGE)

        restore(acme, credential, state)

        assert ByokCredential.objects.get(pk=credential.pk).allowed_api_key_ids == []

    def test_deletes_what_was_not_there(self, acme: Acme):
        credential = new(acme)

        restore(acme, credential, None)

        assert not ByokCredential.objects.live().filter(pk=credential.pk).exists()

    def test_enables_none_by_the_way_that_was_disabled_since(self, acme: Acme):
        credential = new(acme)
        byok.change(credential=credential, name="x", by=STAGE)
        renamed = Revision.objects.filter(object_type="byokcredential").latest("pk")
        byok.change(credential=credential, is_disabled=True, by=STAGE)

        with pytest.raises(CannotRestore, match="disabled since"):
            roll_back(revision=renamed, to="before", by=STAGE)

        assert ByokCredential.objects.get(pk=credential.pk).is_disabled

    def test_enables_one_again_by_taking_back_that_it_was_disabled(self, acme: Acme):
        credential = new(acme)
        byok.change(credential=credential, is_disabled=True, by=STAGE)

        roll_back(
            revision=Revision.objects.filter(object_type="byokcredential").latest("pk"), to="before", by=STAGE
        )

        assert not ByokCredential.objects.get(pk=credential.pk).is_disabled

    def test_cannot_bring_a_wiped_secret_back(self, acme: Acme):
        credential = new(acme)
        state = state_after(credential)
        byok.delete(credential=credential, by=STAGE)

        with pytest.raises(CannotRestore, match="wiped"):
            restore(acme, credential, state)

    def test_cannot_declare_a_region_that_is_not_the_present_keys(self, acme: Acme):
        credential = new(acme, secret=REGIONAL)
        state = state_after(credential)
        byok.change(credential=credential, secret=PLAIN, by=STAGE)

        with pytest.raises(CannotRestore, match="region"):
            restore(acme, credential, state)
