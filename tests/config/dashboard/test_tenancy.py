"""Every page of the dashboard for each of the cast: yours, not permitted, or not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from accounts.credits import deposit
from accounts.models import Revision
from accounts.notifications import channels
from config.lib.scoping import tenant
from observability.models import Classifier, Destination, Generation
from routing import byok, guardrail_settings, presets, private_endpoints
from routing.preset_config import Content
from tests.cast import STAGE, Cast
from tests.dashboard_pages import make_generation
from tests.observability.classifiers import a_classifier
from tests.observability.destination_kinds import a_destination, use_mailbox
from workspaces import workspaces

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

WHO = ("alice", "bob", "carol", "mallory", "anonymous")
LOGIN = "login"
EVERYBODY_OF_ACME = (200, 200, 200, 404, LOGIN)
ADMINISTRATOR = (200, 403, 403, 404, LOGIN)
PRODUCTION = (200, 200, 404, 404, LOGIN)
RESEARCH = (200, 404, 200, 404, LOGIN)
ADMINISTRATOR_KNOWS = (200, 404, 404, 404, LOGIN)
ADMINISTRATOR_OF_PRODUCTION = (200, 404, 404, 404, LOGIN)
CONFIGURED = (200, 403, 404, 404, LOGIN)
DEFAULT_CONFIGURED = (200, 403, 403, 404, LOGIN)
GLOBEX = (404, 404, 404, 200, LOGIN)
NOBODY = (404, 404, 404, 404, LOGIN)
PERSON = (200, 200, 200, 200, LOGIN)
WITHOUT_A_LINK = (404, 404, 404, 404, 404)
TO_THE_PAGE = (302, 302, 302, 302, 302)
ELSEWHERE, INVALID = 302, 422


def changing(expected: tuple[int | str, ...], success: int) -> tuple[int | str, ...]:
    """The same people, with another answer for those who may."""
    return tuple(success if status == 200 else status for status in expected)


@dataclass(frozen=True)
class Row:
    """An address, how it is asked, and what each of WHO gets."""

    path: str
    expected: tuple[int | str, ...]
    method: str = "get"
    data: dict[str, str] = field(default_factory=dict)


def pages_to_see(cast: Cast, generation: Generation) -> Iterator[Row]:
    """Everything that is only looked at."""
    acme, globex = "/o/acme", "/o/globex"
    yield Row("/", (302, 302, 302, 302, LOGIN))
    yield Row(f"{acme}/", changing(EVERYBODY_OF_ACME, ELSEWHERE))
    yield Row(f"{globex}/", changing(GLOBEX, ELSEWHERE))
    yield Row("/o/initech/", NOBODY)
    yield Row("/auth?callback_url=https%3A%2F%2Fapp.example%2F", (200, 200, 200, 200, LOGIN))
    yield Row("/auth?callback_url=javascript%3Aalert(1)", (400, 400, 400, 400, LOGIN))
    yield Row(f"{acme}/workspaces", EVERYBODY_OF_ACME)
    yield Row(f"{acme}/workspaces/new", ADMINISTRATOR)
    yield Row(f"{acme}/workspaces/new", changing(ADMINISTRATOR, INVALID), "post", {"name": ""})
    yield Row(f"{globex}/workspaces/new", GLOBEX)
    yield Row(f"{acme}/find?q=e", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/find?q=e", GLOBEX)
    yield Row(f"{acme}/preferences", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/preferences", GLOBEX)
    yield Row(f"{acme}/preferences", changing(EVERYBODY_OF_ACME, INVALID), "post", {"theme": "pink"})
    yield Row(f"{acme}/activity", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/activity", GLOBEX)
    yield Row(f"{acme}/activity.csv", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/activity.csv", GLOBEX)
    yield Row(f"{acme}/chat", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/chat", GLOBEX)
    # Without the origin that a browser names it is a 400 for whoever may chat there.
    for workspace, who in (
        ("default", EVERYBODY_OF_ACME),
        ("production", PRODUCTION),
        ("research", RESEARCH),
    ):
        yield Row(f"{acme}/chat/token?{workspace}", changing(who, 400), "post", {"workspace": workspace})
    yield Row(f"{acme}/chat/token", NOBODY, "post", {"workspace": "nowhere"})
    yield Row(f"{acme}/logs", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/logs", GLOBEX)
    yield Row(f"{acme}/logs/{generation.public_id}", EVERYBODY_OF_ACME)
    yield Row(f"{globex}/logs/{generation.public_id}", NOBODY)
    yield Row(f"{acme}/logs/{generation.public_id}/content", changing(ADMINISTRATOR, 404))
    yield Row(f"{globex}/logs/{generation.public_id}/content", NOBODY)
    nothing_found = f"logs/{generation.public_id}/false-positive"
    yield Row(f"{acme}/{nothing_found}", changing(EVERYBODY_OF_ACME, 404), "post")
    yield Row(f"{globex}/{nothing_found}", NOBODY, "post")
    yield Row(f"{acme}/logs/{generation.public_id}/allow", changing(ADMINISTRATOR, 404))
    yield Row(f"{globex}/logs/{generation.public_id}/allow", NOBODY)
    yield Row(f"{acme}/credits", ADMINISTRATOR)
    yield Row(f"{globex}/credits", GLOBEX)
    yield Row(f"{acme}/audit-log", ADMINISTRATOR)
    yield Row(f"{globex}/audit-log", GLOBEX)
    yield Row(f"{acme}/audit-log.csv", ADMINISTRATOR)
    yield from pages_of_credits()
    yield from pages_of_notifications(cast)
    for name, expected in {
        "default": EVERYBODY_OF_ACME,
        "production": PRODUCTION,
        "research": RESEARCH,
        "unheard-of": NOBODY,
    }.items():
        yield Row(f"{acme}/w/{name}/", expected)
        yield Row(f"{acme}/w/{name}/keys", expected)
        yield Row(f"{acme}/w/{name}/keys/new", expected)
    yield Row(f"{globex}/w/default/keys", GLOBEX)
    yield Row(f"{globex}/w/production/keys", NOBODY)


def pages_of_credits() -> Iterator[Row]:
    """The pages behind the credits; acme has an invoice, globex has none, and nobody can buy anything."""
    for name in ("ledger.csv", "invoices", "billing", "statements/2026-11"):
        yield Row(f"/o/acme/credits/{name}", ADMINISTRATOR)
        yield Row(f"/o/globex/credits/{name}", GLOBEX)
    yield Row("/o/acme/credits/invoices/1", ADMINISTRATOR)
    yield Row("/o/globex/credits/invoices/1", NOBODY)
    yield Row("/o/acme/credits/statements/2026-13", (404, 403, 403, 404, LOGIN))
    yield Row("/o/acme/credits/add", (404, 403, 403, 404, LOGIN))
    yield Row("/o/acme/credits/add", (404, 403, 403, 404, LOGIN), "post", {"amount_usd": "5"})
    yield Row("/o/acme/credits/billing", changing(ADMINISTRATOR, INVALID), "post", {"name": ""})
    yield Row("/o/globex/credits/billing", changing(GLOBEX, INVALID), "post", {"name": ""})


def pages_of_notifications(cast: Cast) -> Iterator[Row]:
    """What acme is told, and its channel, which nobody else's address leads to."""
    with tenant(cast.acme.organization.pk):
        channel = channels.create(
            organization=cast.acme.organization,
            kind="email",
            name="Ops",
            config={"to": ["ops@acme.example"]},
            by=STAGE,
        ).channel
    acme, globex = "/o/acme/notifications", "/o/globex/notifications"
    yield Row(acme, ADMINISTRATOR)
    yield Row(globex, GLOBEX)
    yield Row(f"{acme}/rules/low_balance", ADMINISTRATOR)
    yield Row(f"{acme}/rules/low_balance", changing(ADMINISTRATOR, INVALID), "post", {"thresholds": "x"})
    yield Row(f"{acme}/rules/unheard_of", changing(ADMINISTRATOR, 404))
    for type_ in ("email", "slack", "webhook"):
        yield Row(f"{acme}/channels/new/{type_}", ADMINISTRATOR)
        yield Row(f"{globex}/channels/new/{type_}", GLOBEX)
    yield Row(f"{acme}/channels/new/email", changing(ADMINISTRATOR, INVALID), "post", {"name": ""})
    yield Row(f"{acme}/channels/new/pigeon", changing(ADMINISTRATOR, 404))
    for base, expected in ((acme, ADMINISTRATOR), (globex, NOBODY)):
        own = f"{base}/channels/{channel.public_id}"
        yield Row(own, expected)
        yield Row(own, changing(expected, INVALID), "post", {"name": ""})
        yield Row(f"{own}/test", changing(expected, ELSEWHERE), "post")
        yield Row(f"{own}/disable", changing(expected, ELSEWHERE), "post")
        yield Row(f"{own}/enable", changing(expected, ELSEWHERE), "post")
        yield Row(f"{own}/delete", expected)
        yield Row(f"{own}/delete", changing(expected, INVALID), "post", {"name": "not its name"})


