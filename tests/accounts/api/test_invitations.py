"""/organization/invitations."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.invitations import DAILY, RESENT_DAILY, invite
from accounts.models import Invitation
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of

PATH = "/organization/invitations"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def invited(
    acme: Acme,
    email: str = "dora@acme.example",
    *,
    age: timedelta = timedelta(hours=1),
    role: str = "member",
) -> Invitation:
    """An invitation that was sent some time ago."""
    with tenant(acme.organization.pk):
        made = invite(organization=acme.organization, email=email, role=role, by=STAGE)
        Invitation.objects.filter(pk=made.pk).update(
            sent_at=made.sent_at - age, expires_at=made.expires_at - age
        )
    return made


class TestInviting:
    def test_sends_a_link_that_no_answer_holds(self, api: Api):
        response = api.post(PATH, {"email": "Dora@Acme.example", "workspace_ids": ["production"]})

        invitation = data_of(response, status=201)
        assert (invitation["email"], invitation["role"], invitation["status"]) == (
            "dora@acme.example",
            "org:member",
            "pending",
        )
        [message] = mail.outbox
        assert message.to == ["dora@acme.example"]
        [token] = re.findall(r"/invitations/(\S+)", str(message.body))
        assert token not in response.content.decode()

    def test_names_workspaces_by_id_or_slug(self, acme: Acme, api: Api):
        names = [str(acme.production.public_id), "research", "production"]

        invitation = data_of(api.post(PATH, {"email": "d@x.example", "workspace_ids": names}), status=201)

        assert invitation["workspace_ids"] == [
            str(acme.production.public_id),
            str(acme.research.public_id),
        ]

    def test_into_foreign_and_unknown_workspaces_is_refused_alike(self, cast: Cast, api: Api):
        answers = {
            name: error_of(api.post(PATH, {"email": "d@x.example", "workspace_ids": [name]}))
            for name in (str(cast.globex.default.public_id), str(uuid.uuid4()), "nowhere")
        }

        assert answers == {
            name: (400, f"workspace_ids: {name}: no such workspace of the organization.") for name in answers
        }
        assert mail.outbox == []

    def test_as_an_administrator_is_for_people(self, api: Api):
        assert error_of(api.post(PATH, {"email": "d@x.example", "role": "org:admin"}))[0] == 403

    def test_a_member_or_an_invited_address_is_refused(self, acme: Acme, api: Api):
        invited(acme)

        statuses = [
            api.post(PATH, {"email": email}).status_code
            for email in ("BOB@acme.example", "Dora@acme.example")
        ]

        assert statuses == [409, 409]

    def test_does_not_tell_who_has_an_account_elsewhere(self, cast: Cast, api: Api):
        known, unknown = (
            data_of(api.post(PATH, {"email": email}), status=201)
            for email in ("mallory@globex.example", "nobody@globex.example")
        )

        assert known.keys() == unknown.keys()
        assert {name for name in known if known[name] != unknown[name]} <= {
            "id",
            "email",
            "created_at",
            "sent_at",
            "expires_at",
        }

    def test_too_many_a_day_is_refused(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            now = timezone.now()
            Invitation.objects.bulk_create(
                Invitation(
                    organization=acme.organization,
                    email=f"{number}@x.example",
                    role="member",
                    token_hash=f"{number}",
                    sent_at=now,
                    expires_at=now,
                )
                for number in range(DAILY)
            )
            invite_again = api.post(PATH, {"email": "one@more.example"})

        assert invite_again.status_code == 429

    def test_twice_with_one_idempotency_key_sends_one_mail(self, api: Api):
        answers = [api.post(PATH, {"email": "d@x.example"}, **{"Idempotency-Key": "once"}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].content == answers[1].content
        assert len(mail.outbox) == 1

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"email": None},
            {"email": "no address"},
            {"email": "a@x.example\r\nBcc: b@x.example"},
            {"email": f"{'a' * 300}@x.example"},
            {"email": ["a@x.example"]},
            {"email": "a@x.example", "role": "owner"},
            {"email": "a@x.example", "role": ["org:member"]},
            {"email": "a@x.example", "workspace_ids": None},
            {"email": "a@x.example", "workspace_ids": [1]},
            {"email": "a@x.example", "workspace_ids": ["x" * 70_000]},
            {"email": "a@x.example", "token": "mine"},
        ],
    )
    def test_refuses_what_makes_no_sense(self, api: Api, body: object):
        assert error_of(api.post(PATH, body))[0] == 400


class TestListing:
    def test_shows_all_but_the_revoked_ones_newest_first(self, acme: Acme, api: Api):
        first, second = invited(acme, "1@x.example"), invited(acme, "2@x.example", age=timedelta(days=8))
        gone = invited(acme, "3@x.example")
        api.delete(f"{PATH}/{gone.public_id}")

        body = json.loads(api.get(PATH).content)

        assert [(row["email"], row["status"]) for row in body["data"]] == [
            (second.email, "expired"),
            (first.email, "pending"),
        ]
        assert body["total_count"] == 2

    def test_takes_as_many_queries_for_many_as_for_one(self, acme: Acme, api: Api):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                api.get(PATH)
            return len(captured)

        invited(acme, "1@x.example")
        for_one = queries()
        for number in range(2, 6):
            invited(acme, f"{number}@x.example")

        assert queries() == for_one


class TestSendingAgain:
    def test_ends_the_old_link(self, acme: Acme, api: Api):
        invitation = invited(acme)

        sent = data_of(api.post(f"{PATH}/{invitation.public_id}/resend"))

        tokens = [re.search(r"/invitations/(\S+)", str(message.body)).group(1) for message in mail.outbox]
        assert len(set(tokens)) == 2
        assert sent["status"] == "pending"
        with tenant(acme.organization.pk):
            assert Invitation.objects.get(pk=invitation.pk).token_hash != invitation.token_hash

    def test_of_an_administrators_is_for_people(self, acme: Acme, api: Api):
        invitation = invited(acme, role="admin")

        assert api.post(f"{PATH}/{invitation.public_id}/resend").status_code == 403
        assert len(mail.outbox) == 1

    def test_too_often_a_day_is_refused(self, acme: Acme, api: Api):
        invitation = invited(acme)
        address = f"{PATH}/{invitation.public_id}/resend"

        def again() -> int:
            with tenant(acme.organization.pk):
                an_hour_ago = timezone.now() - timedelta(hours=1)
                Invitation.objects.filter(pk=invitation.pk).update(sent_at=an_hour_ago)
            return api.post(address).status_code

        assert [again() for _ in range(RESENT_DAILY + 1)] == [200] * RESENT_DAILY + [429]
        assert len(mail.outbox) == 1 + RESENT_DAILY

    def test_within_a_minute_is_refused(self, acme: Acme, api: Api):
        invitation = invited(acme, age=timedelta(seconds=30))

        assert api.post(f"{PATH}/{invitation.public_id}/resend").status_code == 429


class TestRevoking:
    def test_makes_it_unknown(self, acme: Acme, api: Api):
        path = f"{PATH}/{invited(acme).public_id}"

        api.delete(path)

        assert [api.get(path).status_code, api.delete(path).status_code] == [404, 404]
        assert api.post(f"{path}/resend").status_code == 404

    def test_lets_the_address_be_invited_anew(self, acme: Acme, api: Api):
        invitation = invited(acme)
        api.delete(f"{PATH}/{invitation.public_id}")

        assert api.post(PATH, {"email": invitation.email}).status_code == 201


class TestSomebodyElses:
    @pytest.mark.parametrize(("method", "end"), [("get", ""), ("delete", ""), ("post", "/resend")])
    def test_answers_byte_for_byte_like_an_unknown_one(self, cast: Cast, method: str, end: str):
        mallory = Api(cast.globex.management_key.secret)
        foreign = invited(cast.acme)

        answers = [
            mallory.send(method, f"{PATH}/{name}{end}")
            for name in (foreign.public_id, uuid.uuid4(), "x", "\x00")
        ]

        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
