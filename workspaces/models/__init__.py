"""Who works together, with which keys and for how much."""

from workspaces.models.api_key import ApiKey, ApiKeyUse
from workspaces.models.auth_code import AuthCode
from workspaces.models.budget import GatewayProcess, Lease, Purse
from workspaces.models.external_user import ExternalUser
from workspaces.models.key_secret import FormerSecret, SecretUse
from workspaces.models.member import WorkspaceMember
from workspaces.models.workspace import Workspace
from workspaces.models.workspace_budget import WorkspaceBudget

__all__ = [
    "ApiKey",
    "ApiKeyUse",
    "AuthCode",
    "ExternalUser",
    "FormerSecret",
    "GatewayProcess",
    "Lease",
    "Purse",
    "SecretUse",
    "Workspace",
    "WorkspaceBudget",
    "WorkspaceMember",
]
