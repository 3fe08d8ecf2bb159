"""What attempts at a prompt injection hide behind: look-alikes, scrambled letters, letters apart, Base64, hexadecimal.

Each finds what may be a disguise, undoes it, and asks whether what comes out says something.
"""

from __future__ import annotations

import base64
import re
import string
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator

import re2

from routing.guardrails.injection_patterns import NOUNS, PATTERNS, VERBS, WORDS

Hit = tuple[int, int, str]
Spoken = Callable[[bytes], Iterable[Hit]]

NEARBY = 120
"""Bytes before and behind a disguise that belong to what is said."""
CLOSE = 80
MOST_REMEMBERED = 50_000
FEWEST_APART = 6
MOST_UNREADABLE = 0.25

SCRAMBLED, APART = "scrambled letters", "letters apart"
BASE64, HEX = "base64 encoded injection", "hex encoded injection"

INVISIBLE = (
    r"\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{180b}-\x{180e}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}"
    r"\x{fe00}-\x{fe0f}\x{feff}\x{e0000}-\x{e01ef}"
)
LOOKALIKES = {
    letter: latin
    for latin, letters in {
        "a": "аɑα", "c": "сϲ", "d": "ԁ", "e": "еε", "g": "ɡ", "h": "һ", "i": "іıι", "j": "ј", "k": "κк", "l": "ӏ",
        "n": "ո", "o": "оοօ", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ", "t": "тτ", "u": "υս", "v": "ѵν", "w": "ԝ",
        "x": "хχ", "y": "уγ", "A": "АΑ", "B": "ВΒ", "C": "С", "E": "ЕΕ", "H": "НΗ", "I": "ІΙӀ", "J": "Ј", "K": "КΚ",
        "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ", "X": "ХΧ", "Y": "УΥ", "Z": "Ζ",
    }.items()
    for letter in letters
}  # fmt: skip
"""Letters of other scripts that look Latin (Unicode TR 39, confusables)."""
_LETTERS = "".join(LOOKALIKES)
ODD = re2.compile(
    rf"[{INVISIBLE}\x{{300}}-\x{{36f}}\x{{2460}}-\x{{24ff}}\x{{ff01}}-\x{{ff5e}}\x{{1d400}}-\x{{1d7ff}}"
    rf"\x{{1f130}}-\x{{1f189}}]|[A-Za-z][{_LETTERS}]|[{_LETTERS}][A-Za-z]"
)
_INVISIBLE = re.compile(
    f"[{re.sub(r'x{([0-9a-f]+)}', lambda found: f'U{int(found[1], 16):08x}', INVISIBLE)}]"
)

_BY_ENDS = {(word[0], word[-1], len(word)): word for word in WORDS}


def _other_orders(word: str) -> str:
    """A pattern for the word's ends around its inner letters (some perhaps twice), but not for the word itself."""
    inner = word[1:-1]
    letters = "".join(sorted(set(inner)))
    wrong_at = [
        f"{inner[:at]}[{letters.replace(right, '')}][{letters}]{{{len(inner) - at - 1}}}"
        for at, right in enumerate(inner[:-1])
    ]
    return f"{word[0]}(?:{'|'.join(wrong_at)}){word[-1]}"


_SCRAMBLED = re2.compile(rf"(?i)\b(?:{'|'.join(map(_other_orders, WORDS))})\b")
_RUN = re2.compile(rf"[A-Za-z](?:[ \t.,_*|/~+-]{{1,3}}[A-Za-z]){{{FEWEST_APART - 1},}}")
_CLOSED_UP = [
    (re2.compile(one.pattern.replace(r"\s+", r"\s*").replace(r"\b", "")), one.name)
    for one in PATTERNS
    if one.is_spoken
]
_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{14,}={0,2}")
_HEX = re2.compile(r"(?:\b(?:0x)?|\\x|%)[0-9A-Fa-f]{2}(?:[ ,:;\n-]{0,2}(?:0x|\\x|%)?[0-9A-Fa-f]{2}){5,}")
_STANDARD = bytes.maketrans(b"-_", b"+/")
_NO_HEX = re.compile(rb"0x|[^0-9A-Fa-f]")
_PRINTABLE = string.printable.encode()
_WORD = re.compile(rb"[a-z]{4,}")


