"""Which texts are about what is searched for: Okapi BM25 (Robertson and Zaragoza 2009) over a handful of pages."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

SATURATION, LENGTH_WEIGHT = 1.2, 0.75
_COMMON = frozenset(
    ("a", "an", "and", "are", "at", "be", "by", "for", "from", "how", "in", "is", "it", "of", "on")
)
_ASKING = frozenset(
    ("or", "that", "the", "there", "this", "to", "was", "what", "when", "where", "who", "why")
)


class Index:
    """An index over texts, which are known by their position."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._counts = [Counter(words_of(text)) for text in texts]
        lengths = [counts.total() for counts in self._counts]
        mean = sum(lengths) / max(len(lengths), 1)
        self._norms = [1 - LENGTH_WEIGHT + LENGTH_WEIGHT * length / mean for length in lengths]
        self._in_texts = Counter(word for counts in self._counts for word in counts)

    def find(self, query: str) -> list[tuple[int, float]]:
        """The positions of texts that have any of the words, best first, and how well each fits."""
        words = set(words_of(query))
        scores = [(at, self._score(at, words)) for at in range(len(self._counts))]
        return sorted((found for found in scores if found[1] > 0), key=lambda found: (-found[1], found[0]))

    def _score(self, at: int, words: set[str]) -> float:
        total = 0.0
        for word in words & self._counts[at].keys():
            count, having = self._counts[at][word], self._in_texts[word]
            rareness = math.log(1 + (len(self._counts) - having + 0.5) / (having + 0.5))
            total += rareness * count * (SATURATION + 1) / (count + SATURATION * self._norms[at])
        return total


def words_of(text: str) -> list[str]:
    """The words by which a text is found: without accents, in lower case, plurals like singulars."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return [_stem(word) for word in re.findall(r"[a-z0-9]+", plain) if word not in _COMMON | _ASKING]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