def pages_of_keys(cast: Cast) -> Iterator[Row]:
    """Pages about one key: one's own, another's, the workspace's, and through a foreign workspace."""
    acme = cast.acme
    production, default = "/o/acme/w/production/keys", "/o/acme/w/default/keys"
    for key, expected in (
        (f"{production}/{acme.bob_key.key.hash}", PRODUCTION),
        (f"{production}/{acme.production_key.key.hash}", ADMINISTRATOR_KNOWS),
        (f"{default}/{acme.alice_key.key.hash}", ADMINISTRATOR_KNOWS),
        (f"{default}/{acme.bob_key.key.hash}", NOBODY),
        (f"{default}/{cast.globex.default_key.key.hash}", NOBODY),
        (f"/o/globex/w/default/keys/{acme.default_key.key.hash}", NOBODY),
        (f"/o/globex/w/default/keys/{cast.globex.default_key.key.hash}", GLOBEX),
    ):
        yield Row(key, expected)
        yield Row(f"{key}/edit", expected)
        yield Row(f"{key}/edit", changing(expected, INVALID), "post", {"name": ""})
        yield Row(f"{key}/disable", changing(expected, ELSEWHERE), "post")
        yield Row(f"{key}/enable", changing(expected, ELSEWHERE), "post")
        yield Row(f"{key}/delete", expected)
        yield Row(f"{key}/delete", changing(expected, INVALID), "post", {"name": "not its name"})
        yield Row(f"{key}/rotate", expected)
        if key.startswith((production, f"{default}/{acme.alice_key.key.hash}")):
            digest = key.rpartition("/")[2]
            yield Row(f"/keys/{digest}", changing(expected, ELSEWHERE))
            yield Row(f"/logs?api_key_hash={digest}", changing(expected, ELSEWHERE))
        yield Row(f"{key}/rotate", changing(expected, INVALID), "post", {"grace": "for ever"})
        yield Row(f"{key}/secrets/{'f' * 64}/end", changing(expected, 404), "post")
    yield Row(f"/keys/{'f' * 64}", NOBODY)
    yield Row("/logs?api_key_hash=%00", NOBODY)
    yield Row("/logs", NOBODY)
    yield Row(f"{production}/transfer", ADMINISTRATOR_OF_PRODUCTION)
    yield Row(
        f"{production}/transfer", changing(ADMINISTRATOR_OF_PRODUCTION, INVALID), "post", {"action": ""}
    )
    yield Row("/o/globex/w/default/keys/transfer", GLOBEX)
    yield Row(f"{production}/new", changing(PRODUCTION, INVALID), "post", {"name": ""})


