"""Every page of the dashboard that stands for a kind of page, as paths of acme: one line when there is a new one."""

from __future__ import annotations

WORKSPACE_PAGES = [
    "/o/acme/w/default/",
    "/o/acme/w/default/keys",
    "/o/acme/w/default/keys/new",
    "/o/acme/w/default/destinations",
    "/o/acme/w/default/explain",
    "/o/acme/w/default/plugins",
    "/o/acme/w/default/plugins/web",
    "/o/acme/w/default/plugins/server-tools",
    "/o/acme/w/default/presets",
    "/o/acme/w/default/presets/new",
    "/o/acme/w/default/presets/new?as=json",
    "/o/acme/w/default/byok",
    "/o/acme/w/default/byok/new",
    "/o/acme/w/default/byok/new?provider=azure",
    "/o/acme/w/default/routing",
]
ORGANIZATION_PAGES = [
    "/o/acme/chat",
    "/o/acme/activity",
    "/o/acme/logs",
    "/o/acme/credits",
    "/o/acme/credits/billing",
    "/o/acme/credits/invoices",
    "/o/acme/workspaces",
    "/o/acme/workspaces/new",
    "/o/acme/members",
    "/o/acme/members/invite",
    "/o/acme/management-keys",
    "/o/acme/management-keys/new",
    "/o/acme/notifications",
    "/o/acme/notifications/rules/workspace_budget",
    "/o/acme/notifications/channels/new/webhook",
    "/o/acme/private-endpoints",
    "/o/acme/private-endpoints/new",
    "/o/acme/audit-log",
    "/o/acme/settings",
    "/o/acme/leave",
    "/o/acme/preferences",
    "/o/acme/find",
]
PERSONAL_PAGES = [
    "/organizations/new",
    "/settings",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/sessions/",
]
PAGES = [*WORKSPACE_PAGES, *ORGANIZATION_PAGES, *PERSONAL_PAGES]
