"""A destination that is everywhere: a copy in each workspace, which follows until it is detached."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from accounts.models import Revision, Version
from config.lib.scoping import tenant
from observability.destination_config import whole_config
from observability.models import Destination
from tests.cast import STAGE, Acme
from tests.management_api import Api, at_once, data_of, error_of
from tests.observability.destination_kinds import NEW
from workspaces import workspaces

pytestmark = pytest.mark.django_db

PATH = "/observability/destinations"
SLUGS = ("default", "production", "research")


def listed(api: Api, workspace: str) -> list[Any]:
    """A workspace's destinations."""
    return list(data_of(api.get(PATH, workspace_id=workspace)))


@pytest.fixture
def source(api: Api) -> Any:
    """One of production's that is everywhere."""
    body = NEW | {"workspace_id": "production", "all_workspaces": True}
    return data_of(api.post(PATH, body), status=201)


def copy_in(api: Api, workspace: str) -> Any:
    """The only destination there."""
    (row,) = listed(api, workspace)
    return row


class TestADestinationThatIsEverywhere:
    def test_has_a_copy_in_each_workspace_with_its_own_seal(self, acme: Acme, api: Api, source: Any):
        for slug in ("default", "research"):
            copy = copy_in(api, slug)
            own = {name: copy[name] for name in ("id", "workspace_id", "created_at", "updated_at")}
            assert copy | own == source | own | {"all_workspaces": False, "source_id": source["id"]}
        with tenant(acme.organization.pk):
            rows = list(Destination.objects.live())
        assert len({row.sealed_secrets for row in rows}) == 3
        assert {whole_config(row)["apiKey"] for row in rows} == {NEW["config"]["apiKey"]}

    def test_is_had_by_new_workspaces_too(self, acme: Acme, api: Api, source: Any):
        with tenant(acme.organization.pk):
            workspaces.create(organization=acme.organization, name="New", slug="new", by=STAGE)

        assert copy_in(api, "new")["source_id"] == source["id"]

    def test_takes_its_copies_along_when_it_changes(self, acme: Acme, api: Api, source: Any):
        changes = {
            "name": "Other",
            "enabled": False,
            "sampling_rate": 0.25,
            "config": {"apiKey": "glc_another-secret-WxYz", "headers": {"X": "y"}},
            "api_key_hashes": [acme.bob_key.key.hash],
        }

        data_of(api.patch(f"{PATH}/{source['id']}", changes))

        copy = copy_in(api, "research")
        assert (copy["name"], copy["enabled"], copy["sampling_rate"]) == ("Other", False, 0.25)
        assert copy["config"]["apiKey"] == "glc_...WxYz"
        with tenant(acme.organization.pk):
            row = Destination.objects.get(public_id=copy["id"])
        assert whole_config(row)["headers"] == {"X": "y"}

    def test_moves_the_version_of_each_workspace(self, acme: Acme, api: Api, source: Any):
        def versions() -> list[int]:
            places = (acme.default, acme.production, acme.research)
            return [Version.objects.get(kind="workspace", object_id=place.pk).value for place in places]

        before = versions()
        data_of(api.patch(f"{PATH}/{source['id']}", {"name": "Other"}))

        assert versions() == [value + 1 for value in before]
        newest = Revision.objects.for_organization(acme.organization).order_by("-pk")[:3]
        assert {revision.workspace_id for revision in newest} == {
            acme.default.pk,
            acme.production.pk,
            acme.research.pk,
        }

    def test_may_become_so_and_cease_to_be_so(self, api: Api):
        destination = data_of(api.post(PATH, NEW), status=201)

        data_of(api.patch(f"{PATH}/{destination['id']}", {"all_workspaces": True}))
        assert [len(listed(api, slug)) for slug in SLUGS] == [1, 1, 1]

        data_of(api.patch(f"{PATH}/{destination['id']}", {"all_workspaces": False}))
        assert [len(listed(api, slug)) for slug in SLUGS] == [1, 0, 0]

    def test_takes_its_copies_along_when_it_is_deleted(self, acme: Acme, api: Api, source: Any):
        api.delete(f"{PATH}/{source['id']}")

        assert [listed(api, slug) for slug in SLUGS] == [[], [], []]
        with tenant(acme.organization.pk):
            assert not Destination.objects.exclude(sealed_secrets="").exists()

    def test_is_refused_where_a_workspace_is_full(self, api: Api):
        for _ in range(5):
            api.post(PATH, NEW | {"workspace_id": "research"})

        status, message = error_of(api.post(PATH, NEW | {"all_workspaces": True}))

        assert (status, "'Research'" in message) == (409, True)
        assert listed(api, "default") == listed(api, "production") == []