def pages_of_workspaces(cast: Cast) -> Iterator[Row]:
    """A workspace's members and settings: everybody in it sees them, administrators of the organization change them."""
    bob, mallory = cast.acme.bob.user.public_id, cast.globex.mallory.user.public_id
    acme, globex = "/o/acme/w/production", "/o/globex/w/default"
    managed = (200, 403, 404, 404, LOGIN)
    yield Row("/o/acme/w/default/members", EVERYBODY_OF_ACME)
    yield Row("/o/acme/w/default/settings", EVERYBODY_OF_ACME)
    for page in ("members", "settings"):
        yield Row(f"{acme}/{page}", PRODUCTION)
        yield Row(f"{globex}/{page}", GLOBEX)
    yield Row(f"{acme}/members/add", managed)
    yield Row(f"{acme}/members/add", changing(managed, INVALID), "post", {"members": mallory})
    yield Row(f"{globex}/members/add", GLOBEX)
    yield Row(f"{acme}/members/{bob}/remove", managed)
    yield Row(f"{acme}/members/{bob}/remove", changing(managed, INVALID), "post", {"keys": "no such fate"})
    for nobody in (mallory, cast.acme.carol.user.public_id, "user_9999999999999999999999"):
        yield Row(f"{acme}/members/{nobody}/remove", changing(managed, 404))
    yield Row(f"/o/acme/w/default/members/{bob}/remove", (404, 403, 403, 404, LOGIN))
    yield Row(f"/o/globex/w/production/members/{bob}/remove", NOBODY)
    yield Row(f"{acme}/settings", changing(managed, INVALID), "post", {"name": ""})
    yield Row(f"{acme}/settings/budgets", changing(managed, INVALID), "post", {"d": "0"})
    yield Row(f"{acme}/settings/enforcement", changing(managed, INVALID), "post", {"tokens_per_minute": "-1"})
    yield Row(f"{acme}/settings/delete", managed)
    yield Row(f"{acme}/settings/delete", changing(managed, INVALID), "post", {"name": "not its name"})
    yield Row(f"{globex}/settings/delete", GLOBEX)
    yield Row("/o/globex/w/production/settings/delete", NOBODY)
    yield Row(f"{acme}/set-up/hide", changing(PRODUCTION, ELSEWHERE), "post")
    yield Row("/o/globex/w/production/set-up/hide", NOBODY, "post")


