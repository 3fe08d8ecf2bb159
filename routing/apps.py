"""The routing app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Fills the slots of the apps below: guardrails end with what they hang on, and can be brought back."""

    name = "routing"

    def ready(self) -> None:
        from accounts.organizations import member_leaving
        from accounts.restoring import restorers
        from routing import guardrail_restoring
        from routing.guardrail_assignments import release_deleted_key, release_leaving_member
        from routing.guardrail_settings import delete_with_workspace
        from workspaces.api_keys import key_deleting
        from workspaces.workspaces import workspace_deleting

        workspace_deleting.fill(delete_with_workspace)
        key_deleting.fill(release_deleted_key)
        member_leaving.fill(release_leaving_member)
        restorers.fill("guardrail", guardrail_restoring.restore_guardrail)
        restorers.fill("keyassignment", guardrail_restoring.restore_key_assignment)
        restorers.fill("memberassignment", guardrail_restoring.restore_member_assignment)