class TestACopy:
    def test_cannot_be_changed_or_deleted_by_itself(self, api: Api, source: Any):
        address = f"{PATH}/{copy_in(api, 'default')['id']}"

        answers = [api.patch(address, {"name": "Mine"}), api.delete(address)]

        assert [error_of(answer)[0] for answer in answers] == [409, 409]
        assert all(source["id"] in error_of(answer)[1] for answer in answers)

    def test_follows_no_longer_once_it_is_detached(self, api: Api, source: Any):
        copy = copy_in(api, "default")

        detached = data_of(api.post(f"{PATH}/{copy['id']}/detach"))
        data_of(api.patch(f"{PATH}/{source['id']}", {"name": "Other"}))
        data_of(api.patch(f"{PATH}/{copy['id']}", {"enabled": False}))

        assert detached["source_id"] is None
        assert copy_in(api, "default")["name"] == "Ours"
        assert copy_in(api, "research")["name"] == "Other"

    def test_that_is_none_cannot_be_detached(self, api: Api, source: Any):
        assert error_of(api.post(f"{PATH}/{source['id']}/detach"))[0] == 409

    def test_goes_with_its_workspace_and_leaves_the_others(self, acme: Acme, api: Api, source: Any):
        with tenant(acme.organization.pk):
            new = workspaces.create(organization=acme.organization, name="New", slug="new", by=STAGE)
            workspaces.delete(workspace=new, by=STAGE)

        assert [len(listed(api, slug)) for slug in SLUGS] == [1, 1, 1]
        data_of(api.patch(f"{PATH}/{source['id']}", {"name": "Other"}))


class TestTheLimit:
    def test_is_five_of_a_type_in_a_workspace(self, api: Api):
        for _ in range(5):
            data_of(api.post(PATH, NEW), status=201)

        status, message = error_of(api.post(PATH, NEW))

        assert (status, "'Default'" in message) == (409, True)
        data_of(api.post(PATH, NEW | {"workspace_id": "production"}), status=201)

    def test_counts_copies_and_not_what_was_deleted(self, api: Api, source: Any):
        for _ in range(4):
            last = data_of(api.post(PATH, NEW), status=201)

        assert error_of(api.post(PATH, NEW))[0] == 409
        api.delete(f"{PATH}/{last['id']}")
        data_of(api.post(PATH, NEW), status=201)

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    @pytest.mark.parametrize("extra", [{}, {"all_workspaces": True}])
    def test_holds_when_all_come_at_once(self, acme: Acme, api: Api, extra: dict[str, bool]):
        def create() -> int:
            return int(Api(acme.management_key.secret).post(PATH, NEW | extra).status_code)

        assert sorted(at_once(create, times=8)) == [201] * 5 + [409] * 3
        assert len(listed(api, "default")) == 5


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestManyAtOnce:
    def test_leave_no_workspace_without_its_copy_and_nobody_waiting_in_a_circle(self, acme: Acme, api: Api):
        secret = acme.management_key.secret
        first = data_of(api.post(PATH, NEW | {"all_workspaces": True}), status=201)["id"]
        work = iter(
            [
                *[("post", "/workspaces", {"name": f"W{n}", "slug": f"w{n}"}) for n in range(4)],
                *[("post", PATH, NEW | {"workspace_id": slug, "all_workspaces": True}) for slug in SLUGS[1:]],
                *[("patch", f"{PATH}/{first}", {"name": f"N{n}"}) for n in range(2)],
                ("delete", f"/keys/{acme.bob_key.key.hash}", None),
                ("delete", f"{PATH}/{uuid.uuid4()}", None),
            ]
        )

        def do() -> int:
            method, path, body = next(work)
            return int(Api(secret).send(method, path, body).status_code)

        assert sorted(at_once(do, times=10)) == [200] * 3 + [201] * 6 + [404]
        slugs = (*SLUGS, *(f"w{n}" for n in range(4)))
        assert [len(listed(api, slug)) for slug in slugs] == [3] * 7
        assert len({row["name"] for slug in slugs for row in listed(api, slug)} - {"Ours"}) == 1
