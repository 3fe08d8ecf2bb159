"""What a realistic policy looks for: two patterns for each of its three guardrails."""

PRESET = "bench"
PATTERNS = (
    r"\bPROJ-\d{4,6}\b",
    r"(?i)\bconfidential(?:ity)?\b.{0,40}\bdraft\b",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"(?i)\binternal[-_ ]only\b",
    r"\b(?:acme|globex)-[a-f0-9]{32}\b",
    r"\b\d{3}-\d{7}-\d{7}\b",
)
