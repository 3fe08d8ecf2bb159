"""How dear a pattern is: RE2 takes a few nanoseconds a byte, but for those whose automaton does not fit its memory.

Those cannot be told by their size: `a[ab]{40}c` is as short as any, and a hundred times as dear. What looks as if it
might be one is tried on text that nearly matches it, and that is random where the pattern leaves a choice.
"""

from __future__ import annotations

import random
import re
import time
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

EVERYDAY_SIZE = 300
"""Instructions of RE2; larger patterns may take as much time for each byte as they have instructions."""
LEAST_SIZE = 24
"""Smaller ones have too few states to be dear."""
SAMPLE_BYTES = 8 * 1024
PIECE_BYTES = 50
DEAR_NANOSECONDS = 200
"""For each byte; harmless patterns take a few, and some more until their automaton is built."""
MOST_SECONDS = 0.5
"""For all patterns of a scanner together; what is not tried by then is taken to be dear."""
TIMES_DEARER = 10
"""What was found to be dear leaves the event loop with texts of so much less; most large patterns are harmless."""
MOST_REPEATED = 300
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
CATEGORIES = {"CATEGORY_DIGIT": "0123456789", "CATEGORY_SPACE": " ", "CATEGORY_WORD": LETTERS}


class Weight(NamedTuple):
    """Instructions of RE2: multiplied by a text's bytes, a measure of time.

    `possible` is that of patterns that are large or dear, where those that are count many times; `dear` is that of the
    dear ones alone, and of those that were not tried.
    """

    possible: int
    dear: int


def weight_of(patterns: Sequence[Any]) -> Weight:
    """How dear these patterns are to search for."""
    until = time.thread_time() + MOST_SECONDS
    suspects = [pattern for pattern in patterns if _may_be_dear(pattern)]
    dear = {id(pattern) for pattern in suspects if time.thread_time() > until or is_dear(pattern)}
    sizes = [(pattern.programsize, id(pattern) in dear) for pattern in suspects]
    return Weight(
        sum(
            [size * (TIMES_DEARER if is_so else 1) for size, is_so in sizes if is_so or size > EVERYDAY_SIZE]
        ),
        sum([size for size, is_so in sizes if is_so]),
    )


def is_dear(pattern: Any) -> bool:
    """Whether text that nearly matches takes long to be searched."""
    return is_dear_on(pattern, _nearly(_source(pattern)))


def are_dear_together(joined: Any, patterns: Sequence[Any]) -> bool:
    """Whether these patterns, joined to one, are dear on text of pieces that nearly match one after the other."""
    share = SAMPLE_BYTES // len(patterns)
    samples = [_nearly(_source(pattern), share) for pattern in patterns]
    pieces = [sample[at : at + PIECE_BYTES] for at in range(0, share, PIECE_BYTES) for sample in samples]
    return is_dear_on(joined, "".join(pieces))


def is_dear_on(pattern: Any, said: str) -> bool:
    """Whether this text takes long to be searched."""
    text = said.encode("utf-8", "replace")
    began = time.thread_time()
    pattern.search(text)
    return (time.thread_time() - began) * 1e9 > DEAR_NANOSECONDS * len(text)


def _may_be_dear(pattern: Any) -> bool:
    """Whether it is large, or has a choice that is made many times: only then can there be many states."""
    if pattern.programsize > EVERYDAY_SIZE:
        return True
    text = _source(pattern)
    counts = [int(number) for number in re.findall(r"\{(\d{1,4})", text)]
    is_repetitive = max(counts, default=0) > 7 or text.count("[") + text.count(".") + text.count("\\") > 7
    return is_repetitive and pattern.programsize >= LEAST_SIZE


def _source(pattern: Any) -> str:
    source = pattern.pattern
    return source.decode("utf-8", "replace") if isinstance(source, bytes) else str(source)


def _nearly(source: str, most: int = SAMPLE_BYTES) -> str:
    """So much text of what the pattern matches, each time without its end."""
    choose = random.Random(source)  # noqa: S311  # the same text for the same pattern
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = re._parser.parse(source)  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError, ValueError):
        return "".join(choose.choices(LETTERS, k=most))
    pieces, size = [], 0
    while size < most:
        piece = "".join(_written(tree, choose))[:-1] or choose.choice(LETTERS)
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces)[:most]


def _written(tree: Iterable[Any], choose: random.Random) -> Iterable[str]:
    for kind, about in tree:
        name = str(kind)
        if name == "LITERAL":
            yield chr(about)
        elif name in ("ANY", "NOT_LITERAL"):
            yield choose.choice(LETTERS)
        elif name == "IN":
            yield choose.choice(_alphabet(about))
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = about
            count = min(choose.randint(least, min(most, least + 3)), MOST_REPEATED)
            if len(inner) == 1 and str(inner[0][0]) == "IN":
                yield "".join(choose.choices(_alphabet(inner[0][1]), k=count))
                continue
            for _ in range(count):
                yield from _written(inner, choose)
        elif name == "SUBPATTERN":
            yield from _written(about[-1], choose)
        elif name == "BRANCH":
            yield from _written(choose.choice(about[1]), choose)


def _alphabet(members: Iterable[Any]) -> str:
    """Characters of a class; of one that says what is not in it, letters."""
    found = ""
    for kind, about in members:
        name = str(kind)
        if name == "LITERAL":
            found += chr(about)
        elif name == "RANGE":
            found += "".join(map(chr, range(about[0], min(about[1], about[0] + MOST_REPEATED) + 1)))
        else:
            found += CATEGORIES.get(str(about), LETTERS)
    return found or LETTERS
