"""The workspaces app."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    """Fills the slots of accounts (Default workspace, deposits, keys that call, seats, the header) and its own."""

    name = "workspaces"

    def ready(self) -> None:
        from accounts.audit_log import workspaces_of_log
        from accounts.callers import api_key_called
        from accounts.credits import credits_deposited
        from accounts.dashboard.members import keys_left_behind
        from accounts.dashboard.pages import standing_in_workspace, workspace_in_header, workspace_named
        from accounts.dashboard.palette import palette_finders
        from accounts.invitations import invitation_accepted, workspaces_on_offer
        from accounts.notifications.detection import alert_readings
        from accounts.object_permissions import grants_due
        from accounts.organizations import member_leaving, organization_created
        from workspaces import alert_readings as readings
        from workspaces import invited, members, restoring
        from workspaces.budgets import delete_with_workspace
        from workspaces.callers import find_api_key
        from workspaces.dashboard.left_behind import keys_of_member
        from workspaces.dashboard.pages import named_workspace, remembered_workspace
        from workspaces.dashboard.palette import keys_found, workspaces_found
        from workspaces.leaving import end_keys_and_seats
        from workspaces.log_places import places_of
        from workspaces.spending import deposit_into_purses
        from workspaces.workspaces import create_default, workspace_deleting

        organization_created.fill(create_default)
        credits_deposited.fill(deposit_into_purses)
        grants_due.fill(members.grants_due)
        workspace_in_header.fill(remembered_workspace)
        workspace_named.fill(named_workspace)
        standing_in_workspace.fill(members.standing_in)
        palette_finders.fill(workspaces_found)
        palette_finders.fill(keys_found)
        keys_left_behind.fill(keys_of_member)
        api_key_called.fill(find_api_key)
        workspace_deleting.fill(delete_with_workspace)
        workspaces_of_log.fill(places_of)
        restoring.fill()
        workspaces_on_offer.fill(invited.on_offer)
        invitation_accepted.fill(invited.take_seats)
        member_leaving.fill(end_keys_and_seats)
        for kind, reader in readings.READERS.items():
            alert_readings.fill(kind, reader)
