"""Private endpoints behind the API: what the database refuses, sealed secrets, and rolling back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Revision
from accounts.restoring import CannotRestore
from accounts.rolling_back import Side, roll_back
from config.lib.crypto import SealingError, sealing_ring
from config.lib.scoping import tenant
from config.lib.sealed_columns import sealed_columns
from routing import private_endpoints as private
from routing.models import PrivateEndpoint, PrivatePrice
from routing.private_pricing import Rates
from tests.cast import STAGE, Acme

pytestmark = pytest.mark.django_db

ADDRESS = "https://llm.acme.example/v1"
SECRET = "sk-own-0123456789"


@pytest.fixture(autouse=True)
def inside(acme: Acme) -> Iterator[None]:
    """Everything here happens in acme's scope."""
    with tenant(acme.organization.pk):
        yield


def new(acme: Acme, **settings: Any) -> PrivateEndpoint:
    """A draft of acme's with a key of its own."""
    given = {
        "provider": "ollama",
        "model": "acme/llama",
        "model_name": "Llama",
        "upstream_model": "llama3",
        "base_url": ADDRESS,
        "authentication": "own",
        "secret": SECRET,
        "rates": Rates(10, 20),
    }
    return private.create(organization=acme.organization, by=STAGE, **(given | settings))


def active(acme: Acme) -> PrivateEndpoint:
    """One that is routed to."""
    return private.activate(endpoint=private.note_validated(endpoint=new(acme), by=STAGE), by=STAGE)


def newest() -> Revision:
    """The newest revision of a private endpoint."""
    found: Revision = Revision.objects.filter(object_type="privateendpoint").latest("pk")
    return found


def rolled_back(revision: Revision | None = None, to: Side = "before") -> None:
    """Roll a revision back, the newest if none is given."""
    roll_back(revision=revision or newest(), to=to, by=STAGE)


def again(endpoint: PrivateEndpoint) -> PrivateEndpoint:
    """The endpoint as it is stored."""
    found: PrivateEndpoint = PrivateEndpoint.objects.get(pk=endpoint.pk)
    return found


def price_of(endpoint: PrivateEndpoint) -> Any:
    """Its price as revisions record it."""
    return private.state_of(endpoint)["pricing"]


class TestASealedSecret:
    @pytest.mark.parametrize("column", ["public_id", "organization_id"])
    def test_does_not_open_in_another_row(self, acme: Acme, column: str):
        endpoint, other = new(acme), new(acme)
        moved = PrivateEndpoint(organization_id=endpoint.organization_id, public_id=endpoint.public_id)
        setattr(moved, column, other.public_id if column == "public_id" else 0)

        with pytest.raises(SealingError, match="another row"):
            sealing_ring().open(endpoint.sealed_secret, identity=moved.secret_identity)

    def test_takes_part_in_the_rotation_of_keys(self):
        assert "private_endpoint.sealed_secret" in {column.name for column in sealed_columns()}

    def test_goes_when_another_way_of_asking_is_chosen(self, acme: Acme):
        changed = private.change(endpoint=new(acme), authentication="none", by=STAGE)

        assert changed.sealed_secret == ""

    def test_is_in_no_revision(self, acme: Acme):
        endpoint = new(acme)
        private.delete(endpoint=endpoint, by=STAGE)

        kept = str([(row.before, row.after) for row in Revision.objects.all()])
        assert SECRET not in kept
        assert "sealed" not in kept


class TestTheDatabase:
    @pytest.mark.parametrize(
        "columns",
        [
            {"status": "retired"},
            {"authentication": "magic"},
            {"authentication": "byok"},
            {"declared_region": "mars"},
            {"deleted_at": "2026-01-01T00:00:00Z"},
            {"context_length": -1},
        ],
        ids=str,
    )
    def test_keeps_nothing_that_makes_no_sense(self, acme: Acme, columns: dict[str, Any]):
        endpoint = new(acme)

        with pytest.raises(IntegrityError), transaction.atomic():
            PrivateEndpoint.objects.filter(pk=endpoint.pk).update(**columns)

    @pytest.mark.parametrize("column", ["prompt_femto", "completion_femto", "cache_read_femto"])
    def test_keeps_no_negative_price(self, acme: Acme, column: str):
        endpoint = new(acme)

        with pytest.raises(IntegrityError), transaction.atomic():
            PrivatePrice.objects.filter(endpoint=endpoint).update(**{column: -1})


