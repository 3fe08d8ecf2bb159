"""What is wrong with a credential or an upstream, for people."""

from __future__ import annotations

from typing import Final

from routing import private_validation as found
from routing.private_validation import Check

NAMES: Final = {
    found.CREDENTIAL: "Credential",
    found.BASE_URL: "Address",
    found.RESPONSE: "Answer",
    found.USAGE: "Token counts",
    found.MODEL: "Model",
    found.STREAM: "Streamed answer",
}
REASONS: Final = {
    found.NO_BYOK_KEY: "there is no key here that fits the model",
    found.KEY_DECRYPTION_FAILED: "the key cannot be opened with this installation’s sealing keys",
    found.INVALID_BASE_URL: "the address is not one that may be connected to",
    found.UPSTREAM_ERROR: "there was no answer",
    found.INVALID_RESPONSE: "the answer was not what was expected",
    found.INVALID_STREAM: "the streamed answer was not what was expected",
    found.MISSING_USAGE: "the answer does not say how many tokens it took",
    found.MODEL_MISMATCH: "another model answered",
}


def fault_text(check: Check) -> str:
    """What failed, as the end of a sentence."""
    if check.upstream_status:
        status = f"{check.upstream_status // 100}xx"
        hint = ": is the key right, and may it use the model?" if check.upstream_status == 400 else ""
        return f"the answer was an error ({status}){hint}"
    told = REASONS.get(check.reason or "", "it failed")
    return f"{told} ({check.actual_model})" if check.actual_model else told