def pages_of_revisions(cast: Cast) -> Iterator[Row]:
    """Pages about one line of the audit log, which is acme's."""
    with tenant(cast.acme.organization.pk):
        workspaces.change(workspace=cast.acme.production, by=STAGE, name="Live")
        number = Revision.objects.latest("pk").pk
    acme, globex = f"/o/acme/audit-log/{number}", f"/o/globex/audit-log/{number}"
    yield Row(acme, ADMINISTRATOR)
    yield Row(globex, NOBODY)
    yield Row("/o/acme/audit-log/999999999999", changing(ADMINISTRATOR, 404))
    yield Row(f"{acme}/restore", ADMINISTRATOR, data={"to": "before"})
    yield Row(f"{acme}/restore", changing(ADMINISTRATOR, INVALID), "post", {"to": "after"})
    yield Row(f"{globex}/restore", NOBODY, "post", {"to": "before"})


def pages_of_destinations(cast: Cast) -> Iterator[Row]:
    """A destination of production's: through its own workspace alone. What changes it comes last, but is refused."""
    with tenant(cast.acme.organization.pk):
        known = Destination.objects.for_workspace(cast.acme.production)
        destination = known.first() or a_destination(cast.acme.production)
    here, one = "/o/acme/w/production/destinations", f"destinations/{destination.public_id}"
    for page in ("destinations", "destinations/new", "destinations/new/langfuse", "io-logging"):
        yield Row(f"/o/acme/w/production/{page}", CONFIGURED)
        yield Row(f"/o/globex/w/default/{page}", GLOBEX)
    yield Row(f"{here}/new/pigeon", changing(CONFIGURED, 404))
    yield Row(f"{here}/new/langfuse", changing(CONFIGURED, INVALID), "post", {"name": ""})
    yield Row("/o/acme/w/production/io-logging", changing(CONFIGURED, INVALID), "post", {"whose": "x"})
    yield Row(f"{here}/broadcast", changing(CONFIGURED, ELSEWHERE), "post")
    for page in ("", "/settings", "/deliveries", "/deliveries/discard", "/batches", "/backfill", "/delete"):
        yield Row(f"/o/acme/w/production/{one}{page}", CONFIGURED)
        yield Row(f"/o/acme/w/default/{one}{page}", changing(DEFAULT_CONFIGURED, 404))
        yield Row(f"/o/globex/w/default/{one}{page}", NOBODY)
    for page, success in {
        "/settings": INVALID,
        "/delete": INVALID,
        "/backfill": INVALID,
        "/deliveries/replay": ELSEWHERE,
        "/detach": ELSEWHERE,
        "/disable": ELSEWHERE,
        "/enable": ELSEWHERE,
        "/test": 200,
    }.items():
        yield Row(f"/o/acme/w/production/{one}{page}", changing(CONFIGURED, success), "post")
        yield Row(f"/o/globex/w/default/{one}{page}", NOBODY, "post")


