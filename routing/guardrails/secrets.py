"""API keys and secrets: by the shapes that their issuers gave them, or assigned to a telling name and random enough."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

import re2

from routing.guardrails.builtin import Span

SHAPES = (
    r"sk-(?:hg|or)-(?:mgmt-)?v1-[0-9a-f]{64}\b",
    r"sk-ant-[A-Za-z0-9_-]{20,}",
    r"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{32,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",
    r"gh[pousr]_[A-Za-z0-9]{36,}",
    r"github_pat_[A-Za-z0-9_]{50,}",
    r"gl(?:pat|dt|rt)-[A-Za-z0-9_-]{20,}",
    r"xox[abeoprs]-[A-Za-z0-9-]{20,}",
    r"[sr]k_live_[A-Za-z0-9]{20,}",
    r"whsec_[A-Za-z0-9+/=]{24,}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"ya29\.[0-9A-Za-z_-]{20,}",
    r"npm_[A-Za-z0-9]{36}\b",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"hf_[A-Za-z0-9]{30,}\b",
    r"gsk_[A-Za-z0-9]{40,}\b",
    r"xai-[A-Za-z0-9]{60,}\b",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"dop_v1_[0-9a-f]{64}\b",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
)
SHAPE = re2.compile(rf"\b(?:{'|'.join(SHAPES)})")
BLOCK = re2.compile(
    r"(?s)-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----.*?-----END (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
ASSIGNED = re2.compile(
    r"(?i)(?:api[_ -]?key|secret(?:[_ -]?(?:access[_ -]?)?key)?|access[_ -]?token|auth[_ -]?token|client[_ -]?secret"
    r"|account[_ -]?key|passw(?:or)?d|pwd)[\"']?\s{0,4}(?:[:=]|=>|:=)\s{0,4}[\"']?[A-Za-z0-9+/=_!@#%^&*~.-]{12,}"
)
IN_URL = re2.compile(r"\b[a-z][a-z0-9+]{2,20}://[^\s:/@\"'<>]{1,64}:[^\s:/@\"'<>$\{\}]{4,128}@[A-Za-z0-9.-]+")
VALUE = re.compile(rb"[A-Za-z0-9+/=_!@#%^&*~.-]{12,}$")
NO_SECRET = re.compile(
    rb"example|placeholder|changeme|your[-_]|xxxx|\*\*\*\*|process\.env|os\.environ|getenv", re.IGNORECASE
)
LEAST_BITS = 3.0
"""Of Shannon's entropy per character: words have less, random tokens more."""


def find(text: bytes) -> Iterator[Span]:
    """Where secrets are; those that overlap are one."""
    found = sorted(
        [match.span() for match in SHAPE.finditer(text) if _is_random(match.group())]
        + ([match.span() for match in BLOCK.finditer(text)] if b"PRIVATE KEY" in text else [])
        + ([match.span() for match in IN_URL.finditer(text)] if b"://" in text else [])
        + [span for match in ASSIGNED.finditer(text) for span in _assigned(match.start(), match.group())]
    )
    reached = 0
    for start, end in found:
        if end > reached:
            yield max(start, reached), end
            reached = end


def _assigned(start: int, assignment: bytes) -> Iterator[Span]:
    value = VALUE.search(assignment)
    if value is None or NO_SECRET.search(assignment) or not _is_random(value.group()):
        return
    if any(48 <= letter <= 57 for letter in value.group()):
        yield start + value.start(), start + value.end()


def _is_random(token: bytes) -> bool:
    if NO_SECRET.search(token):
        return False
    counts = Counter(token).values()
    bits = -sum(count / len(token) * math.log2(count / len(token)) for count in counts)
    return bits >= LEAST_BITS
