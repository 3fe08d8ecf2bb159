"""What guardrails look for in the texts of a request: one file per built-in check, listed here; and own patterns."""

from routing.guardrails import credit_card, email, ip_address, phone, secrets, ssn
from routing.guardrails.builtin import ACTIONS, SCAN_SCOPES, Builtin, Needs

PRESIDIO = Needs(extra="presidio", module="presidio_analyzer")

BUILTINS: dict[str, Builtin] = {
    check.slug: check
    for check in (
        Builtin(slug="email", name="Email address", placeholder="[EMAIL]", find=email.find),
        Builtin(slug="phone", name="Phone number", placeholder="[PHONE]", find=phone.find),
        Builtin(slug="ssn", name="Social Security number", placeholder="[SSN]", find=ssn.find),
        Builtin(
            slug="credit-card", name="Credit card number", placeholder="[CREDIT_CARD]", find=credit_card.find
        ),
        Builtin(slug="ip-address", name="IP address", placeholder="[IP_ADDRESS]", find=ip_address.find),
        Builtin(slug="secrets", name="API keys and secrets", placeholder="[SECRET]", find=secrets.find),
        Builtin(slug="person-name", name="Person name", placeholder="[PERSON_NAME]", needs=PRESIDIO),
        Builtin(slug="address", name="Address", placeholder="[ADDRESS]", needs=PRESIDIO),
        Builtin(
            slug="regex-prompt-injection",
            name="Prompt injection",
            placeholder="[PROMPT_INJECTION]",
            scan_scopes=SCAN_SCOPES,
        ),
    )
}

__all__ = ["ACTIONS", "BUILTINS", "SCAN_SCOPES", "Builtin", "Needs"]
