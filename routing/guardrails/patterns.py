"""Custom patterns: written as for JavaScript or RE2, matched by RE2, in time linear in the text.

The settings are checked with the same function that the gateway compiles with. What the contract forbids is refused
here even where RE2 would take it (spec: SPEC §3; OpenRouter's guide to guardrails, "Unsupported regex features").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import re2

LONGEST_PATTERN = 100_000
DEEPEST_NESTING = 100

# JavaScript's \s knows more spaces than RE2's. RE2's own class comes last, so that `[\s-.]` stays no range.
SPACES = r"\v\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}\s"
OTHERS = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)
ESCAPE = r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|c[A-Za-z]|.)"
TOKEN = re.compile(
    rf"""(?P<escape>{ESCAPE})
    |(?P<set>\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])
    |(?P<look>\(\?<?[=!])
    |(?P<open>\((?:\?(?:P?<[^>()]*>|[A-Za-z-]*:|(?P<flags>[A-Za-z-]+\))))?)
    |(?P<close>\))
    |(?P<or>\|)
    |(?P<repeat>(?:(?P<endless>[*+]|\{{\d+,\}})|\?|\{{\d+(?:,\d+)?\}})\??)
    |.""",
    re.DOTALL | re.VERBOSE | re.ASCII,
)
ESCAPED = re.compile(ESCAPE, re.DOTALL)


class InvalidPattern(ValueError):
    """The contract's `invalid_regex_pattern`; the message says what cannot be."""


@dataclass
class _Group:
    """A group that is being read: where its present alternative began, and what was found in it."""

    begins_at: int
    alternatives: list[str] = field(default_factory=list)
    is_repetitive: bool = False


def compile_pattern(pattern: str) -> Any:  # re2 has no types
    """The pattern, ready to search texts. Raises InvalidPattern."""
    if not 1 <= len(pattern) <= LONGEST_PATTERN:
        raise InvalidPattern(f"must have 1 to {LONGEST_PATTERN} characters")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(_translated(pattern), options)
    except re2.error as error:
        raise InvalidPattern(_reason(error)) from error


def _reason(error: Exception) -> str:
    detail = error.args[0] if error.args else "cannot be compiled"
    return detail.decode("utf-8", "replace")[:200] if isinstance(detail, bytes) else str(detail)[:200]


def _translated(pattern: str) -> str:
    """The pattern in RE2's syntax. Raises InvalidPattern for what the contract forbids."""
    groups = [_Group(begins_at=0)]
    closed: _Group | None = None
    translated = []
    for token in TOKEN.finditer(pattern):
        text, just_closed, closed = token.group(), closed, None
        if token["look"]:
            raise InvalidPattern("look-ahead and look-behind are not supported")
        if text == "[":  # Said here, so that no pattern is searched for its end again and again.
            raise InvalidPattern("missing ]")
        if token["escape"]:
            text = _escape(text, in_set=False)
        elif token["set"]:
            text = ESCAPED.sub(lambda found: _escape(found.group(), in_set=True), text)
        elif token["open"] and not token["flags"]:
            _open(groups, token.end())
        elif token["close"] and len(groups) > 1:
            closed = _close(groups, pattern[groups[-1].begins_at : token.start()])
        elif token["or"]:
            groups[-1].alternatives.append(pattern[groups[-1].begins_at : token.start()])
            groups[-1].begins_at = token.end()
        elif token["endless"]:
            _refuse_nesting(just_closed)
            groups[-1].is_repetitive = True
        translated.append(text)
    return "".join(translated)


def _open(groups: list[_Group], begins_at: int) -> None:
    if len(groups) > DEEPEST_NESTING:
        raise InvalidPattern(f"groups may be nested {DEEPEST_NESTING} deep")
    groups.append(_Group(begins_at))


def _close(groups: list[_Group], last_alternative: str) -> _Group:
    closed = groups.pop()
    closed.alternatives.append(last_alternative)
    groups[-1].is_repetitive |= closed.is_repetitive
    return closed


def _refuse_nesting(repeated: _Group | None) -> None:
    """Raise where what is repeated without end repeats without end itself, or may match in two ways."""
    if repeated is None:
        return
    if repeated.is_repetitive or len(set(repeated.alternatives)) < len(repeated.alternatives):
        raise InvalidPattern("nested quantifiers, such as (a+)+ or (a|a)*, are not supported")


def _escape(text: str, *, in_set: bool) -> str:
    """An escape sequence in RE2's syntax."""
    letter = text[1]
    if letter in "123456789" or letter == "k":
        raise InvalidPattern("back-references are not supported")
    if letter == "u" and len(text) > 2:
        return f"\\x{{{_code_point(text):x}}}"
    if letter == "c" and len(text) > 2:
        return f"\\x{{{ord(text[2]) % 32:x}}}"
    if letter in "sS":
        ranges = SPACES if letter == "s" else OTHERS
        return ranges if in_set else f"[{ranges}]"
    if letter == "b" and in_set:
        return r"\x08"
    if letter in "CQE":
        raise InvalidPattern(f"invalid escape sequence: \\{letter}")
    return text if letter.isascii() else letter


def _code_point(text: str) -> int:
    digits = re.findall(r"[0-9a-fA-F]{3,}|(?<=\{)[0-9a-fA-F]+", text)
    point = int(digits[0], 16)
    if len(digits) == 2:
        return 0x10000 + ((point - 0xD800) << 10) + (int(digits[1], 16) - 0xDC00)
    if 0xD800 <= point < 0xE000:
        raise InvalidPattern("half a surrogate pair matches nothing")
    return point
