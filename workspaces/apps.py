"""The workspaces app."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    """Fills the slots of accounts: a new organization's Default workspace, deposits into its purse."""

    name = "workspaces"

    def ready(self) -> None:
        from accounts.credits import credits_deposited
        from accounts.organizations import organization_created
        from workspaces.spending import deposit_into_purse
        from workspaces.workspaces import create_default

        organization_created.fill(create_default)
        credits_deposited.fill(deposit_into_purse)