def pages_of_classifiers(cast: Cast) -> Iterator[Row]:
    """A classifier of production's: through its own workspace alone."""
    with tenant(cast.acme.organization.pk):
        known = Classifier.objects.for_workspace(cast.acme.production)
        classifier = known.first() or a_classifier(cast.acme.production)
    one = f"classifiers/{classifier.public_id}"
    for page in ("classifiers", "classifiers/new"):
        yield Row(f"/o/acme/w/production/{page}", CONFIGURED)
        yield Row(f"/o/globex/w/default/{page}", GLOBEX)
    yield Row("/o/acme/w/production/classifiers/new", changing(CONFIGURED, INVALID), "post", {"name": ""})
    for page in ("", "/settings", "/delete"):
        yield Row(f"/o/acme/w/production/{one}{page}", CONFIGURED)
        yield Row(f"/o/acme/w/default/{one}{page}", changing(DEFAULT_CONFIGURED, 404))
        yield Row(f"/o/globex/w/default/{one}{page}", NOBODY)
    for page in ("/settings", "/delete"):
        yield Row(f"/o/acme/w/production/{one}{page}", changing(CONFIGURED, INVALID), "post", {"name": ""})
        yield Row(f"/o/globex/w/default/{one}{page}", NOBODY, "post")


def pages_of_presets(cast: Cast) -> Iterator[Row]:
    """A preset of production's, which everybody in it may see and change, through its own workspace alone."""
    with tenant(cast.acme.organization.pk):
        known = presets.presets_of(cast.acme.production).filter(slug="support").first()
        preset = known or presets.save_version(
            workspace=cast.acme.production, slug="support", content=Content({"model": "a/b"}), by=STAGE
        )
    for place, expected in {
        "/o/acme/w/production": PRODUCTION,
        "/o/acme/w/default": NOBODY,
        "/o/globex/w/default": NOBODY,
    }.items():
        page = f"{place}/presets/{preset.public_id}"
        for name in ("", "/details", "/try", "/delete", "/versions", "/versions/compare"):
            yield Row(f"{page}{name}", expected)
        yield Row(page, changing(expected, INVALID), "post", {"look": "json", "parameters": "["})
        yield Row(f"{page}/details", changing(expected, INVALID), "post", {"name": ""})
        yield Row(f"{page}/delete", changing(expected, INVALID), "post", {"name": "not its name"})
        for name in ("/disable", "/enable", "/versions/1/use"):
            yield Row(f"{page}{name}", changing(expected, ELSEWHERE), "post")
        yield Row(f"{page}/versions/2/use", changing(expected, 404), "post")
    for place, expected in {
        "/o/acme/w/production": PRODUCTION,
        "/o/acme/w/research": RESEARCH,
        "/o/globex/w/default": GLOBEX,
    }.items():
        yield Row(f"{place}/presets", expected)
        yield Row(f"{place}/presets/new", expected)
        yield Row(f"{place}/presets/new", changing(expected, INVALID), "post", {"slug": ""})


