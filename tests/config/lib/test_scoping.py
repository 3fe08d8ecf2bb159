"""Tenancy fails closed, in Python and in the database."""

import uuid

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Count

from accounts.models import AuditEvent, LedgerEntry, Organization, Revision, User
from accounts.organizations import found
from accounts.revisions import Actor
from config.lib.scoping import MissingScope, ScopedQuerySet, TenantModel, fresh_scope, tenant, unscoped
from workspaces.models import ApiKey, Workspace
from workspaces.workspaces import create

pytestmark = pytest.mark.django_db

BY = Actor(door="shell")


def organization(name):
    user = User.objects.create_user(f"{uuid.uuid4().hex}@example.com", "not-a-real-password")
    return found(name=name, slug=f"{name}-{uuid.uuid4().hex[:8]}", kind="team", administrator=user, by=BY)


@pytest.fixture
def acme():
    return organization("acme")


@pytest.fixture
def globex():
    return organization("globex")


class TestAQuerysetWithoutAScope:
    def test_raises_when_it_is_evaluated(self, acme):
        with pytest.raises(MissingScope, match="say whose rows are meant"):
            list(Workspace.objects.all())

    @pytest.mark.parametrize(
        "evaluate",
        [
            lambda rows: rows.count(),
            lambda rows: rows.exists(),
            lambda rows: rows.first(),
            lambda rows: rows.update(name="x"),
            lambda rows: rows.delete(),
            lambda rows: rows.aggregate(n=Count("pk")),
            lambda rows: list(rows.iterator()),
            lambda rows: list(rows.values_list("pk")),
            lambda rows: list(Workspace.objects.unscoped(reason="test").filter(pk__in=rows)),
        ],
    )
    def test_raises_however_it_is_evaluated(self, acme, evaluate):
        with pytest.raises(MissingScope):
            evaluate(Workspace.objects.all())

    def test_is_refused_on_the_owner_connection_even_inside_a_tenant(self, acme):
        with tenant(acme.pk), pytest.raises(MissingScope):
            Workspace.objects.using("owner").count()

    def test_needs_a_reason_to_be_unscoped(self):
        with pytest.raises(MissingScope, match="reason"):
            Workspace.objects.unscoped(reason="")


class TestATenant:
    def test_sees_its_own_rows_and_no_others(self, acme, globex):
        with tenant(acme.pk):
            owners = {row.organization_id for row in Workspace.objects.all()}

        assert owners == {acme.pk}

    def test_cannot_see_another_organization_by_naming_it(self, acme, globex):
        with tenant(acme.pk):
            assert Workspace.objects.for_organization(globex).count() == 0

    def test_cannot_see_it_past_python_either(self, acme, globex):
        with tenant(acme.pk), connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT organization_id FROM workspace")

            assert cursor.fetchall() == [(acme.pk,)]

    def test_cannot_write_into_another_organization(self, acme, globex):
        with pytest.raises(DatabaseError, match="row-level security"), tenant(acme.pk):
            Workspace.objects.create(organization=globex, name="Mine", slug="mine")

    def test_ends_with_its_block(self, acme):
        with tenant(acme.pk):
            pass

        with pytest.raises(MissingScope):
            Workspace.objects.count()

    def test_gives_the_outer_one_back(self, acme, globex):
        with tenant(acme.pk):
            with tenant(globex.pk):
                assert Workspace.objects.get().organization_id == globex.pk
            assert Workspace.objects.get().organization_id == acme.pk

    def test_gives_the_outer_one_back_after_a_failure(self, acme, globex):
        with tenant(acme.pk):
            with pytest.raises(ZeroDivisionError), tenant(globex.pk):
                raise ZeroDivisionError
            assert Workspace.objects.get().organization_id == acme.pk

    def test_is_forgotten_by_a_fresh_scope(self, acme):
        with tenant(acme.pk), fresh_scope(), pytest.raises(MissingScope):
            Workspace.objects.count()


class TestUnscopedAccess:
    def test_sees_every_organization(self, acme, globex):
        owners = {row.organization_id for row in Workspace.objects.unscoped(reason="test")}

        assert {acme.pk, globex.pk} <= owners

    def test_leaves_no_open_door_behind(self, acme):
        list(Workspace.objects.unscoped(reason="test"))

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM workspace")
            assert cursor.fetchone() == (0,)

    def test_is_iterated_only_inside_its_block(self, acme):
        with pytest.raises(MissingScope, match="inside"):
            next(Workspace.objects.unscoped(reason="test").iterator())

        with unscoped(reason="test"):
            assert next(Workspace.objects.unscoped(reason="test").iterator())


class TestEveryTenantModel:
    def test_asks_for_a_scope_by_default(self):
        tenant_models = [model for model in apps.get_models() if issubclass(model, TenantModel)]

        assert tenant_models
        assert all(isinstance(model._default_manager.all(), ScopedQuerySet) for model in tenant_models)


class TestEveryTenantTable:
    def test_has_a_policy(self):
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                    WHERE a.attname = 'organization_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                      AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))"""
            )
            assert cursor.fetchall() == []

    def test_is_out_of_the_application_roles_reach_as_a_partition(self):
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'
                      AND has_table_privilege('headgate_app', oid, 'SELECT')"""
            )
            assert cursor.fetchall() == []

    def test_is_not_owned_by_the_application_role(self):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relowner = 'headgate_app'::regrole "
                "UNION ALL SELECT rolname FROM pg_roles WHERE rolname = 'headgate_app' AND (rolsuper OR rolbypassrls)"
            )
            assert cursor.fetchall() == []


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestADomainFunctionThatForgets:
    def test_cannot_commit(self):
        acme = organization("acme")
        with tenant(acme.pk):
            workspace = Workspace.objects.get()

        workspace.name = "Renamed behind everybody's back"
        with pytest.raises(IntegrityError, match="wrote no revision"), tenant(acme.pk):
            workspace.save()


class TestWhatIsAppendOnly:
    @pytest.mark.parametrize("model", [LedgerEntry, Revision, AuditEvent])
    def test_cannot_be_changed_by_the_application(self, acme, model):
        with tenant(acme.pk):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                model.objects.for_organization(acme).update(created_at="2020-01-01T00:00:00Z")
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                model.objects.for_organization(acme).delete()

    @pytest.mark.parametrize("model", [LedgerEntry, Revision, AuditEvent])
    def test_cannot_be_emptied_by_the_application(self, acme, model):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"TRUNCATE {model._meta.db_table} CASCADE")


class TestForUser:
    def test_follows_live_memberships(self, acme, globex):
        with unscoped(reason="test"):
            alice = acme.memberships.get().user

        with tenant(acme.pk, globex.pk):
            assert list(Organization.objects.for_user(alice)) == [acme]
            assert {row.organization_id for row in Workspace.objects.for_user(alice)} == {acme.pk}
            create(organization=acme, name="More", slug="more", by=BY)
            assert ApiKey.objects.for_user(alice).count() == 0
