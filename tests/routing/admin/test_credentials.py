"""Credentials in the Django admin: an organization's administrators manage their own, and read no secret."""

from __future__ import annotations

import pytest

from config.lib.crypto import sealing_ring
from config.lib.scoping import tenant, unscoped
from routing import byok
from routing.models import ByokCredential
from tests.admin_pages import errors_of, page, text_of
from tests.cast import STAGE
from tests.routing.byok_secrets import GOOGLE, PLAIN, SENTINEL

pytestmark = pytest.mark.django_db

NOT_A_CHOICE = "not one of the available choices"


@pytest.fixture
def credential(acme):
    """One of production's."""
    with tenant(acme.organization.pk):
        return byok.create(
            organization=acme.organization,
            workspace=acme.production,
            provider="openai",
            secret=PLAIN,
            name="Ours",
            allowed_user_ids=[acme.bob.user.public_id],
            by=STAGE,
        )


def add(client, acme, **fields):
    """Post the form for a new credential."""
    values = {"organization": acme.organization.pk, "provider": "openai", "secret": PLAIN}
    return client.post(page(ByokCredential, "add"), values | fields)


def only_one(acme):
    """The organization's only credential, with its secret."""
    with tenant(acme.organization.pk):
        row = ByokCredential.objects.live().get()
    return row, sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode()


class TestAnAdministrator:
    def test_adds_a_global_one(self, doors, acme):
        add(doors["alice"], acme, is_fallback="on", provider="google-vertex", secret=GOOGLE)

        row, secret = only_one(acme)
        assert (row.workspace, row.is_fallback, row.created_by, secret) == (
            None,
            True,
            acme.alice.user,
            GOOGLE,
        )

    def test_adds_one_of_a_workspace(self, doors, acme):
        add(doors["alice"], acme, workspace=acme.research.pk)

        assert only_one(acme)[0].workspace_id == acme.research.pk

    def test_changes_settings_without_knowing_the_secret(self, doors, acme, credential):
        doors["alice"].post(
            page(ByokCredential, "change", credential.pk),
            {"name": "", "secret": "", "sort_order": 7, "declared_region": "global"},
        )

        row, secret = only_one(acme)
        assert (row.name, row.sort_order, row.declared_region, secret) == (None, 7, "global", PLAIN)
        assert row.allowed_member_ids == [acme.bob.pk]

    def test_replaces_the_secret(self, doors, acme, credential):
        doors["alice"].post(
            page(ByokCredential, "change", credential.pk),
            {"name": "Ours", "secret": PLAIN + "2", "sort_order": 0},
        )

        assert only_one(acme)[1] == PLAIN + "2"

    def test_deletes_it_and_its_secret(self, doors, acme, credential):
        doors["alice"].post(page(ByokCredential, "delete", credential.pk), {"post": "yes"})

        with unscoped(reason="the test looks at what was deleted"):
            assert ByokCredential.objects.get(pk=credential.pk).sealed_secret == ""

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"provider": "nobody"}, "provider"),
            ({"provider": "azure"}, "secret"),
            ({"secret": ""}, "secret"),
            ({"declared_region": "us"}, "declared_region"),
            ({"is_fallback": "on", "is_byok_only": "on"}, "__all__"),
        ],
    )
    def test_is_told_what_is_wrong(self, doors, acme, fields, field):
        answer = add(doors["alice"], acme, **fields)

        assert field in errors_of(answer)
        assert SENTINEL not in text_of(answer)

    def test_reads_the_secret_on_no_page(self, doors, acme, credential):
        pages = [
            page(ByokCredential, "changelist"),
            page(ByokCredential, "change", credential.pk),
            page(ByokCredential, "delete", credential.pk),
            page(ByokCredential, "history", credential.pk),
        ]

        texts = [text_of(doors[who].get(address)) for address in pages for who in ("alice", "staff")]

        assert [text for text in texts if SENTINEL in text or credential.sealed_secret in text] == []


class TestMallory:
    @pytest.mark.parametrize("field", ["organization", "workspace"])
    def test_cannot_post_what_is_foreign(self, doors, acme, globex, field):
        foreign = {"organization": acme.organization.pk, "workspace": acme.production.pk}[field]

        answer = add(doors["mallory"], globex, **{field: foreign})

        assert NOT_A_CHOICE in str(errors_of(answer)[field])

    def test_reads_nothing_of_acme(self, doors, credential):
        assert "Ours" not in text_of(doors["mallory"].get(page(ByokCredential, "changelist")))
        assert doors["mallory"].get(page(ByokCredential, "change", credential.pk)).status_code == 404
