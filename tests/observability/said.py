"""What tests of contents share: sealing one, storing one, and looking what is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from config.lib.crypto import sealing_ring
from observability.content_sealing import seal_content
from observability.journal_records import Begin, Content
from observability.models import GenerationContent

SAID: dict[str, Any] = {
    "input": {"messages": [{"role": "user", "content": "Hi"}]},
    "parameters": {"model": "a/b"},
    "output": {"completion": "Hello", "reasoning": None, "tool_calls": None, "finish_reason": "stop"},
    "error": None,
    "is_truncated": False,
}


def sealed(organization_id: int, generation_id: str, **changes: Any) -> str:
    """A content as a gateway seals it."""
    data = json.dumps(SAID | changes).encode()
    return seal_content(sealing_ring(), data, organization_id=organization_id, generation_id=generation_id)


def record_of(
    begin: Begin,
    *,
    is_logged: bool = True,
    destinations: Sequence[int] = (),
    classifiers: Sequence[int] = (),
) -> Content:
    """The record of a request's content."""
    said = sealed(begin.organization_id, begin.id)
    return Content(begin.id, said, is_logged, tuple(destinations), tuple(classifiers))


def keep(generation: Any, *, is_logged: bool = True, **changes: Any) -> None:
    """Store the content of a generation (or of anything with its ids), as ingest does."""
    identifier = UUID(str(generation.id))
    GenerationContent.objects.using("owner").unscoped(reason="a test plays ingest").create(
        generation_id=identifier,
        organization_id=generation.organization_id,
        workspace_id=generation.workspace_id,
        sealed=sealed(generation.organization_id, str(identifier), **changes),
        is_logged=is_logged,
    )


def is_kept(generation_id: Any) -> bool:
    """Whether the content of a generation is stored."""
    rows = GenerationContent.objects.using("owner").unscoped(reason="a test looks at everything")
    return rows.filter(pk=UUID(str(generation_id))).exists()