class Plain:
    """A text without what cannot be seen and with Latin letters for their look-alikes; knows where each came from."""

    def __init__(self, original: bytes) -> None:
        self._original = original.decode()
        self.text = self._original.translate(_plain_letters).encode()
        self._offsets: tuple[list[int], list[int]] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The same stretch in the original's bytes."""
        here, there = self._offsets = self._offsets or self._measured()
        return there[bisect_right(here, start) - 1], there[bisect_right(here, end - 1)]

    def _measured(self) -> tuple[list[int], list[int]]:
        """Where each letter that does not vanish begins, here and in the original, and the ends of both."""
        here, there, at, was = [], [], 0, 0
        for letter in self._original:
            size = len(_plain_letters[ord(letter)].encode())
            if size:
                here.append(at)
                there.append(was)
            at, was = at + size, was + len(letter.encode())
        return [*here, at], [*there, was]


class _PlainLetters(dict[int, str]):
    """What a letter becomes, by its number; worked out when first seen."""

    def __missing__(self, number: int) -> str:
        letter = chr(number)
        if _INVISIBLE.match(letter) or unicodedata.combining(letter):
            plain = ""
        else:
            folded = unicodedata.normalize("NFKD", LOOKALIKES.get(letter, letter))
            plain = "".join([part for part in folded if not unicodedata.combining(part)])
        if len(self) < MOST_REMEMBERED:  # Or strange texts could fill the memory.
            self[number] = plain
        return plain


_plain_letters = _PlainLetters()


def plain(text: bytes) -> Plain | None:
    """The text in plain letters; None where nothing in it is odd."""
    return None if text.isascii() or ODD.search(text) is None else Plain(text)


def scrambled(text: bytes, spoken: Spoken) -> Iterator[Hit]:
    """Words whose inner letters changed places: those that then say something, or two different ones together."""
    words = [
        (*found.span(), word) for found in _SCRAMBLED.finditer(text) if (word := _unscrambled(found.group()))
    ]
    if not words:
        return
    sorted_out = bytearray(text)
    for start, end, word in words:
        sorted_out[start:end] = word
    for (start, end, word), (_, last, other) in zip(words, [*words[1:], words[-1]], strict=True):
        begin = max(start - NEARBY, 0)
        for first, past, _ in spoken(bytes(sorted_out[begin : end + NEARBY])):
            if begin + first < end and begin + past > start:
                yield begin + first, begin + past, SCRAMBLED
        if other != word and last - end < CLOSE:
            yield start, last, SCRAMBLED


def apart(text: bytes, _: Spoken) -> Iterator[Hit]:
    """Letters with something between each two, which say something when put together."""
    for run in _RUN.finditer(text):
        start, end = run.span()
        begin = max(start - NEARBY, 0)
        together = re.sub(rb"[^A-Za-z]", b"", run.group())
        window = text[begin:start] + together + text[end : end + NEARBY]
        first_letter, behind = start - begin, start - begin + len(together)
        for pattern, _name in _CLOSED_UP:
            for found in pattern.finditer(window):
                first, past = found.span()
                if min(past, behind) - max(first, first_letter) >= FEWEST_APART:
                    yield min(begin + first, start), max(end, end + past - behind), APART


def encoded(text: bytes, spoken: Spoken) -> Iterator[Hit]:
    """Base64 and hexadecimal that say something when decoded."""
    for pattern, decodings, name in ((_BASE64, _from_base64, BASE64), (_HEX, _from_hex, HEX)):
        for found in pattern.finditer(text):
            if any(_says_something(decoded, spoken) for decoded in decodings(found.group())):
                yield (*found.span(), name)


def _unscrambled(found: bytes) -> bytes | None:
    """The word that these letters are, where they are in another order."""
    letters = found.decode().lower()
    word = _BY_ENDS.get((letters[0], letters[-1], len(letters)))
    if word is None or letters == word or sorted(letters) != sorted(word):
        return None
    return word.encode()


def _from_base64(found: bytes) -> Iterator[bytes]:
    """What it may be: where it really begins is unknown, because what stands before may look the same.

    Words in one case, such as the long names in programs, are none: what letters become has both.
    """
    if found.islower() or found.isupper():
        return
    digits = found.rstrip(b"=").translate(_STANDARD)
    for begin in range(4):
        rest = digits[begin:]
        yield base64.b64decode(rest[: len(rest) - (len(rest) % 4 == 1)] + b"=" * (-len(rest) % 4))


def _from_hex(found: bytes) -> Iterator[bytes]:
    yield bytes.fromhex(_NO_HEX.sub(b"", found).decode())


def _says_something(decoded: bytes, spoken: Spoken) -> bool:
    """Whether it is a text, and one about instructions."""
    if len(decoded.translate(None, _PRINTABLE)) > len(decoded) * MOST_UNREADABLE:
        return False
    words = {word.decode() for word in _WORD.findall(decoded.lower())}
    if words & VERBS or len(words & NOUNS) > 1:
        return True
    return next(iter(spoken(decoded)), None) is not None
