"""Where an answer of Gemini's is from, as `url_citation` annotations (ai.google.dev/gemini-api/docs/grounding)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Json = dict[str, Any]  # JSON may be anything


def citations_of(candidate: Json, text: bytes, starts: Sequence[int]) -> Iterator[Json]:
    """The annotations of a candidate, whose text so far is `text`; its parts start in it at `starts`."""
    citations = candidate.get("citationMetadata")
    recited = citations.get("citations") if isinstance(citations, dict) else None
    both = (*_grounded(candidate.get("groundingMetadata")), *((one, one) for one in _objects(recited)))
    for source, place in both:
        url = source.get("uri") if isinstance(source, dict) else None
        if isinstance(source, dict) and isinstance(url, str) and url:
            yield _annotation(url, source.get("title"), _range(place, text, starts))


def _grounded(grounding: Any) -> Iterator[tuple[Any, Any]]:
    """Each source with each place that it supports; without any places, each source alone."""
    fields = grounding if isinstance(grounding, dict) else {}
    sources = [
        chunk.get("web") or chunk.get("retrievedContext") for chunk in _objects(fields.get("groundingChunks"))
    ]
    supports = _objects(fields.get("groundingSupports"))
    for support in supports:
        numbers = support.get("groundingChunkIndices")
        for number in numbers if isinstance(numbers, list) else ():
            if isinstance(number, int) and 0 <= number < len(sources):
                yield sources[number], support.get("segment")
    if not supports:
        yield from ((source, None) for source in sources)


def _objects(found: Any) -> list[Json]:
    """The entries of a list, each an object; what is none keeps its place, as an empty one."""
    return [one if isinstance(one, dict) else {} for one in found] if isinstance(found, list) else []


def _annotation(url: str, title: Any, place: tuple[int, int]) -> Json:
    start, end = place
    citation = {
        "url": url,
        "title": title if isinstance(title, str) else "",
        "start_index": start,
        "end_index": end,
    }
    return {"type": "url_citation", "url_citation": citation}


def _range(place: Any, text: bytes, starts: Sequence[int]) -> tuple[int, int]:
    """A place in the text in characters; Google counts bytes, and within a part where it names one."""
    fields = place if isinstance(place, dict) else {}
    part = fields.get("partIndex")
    first = starts[part] if isinstance(part, int) and 0 < part < len(starts) else 0
    start, end = (_count(fields.get(name)) for name in ("startIndex", "endIndex"))
    if end == 0:
        return 0, 0
    shown = [len(text[: first + found].decode("utf-8", "ignore")) for found in (start, max(start, end))]
    return shown[0], shown[1]


def _count(found: Any) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0