def pages_of_plugins() -> Iterator[Row]:
    """What a workspace says about plugins and server tools, and the page that explains."""
    for place, expected in {
        "/o/acme/w/production": (200, 403, 404, 404, LOGIN),
        "/o/globex/w/default": GLOBEX,
    }.items():
        yield Row(f"{place}/plugins", expected)
        for page in ("web", "server-tools"):
            yield Row(f"{place}/plugins/{page}", expected)
        yield Row(f"{place}/plugins/web", changing(expected, INVALID), "post", {"max_results": "many"})
        yield Row(f"{place}/plugins/server-tools", changing(expected, INVALID), "post", {"tools": "hammer"})
        yield Row(f"{place}/plugins/web/reset", changing(expected, ELSEWHERE), "post")
        yield Row(f"{place}/plugins/unheard-of", changing(expected, 404))


def pages_that_explain(generation: Generation) -> Iterator[Row]:
    """Whoever has keys in a workspace may ask about them."""
    for place, expected in {
        "/o/acme/w/production": PRODUCTION,
        "/o/acme/w/research": RESEARCH,
        "/o/globex/w/default": GLOBEX,
    }.items():
        yield Row(f"{place}/explain", expected)
        yield Row(f"{place}/explain", changing(expected, INVALID), "post", {"request": ""})
        about = expected if "production" in place else changing(expected, 404)
        yield Row(f"{place}/explain?generation={generation.public_id}", about)


def pages_of_guardrails(cast: Cast) -> Iterator[Row]:
    """Production's default guardrail and one more, through their own workspace alone; the account's ceiling."""
    with tenant(cast.acme.organization.pk):
        made = guardrail_settings.create(workspace=cast.acme.production, name="Strict", by=STAGE)
    base, expected = "/o/acme/w/production/guardrails", (200, 403, 404, 404, LOGIN)
    yield Row(base, expected)
    yield Row("/o/globex/w/default/guardrails", GLOBEX)
    yield Row(f"{base}/new", expected)
    yield Row(f"{base}/new", changing(expected, INVALID), "post", {"name": ""})
    for guardrail in (made.public_id, cast.acme.production.default_guardrail_id):
        own = f"{base}/{guardrail}"
        yield Row(own, expected)
        yield Row(own, changing(expected, INVALID), "post", {"limit_usd": "x"})
        yield Row(f"{own}/keys", expected)
        yield Row(f"{own}/keys", changing(expected, INVALID), "post", {"who": "f" * 64})
        yield Row(f"{own}/members", expected)
        yield Row(f"{own}/members", changing(expected, INVALID), "post", {"who": "user_1"})
        yield Row(f"{own}/delete", expected)
        yield Row(f"{own}/delete", changing(expected, INVALID), "post", {"name": "not its name"})
        for page in ("", "/keys", "/members", "/delete"):
            yield Row(f"/o/acme/w/default/guardrails/{guardrail}{page}", (404, 403, 403, 404, LOGIN))
            yield Row(f"/o/globex/w/default/guardrails/{guardrail}{page}", NOBODY)
    yield Row("/o/acme/privacy", ADMINISTRATOR)
    yield Row("/o/acme/privacy", changing(ADMINISTRATOR, INVALID), "post", {"allowed_models": "x"})
    yield Row("/o/globex/privacy", GLOBEX)


