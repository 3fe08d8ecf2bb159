"""The layers of limits, in the order in which they are checked (contract-notes 11); no Django, for the gateway too."""

LAYERS = {
    "workspace_default_member": "workspace_default_member",
    "workspace_default_key": "workspace_default_key",
    "member": "member",
    "api_key": "api_key",
    "workspace": "workspace",
    "key": "key_limit",
}
"""With what the contract calls each: the workspace's default guardrail against the member and against the key, the
member's guardrail, the key's guardrail, the workspace's budgets, the key's own limit. Credits come after all.
"""
BREADTH = {"t": 0, "m": 1, "w": 2, "d": 3}
"""Of one layer's limits, the broadest comes first."""
