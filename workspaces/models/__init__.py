"""Who works together, with which keys and for how much."""

from workspaces.models.api_key import ApiKey, ApiKeyUse
from workspaces.models.budget import GatewayProcess, Lease, Purse
from workspaces.models.member import WorkspaceMember
from workspaces.models.workspace import Workspace
from workspaces.models.workspace_budget import WorkspaceBudget

__all__ = [
    "ApiKey",
    "ApiKeyUse",
    "GatewayProcess",
    "Lease",
    "Purse",
    "Workspace",
    "WorkspaceBudget",
    "WorkspaceMember",
]