def pages_of_byok(cast: Cast) -> Iterator[Row]:
    """Provider keys: production's own, a global one of acme's, and both through other addresses; and routing."""
    with tenant(cast.acme.organization.pk):
        own, everywhere = (
            byok.create(
                organization=cast.acme.organization,
                workspace=workspace,
                provider="ai21",
                secret="sk-0123456789abcdef",
                name="ours",
                by=STAGE,
            )
            for workspace in (cast.acme.production, None)
        )
    for base, expected in (("/o/acme/w/production", CONFIGURED), ("/o/globex/w/default", GLOBEX)):
        for page in (
            "byok",
            "byok/new",
            "byok/new?provider=azure&way=deployment",
            "routing",
            "routing/preview",
        ):
            yield Row(f"{base}/{page}", expected)
        yield Row(f"{base}/byok/new?provider=unheard-of", changing(expected, 404))
        yield Row(f"{base}/byok/new?provider=ai21", changing(expected, INVALID), "post", {"api_key": ""})
        yield Row(f"{base}/routing", changing(expected, INVALID), "post", {"sort": "luck"})
    for path, expected in (
        (f"/o/acme/w/production/byok/{own.public_id}", CONFIGURED),
        (f"/o/acme/w/production/byok/{everywhere.public_id}", CONFIGURED),
        (f"/o/acme/w/default/byok/{own.public_id}", (404, 403, 403, 404, LOGIN)),
        (f"/o/globex/w/default/byok/{own.public_id}", NOBODY),
        (f"/o/globex/w/default/byok/{everywhere.public_id}", NOBODY),
    ):
        yield Row(path, expected)
        yield Row(path, changing(expected, INVALID), "post", {"name": "x" * 256})
        yield Row(f"{path}/rotate", expected)
        yield Row(f"{path}/rotate", changing(expected, INVALID), "post", {"api_key": ""})
        yield Row(f"{path}/disable", changing(expected, ELSEWHERE), "post")
        yield Row(f"{path}/enable", changing(expected, ELSEWHERE), "post")
        yield Row(f"{path}/move", changing(expected, ELSEWHERE), "post", {"to": "later"})
        yield Row(f"{path}/test", changing(expected, ELSEWHERE), "post")
        yield Row(f"{path}/delete", expected)
        yield Row(f"{path}/delete", changing(expected, INVALID), "post", {"name": "not its name"})


def pages_of_private_endpoints(cast: Cast) -> Iterator[Row]:
    """Upstreams of acme's own, which no other address leads to."""
    with tenant(cast.acme.organization.pk):
        draft = private_endpoints.create(
            organization=cast.acme.organization,
            provider="ollama",
            model="acme/llama",
            model_name="Llama",
            upstream_model="llama3",
            base_url="https://llm.acme.example/v1",
            by=STAGE,
        )
    for base, expected in (
        ("/o/acme/private-endpoints", ADMINISTRATOR),
        ("/o/globex/private-endpoints", GLOBEX),
    ):
        yield Row(base, expected)
        yield Row(f"{base}/new", expected)
        yield Row(f"{base}/new", changing(expected, INVALID), "post", {"provider": ""})
        own = ADMINISTRATOR if base.startswith("/o/acme") else NOBODY
        path = f"{base}/{draft.public_id}"
        yield Row(path, own)
        yield Row(f"{path}/edit", own)
        yield Row(f"{path}/edit", changing(own, INVALID), "post", {"upstream_model": ""})
        yield Row(f"{path}/pricing", own)
        yield Row(f"{path}/pricing", changing(own, INVALID), "post", {"prompt": "-1"})
        yield Row(f"{path}/validate", changing(own, 404), "post", {"workspace": "unheard-of"})
        for step in ("activate", "disable", "enable"):
            yield Row(f"{path}/{step}", changing(own, ELSEWHERE), "post")
        yield Row(f"{path}/delete", own)
        yield Row(f"{path}/delete", changing(own, INVALID), "post", {"name": "not its name"})


def pages_of_people(cast: Cast) -> Iterator[Row]:
    """Members, invitations, management keys and settings of acme; one's own settings."""
    acme, bob = "/o/acme", cast.acme.bob.user.public_id
    key = f"{acme}/management-keys/{cast.acme.management_key.key.hash}/revoke"
    nothing = "00000000-0000-4000-8000-000000000000"
    for page in ("members/invite", "management-keys/new", f"members/{bob}/remove"):
        yield Row(f"{acme}/{page}", ADMINISTRATOR)
        yield Row(f"{acme}/{page}", changing(ADMINISTRATOR, INVALID), "post", {"name": ""})
    yield Row(f"{acme}/members", ADMINISTRATOR)
    yield Row("/o/globex/members", GLOBEX)
    yield Row(f"/o/globex/members/{bob}/remove", NOBODY)
    yield Row(f"{acme}/members/{bob}/role", changing(ADMINISTRATOR, 404), "post", {"role": "owner"})
    for action in ("resend", "revoke"):
        yield Row(f"{acme}/invitations/{nothing}/{action}", changing(ADMINISTRATOR, 404), "post")
    yield Row(f"{acme}/management-keys", ADMINISTRATOR)
    yield Row(key, ADMINISTRATOR)
    yield Row(key, changing(ADMINISTRATOR, INVALID), "post", {"name": "not its name"})
    yield Row(key.replace("acme", "globex", 1), NOBODY)
    yield Row(f"{acme}/settings", EVERYBODY_OF_ACME)
    yield Row(f"{acme}/settings", changing(ADMINISTRATOR, INVALID), "post", {"name": ""})
    yield Row(f"{acme}/leave", EVERYBODY_OF_ACME)
    yield Row(f"{acme}/leave", changing(EVERYBODY_OF_ACME, INVALID), "post", {"name": "not its name"})
    yield Row("/settings", PERSON)
    yield Row("/settings/sessions/1/end", changing(PERSON, 404), "post")
    yield Row("/organizations/new", PERSON)
    yield Row("/organizations/new", changing(PERSON, INVALID), "post", {"name": ""})
    yield Row("/invitation", WITHOUT_A_LINK)
    yield Row("/invitations/unknown", TO_THE_PAGE)


