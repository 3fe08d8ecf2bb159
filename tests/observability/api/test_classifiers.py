"""/classifiers and /classifiers/{id}."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import pytest

from accounts.models import Revision, Version
from accounts.restoring import CannotRestore, Recorded
from config.lib.crypto import sealing_ring
from config.lib.scoping import tenant
from observability import classifier_settings
from observability.models import Classifier
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from tests.observability.classifiers import TOPICS
from workspaces import api_keys, workspaces
from workspaces.models import ApiKey

pytestmark = pytest.mark.django_db

PATH = "/classifiers"
NEW: dict[str, Any] = {"name": "Topics", "model": "a/b", "taxonomy": TOPICS}


@pytest.fixture
def api(acme: Acme) -> Api:
    return Api(acme.management_key.secret)


def made(api: Api, **fields: Any) -> Any:
    return data_of(api.post(PATH, NEW | fields), status=201)


def stored(acme: Acme, shown: Any) -> Classifier:
    """The row behind an answer, deleted or not."""
    with tenant(acme.organization.pk):
        row: Classifier = Classifier.objects.select_related("key").get(public_id=shown["id"])
    return row


class TestANewClassifier:
    def test_is_shown_with_its_defaults(self, acme: Acme, api: Api):
        shown = made(api)

        assert shown["taxonomy"][0]["labels"][1] == {"label": "other", "description": ""}
        assert (shown["sampling_rate"], shown["api_key_hashes"], shown["enabled"]) == (1, None, True)
        assert data_of(api.get(f"{PATH}/{shown['id']}")) == shown
        listed = api.get(PATH).json()
        assert (listed["data"], listed["total_count"]) == ([shown], 1)

    def test_has_a_system_key_whose_secret_is_sealed(self, acme: Acme, api: Api):
        row = stored(acme, made(api))

        secret = sealing_ring().open(row.sealed_secret, identity=row.secret_identity).decode()
        assert row.key is not None
        assert (row.key.owner_id, row.key.name) == (None, "Classifier: Topics")
        assert hashlib.sha256(secret.encode()).hexdigest() == row.key.hash
        with tenant(acme.organization.pk):
            assert secret not in str(list(Revision.objects.values_list("after", flat=True)))

    def test_moves_the_workspaces_version(self, acme: Acme, api: Api):
        rows = Version.objects.filter(kind=Version.WORKSPACE, object_id=acme.default.pk)
        before = sum(rows.values_list("value", flat=True))

        made(api)

        assert sum(rows.values_list("value", flat=True)) > before

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": ""}, "name"),
            ({"model": "x" * 256}, "model"),
            ({"taxonomy": []}, "taxonomy"),
            ({"taxonomy": [{"name": "T"}]}, "taxonomy.0.name"),
            ({"sampling_rate": 0}, "sampling_rate"),
            ({"sampling_rate": 1.1}, "sampling_rate"),
            ({"api_key_hashes": []}, "api_key_hashes"),
            ({"api_key_hashes": ["0" * 64]}, "api_key_hashes"),
            ({"workspace_id": "nowhere"}, "workspace_id"),
            ({"key_hash": "0" * 64}, "key_hash"),
            ({"enabled": "yes"}, "enabled"),
        ],
    )
    def test_is_refused_by_the_name_of_what_is_wrong(self, api: Api, change, field):
        refused = api.post(PATH, NEW | change)

        assert refused.status_code == 400
        assert error_of(refused)[1].startswith(field)

    def test_is_one_of_ten_at_most(self, api: Api):
        for _ in range(classifier_settings.MOST_OF_A_WORKSPACE):
            made(api)

        assert api.post(PATH, NEW).status_code == 409


class TestAChange:
    def test_touches_what_is_named(self, api: Api):
        shown = made(api)

        changed = data_of(api.patch(f"{PATH}/{shown['id']}", {"sampling_rate": 0.5, "enabled": False}))

        different = {"sampling_rate": 0.5, "enabled": False, "updated_at": changed["updated_at"]}
        assert changed == shown | different

    def test_can_be_taken_back(self, acme: Acme, api: Api):
        shown = made(api)
        with tenant(acme.organization.pk):
            before = Revision.objects.get(object_type="classifier")
            change = {"model": "c/d", "taxonomy": [*TOPICS, dict(TOPICS[0], name="x")]}
            data_of(api.patch(f"{PATH}/{shown['id']}", change))
            recorded = Recorded(acme.organization.pk, before.object_id, before.after)
            classifier_settings.restore(recorded, STAGE)

        assert data_of(api.get(f"{PATH}/{shown['id']}"))["model"] == "a/b"
        assert len(data_of(api.get(f"{PATH}/{shown['id']}"))["taxonomy"]) == 1


class TestTheKeyOfAClassifier:
    def test_goes_with_it(self, acme: Acme, api: Api):
        shown = made(api)

        assert api.delete(f"{PATH}/{shown['id']}").json() == {"deleted": True}

        row = stored(acme, shown)
        assert row.sealed_secret == ""
        assert row.key is not None
        assert row.key.deleted_at is not None
        assert api.get(f"{PATH}/{shown['id']}").status_code == 404
        with tenant(acme.organization.pk), pytest.raises(CannotRestore):
            classifier_settings.restore(Recorded(acme.organization.pk, str(row.pk), {"name": "x"}), STAGE)

    def test_disables_it_when_somebody_deletes_the_key(self, acme: Acme, api: Api):
        shown = made(api)
        with tenant(acme.organization.pk):
            api_keys.delete(key=ApiKey.objects.get(hash=shown["key_hash"]), by=STAGE)

        left = data_of(api.get(f"{PATH}/{shown['id']}"))
        assert (left["enabled"], left["key_hash"], stored(acme, shown).sealed_secret) == (False, None, "")

        again = data_of(api.patch(f"{PATH}/{shown['id']}", {"enabled": True}))
        assert again["key_hash"] not in (None, shown["key_hash"])


class TestAFilterOfKeys:
    def test_loses_a_key_that_is_deleted_and_never_widens(self, acme: Acme, api: Api):
        shown = made(api, api_key_hashes=[acme.bob_key.key.hash])
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)

        assert data_of(api.get(f"{PATH}/{shown['id']}"))["api_key_hashes"] == []


class TestAWorkspaceThatIsDeleted:
    def test_takes_its_classifiers_along(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            workspace = workspaces.create(organization=acme.organization, name="W", slug="w", by=STAGE)
        shown = made(api, workspace_id="w")
        with tenant(acme.organization.pk):
            api_keys.delete(key=ApiKey.objects.get(hash=shown["key_hash"]), by=STAGE)
            workspaces.delete(workspace=workspace, by=STAGE)

        assert stored(acme, shown).deleted_at is not None


class TestAnotherOrganization:
    def test_is_told_what_it_is_told_of_nothing(self, cast: Cast, api: Api):
        shown = made(api)
        theirs = Api(cast.globex.management_key.secret)

        foreign = theirs.get(f"{PATH}/{shown['id']}")
        unknown = theirs.get(f"{PATH}/{uuid.uuid4()}")

        assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)