class TestNotingAValidation:
    def test_is_refused_for_a_draft_that_was_changed_meanwhile(self, acme: Acme):
        asked = new(acme)
        private.change(endpoint=asked, upstream_model="other", by=STAGE)

        with pytest.raises(private.NotNow, match="changed while"):
            private.note_validated(endpoint=asked, by=STAGE)

        assert again(asked).validated_at is None

    def test_is_refused_where_only_the_secret_is_another(self, acme: Acme):
        asked = new(acme)
        PrivateEndpoint.objects.filter(pk=asked.pk).update(sealed_secret="")

        with pytest.raises(private.NotNow, match="changed while"):
            private.note_validated(endpoint=asked, by=STAGE)

    def test_is_refused_for_what_was_deleted(self, acme: Acme):
        asked = new(acme)
        private.delete(endpoint=asked, by=STAGE)

        with pytest.raises(private.EndpointGone):
            private.note_validated(endpoint=asked, by=STAGE)


class TestRollingBack:
    def test_takes_a_draft_back_with_its_declarations(self, acme: Acme):
        endpoint = new(acme, declared_zdr=True, context_length=4096)
        private.change(endpoint=endpoint, upstream_model="other", context_length=None, by=STAGE)

        rolled_back()

        row = again(endpoint)
        assert (row.upstream_model, row.declared_zdr, row.context_length) == ("llama3", True, 4096)
        assert row.sealed_secret

    def test_to_another_host_takes_the_secret_along(self, acme: Acme):
        endpoint = new(acme)
        private.change(endpoint=endpoint, base_url="https://new.example/v1", secret="sk-2", by=STAGE)

        rolled_back()

        row = again(endpoint)
        assert (row.base_url, row.authentication, row.sealed_secret) == (ADDRESS, "own", "")

    def test_brings_a_price_back_as_a_new_version(self, acme: Acme):
        endpoint = active(acme)
        before = price_of(endpoint)
        private.set_pricing(endpoint=endpoint, rates=Rates(0, 0), by=STAGE)

        rolled_back()

        assert price_of(endpoint) == before
        assert PrivatePrice.objects.filter(endpoint=endpoint).count() == 3

    def test_enables_what_this_very_change_disabled(self, acme: Acme):
        endpoint = private.disable(endpoint=active(acme), by=STAGE)

        rolled_back()

        assert again(endpoint).status == "active"

    def test_disables_what_this_very_change_enabled(self, acme: Acme):
        endpoint = private.enable(endpoint=private.disable(endpoint=active(acme), by=STAGE), by=STAGE)

        rolled_back()

        assert again(endpoint).status == "disabled"

    def test_enables_none_by_the_way_that_was_disabled_since(self, acme: Acme):
        endpoint = active(acme)
        private.set_pricing(endpoint=endpoint, rates=Rates(0, 0), by=STAGE)
        priced = newest()
        private.disable(endpoint=endpoint, by=STAGE)

        with pytest.raises(CannotRestore, match="disabled since"):
            rolled_back(priced)

        assert again(endpoint).status == "disabled"

    def test_makes_no_draft_of_what_was_activated(self, acme: Acme):
        endpoint = active(acme)

        with pytest.raises(CannotRestore, match="no draft any more"):
            rolled_back()

        assert again(endpoint).status == "active"

    def test_of_the_beginning_deletes(self, acme: Acme):
        endpoint = new(acme)

        rolled_back()

        row = again(endpoint)
        assert (row.deleted_at is None, row.sealed_secret) == (False, "")

    def test_cannot_bring_a_wiped_secret_back(self, acme: Acme):
        private.delete(endpoint=new(acme), by=STAGE)

        with pytest.raises(CannotRestore, match="wiped"):
            rolled_back()
