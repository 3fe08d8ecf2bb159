"""Credentials of every format, each with a word that must never be seen again."""

from __future__ import annotations

import json

SENTINEL = "NeverToBeSeenAgain"
PLAIN = f"sk-proj-{SENTINEL}-AbCd"
AZURE = json.dumps(
    [
        {"api_key": f"azure-{SENTINEL}-key", "resource_name": "acme-ai", "resource_type": "ai_foundry"},
        {
            "model_slug": "openai/gpt-5.2",
            "endpoint_url": "https://acme.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
            "api_key": f"azure-{SENTINEL}-other",
            "model_id": "gpt",
        },
    ]
)
AWS = json.dumps(
    {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": f"{SENTINEL}/K7MDENG", "region": "eu-west-1"}
)
GOOGLE = json.dumps(
    {
        "type": "service_account",
        "project_id": "acme-1",
        "private_key_id": "0123456789abcdef0123",
        "private_key": f"-----BEGIN PRIVATE KEY-----\n{SENTINEL}\n-----END PRIVATE KEY-----\n",
        "client_email": "headgate@acme-1.iam.gserviceaccount.com",
        "client_id": "1",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "universe_domain": "googleapis.com",
        "region": "europe-west1",
    }
)
REGIONAL = json.dumps({"api_key": PLAIN, "region": "us"})
FORMATS = {
    "openai": PLAIN,
    "anthropic": PLAIN,
    "mistral": PLAIN,
    "fireworks": REGIONAL,
    "azure": AZURE,
    "amazon-bedrock": AWS,
    "google-vertex": GOOGLE,
}