@pytest.fixture(autouse=True)
def mailbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of destination that needs no vendor."""
    use_mailbox(monkeypatch)


def status_of(client: Client, row: Row) -> int | str:
    """What the person gets, with the way to the login page by its name."""
    response = getattr(client, row.method)(row.path, row.data)
    is_login = response.status_code == 302 and response["Location"].startswith("/accounts/login/")
    return LOGIN if is_login else int(response.status_code)


class TestTheTable:
    @pytest.mark.parametrize("who", WHO)
    def test_is_what_everybody_gets(self, who: str, cast: Cast, viewers: dict[str, Client]) -> None:
        generation = make_generation(cast.acme.production_key.key)
        with tenant(cast.acme.organization.pk):
            deposit(
                organization=cast.acme.organization, kind="purchase", amount_nano=1, description="", by=STAGE
            )
        rows = [
            *pages_to_see(cast, generation),
            *pages_of_keys(cast),
            *pages_of_workspaces(cast),
            *pages_of_destinations(cast),
            *pages_of_classifiers(cast),
            *pages_of_revisions(cast),
            *pages_of_byok(cast),
            *pages_of_private_endpoints(cast),
            *pages_of_people(cast),
            *pages_of_presets(cast),
            *pages_of_plugins(),
            *pages_that_explain(generation),
            *pages_of_guardrails(cast),
        ]

        got = {(row.method, row.path): status_of(viewers[who], row) for row in rows}

        assert got == {(row.method, row.path): row.expected[WHO.index(who)] for row in rows}

    def test_has_a_row_for_every_page(self, cast: Cast) -> None:
        generation = make_generation(cast.acme.production_key.key)

        rows = [
            *pages_to_see(cast, generation),
            *pages_of_keys(cast),
            *pages_of_workspaces(cast),
            *pages_of_destinations(cast),
            *pages_of_classifiers(cast),
            *pages_of_revisions(cast),
            *pages_of_byok(cast),
            *pages_of_private_endpoints(cast),
            *pages_of_people(cast),
            *pages_of_presets(cast),
            *pages_of_plugins(),
            *pages_that_explain(generation),
            *pages_of_guardrails(cast),
        ]

        asked = {resolve(row.path.partition("?")[0]).url_name for row in rows}
        assert asked == set(names_of_pages(get_resolver()))


class TestTheSession:
    def test_never_decides_whose_pages_are_shown(self, cast: Cast, viewers: dict[str, Client]) -> None:
        session = viewers["mallory"].session
        session["place"] = [cast.acme.organization.pk, "production"]
        session.save()

        answer = viewers["mallory"].get("/", follow=True)

        assert answer.redirect_chain[-1][0] == "/o/globex/w/default/"


def names_of_pages(resolver: URLResolver, is_inside: bool = False) -> Iterator[str]:
    """The names of the dashboard's addresses."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from names_of_pages(entry, is_inside or entry.app_name == "dashboard")
        elif isinstance(entry, URLPattern) and is_inside:
            yield str(entry.name)
