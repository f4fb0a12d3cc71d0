"""Finds a secret that was written in an encoded form: base64, numbers, escapes, or URL encoding.

Anybody can decode these: a ``Basic`` header, for example, contains its key as base64. Any character
may be escaped, since each logger and serializer escapes other characters.
"""

from __future__ import annotations

import base64
import re
import string
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final
from urllib.parse import unquote

# A shorter text may occur in the base64 of other data by chance.
_MIN_SECRET_CHARS: Final = 12
_BASE64: Final = frozenset(string.ascii_letters + string.digits + "+/-_")
# How many of the first characters also depend on the data before the secret.
_SHARED: Final = (0, 2, 3)
# How each byte is written as a number, and the separator of two numbers.
_NUMBERS: Final = (
    ("hex", "02x", r"[\s:,-]*(?:0x)?"),
    ("byte numbers", "d", r"[\s,]+"),
    ("octal", "o", r"[\s,]+(?:0o|0)?"),
)
_HEX_LETTER: Final = re.compile("[a-f]")
_BACKSLASH: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-3][0-7]{2})|(.))")
# A text within a text within a text: JSON in JSON, a URL in a URL.
_MOST_LAYERS: Final = 3


@dataclass(frozen=True, slots=True)
class EncodedSecret:
    """A secret, and the encoded forms in which a text may contain it.

    Args:
        secret: the credential; an empty text if it is too short to search for.
        forms: its encoded forms.
        numbers: patterns that find its bytes as numbers, with the name of each encoding.
        others: the other credentials; one may itself be an encoding of the secret.
    """

    secret: str
    forms: tuple[str, ...]
    numbers: tuple[tuple[re.Pattern[str], str], ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, secret: str, credentials: Iterable[str]) -> EncodedSecret:
        """Make all encoded forms of a secret, except those that another credential contains.

        Args:
            secret: a credential.
            credentials: all of them; one that is itself an encoding of the secret is not reported
                twice.
        """
        if len(secret) < _MIN_SECRET_CHARS:
            return cls("", (), (), ())
        data = secret.encode(errors="surrogateescape")
        known = tuple(other for other in credentials if other != secret)
        forms = tuple(form for form in _in_base64(data) if not any(form in item for item in known))
        numbers = tuple(
            (pattern, name)
            for pattern, name in _in_numbers(data)
            if not any(map(pattern.search, known))
        )
        return cls(secret, forms, numbers, known)

    def find(self, text: str) -> tuple[str, str]:
        """Find the secret in a text: that part of the text, and its encoding; both empty if none.

        Args:
            text: what was logged or printed.
        """
        if not self.secret:
            return "", ""
        for form in self.forms:
            if form in text:
                return _base64_around(text, form), "base64"
        for pattern, name in self.numbers:
            found = pattern.search(text)
            if found is not None:
                return found[0], name
        if _is_escaped_in(self.secret, text):
            shown = _escaped_part(self.secret, text)
            if not any(shown in other for other in self.others):
                return shown, "percent-encoded" if "%" in shown else "escaped"
        return "", ""


def _in_base64(data: bytes) -> Iterator[str]:
    for before, shared in enumerate(_SHARED):
        whole = (before + len(data)) * 8 // 6
        form = base64.b64encode(b"\0" * before + data).decode()[shared:whole]
        yield form
        # The alphabet for URLs and file names.
        yield form.replace("+", "-").replace("/", "_")


def _in_numbers(data: bytes) -> Iterator[tuple[re.Pattern[str], str]]:
    for name, written, between in _NUMBERS:
        # Both cases by hand: a case-insensitive pattern is slow to search.
        numbers = [
            _HEX_LETTER.sub(lambda found: f"[{found[0]}{found[0].upper()}]", format(byte, written))
            for byte in data
        ]
        yield re.compile(between.join(numbers)), name


def _base64_around(text: str, form: str) -> str:
    """The whole base64 text around a part of it, since the rest may be secret, too."""
    start = text.index(form)
    end = start + len(form)
    while start and text[start - 1] in _BASE64:
        start -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    while text[end : end + 1] == "=":
        end += 1
    return text[start:end]


def _is_escaped_in(secret: str, text: str) -> bool:
    return any(secret in layer for layer in _unescaped(text))


def _unescaped(text: str) -> Iterator[str]:
    """Unescape a text (URL, HTML, JSON, Python), layer by layer."""
    for _ in range(_MOST_LAYERS):
        for undo in (unquote, unescape, _without_backslashes):
            yield (text := undo(text))


def _without_backslashes(text: str) -> str:
    return _BACKSLASH.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        return chr(int(code, 16))
    return chr(int(found[3], 8)) if found[3] else found[4]


def _escaped_part(secret: str, text: str) -> str:
    """The shortest part of a text that holds a secret once it is unescaped."""

    def ends_by(end: int) -> bool:
        return _is_escaped_in(secret, text[:end])

    def starts_after(start: int) -> bool:
        return not _is_escaped_in(secret, text[start:end])

    end = bisect_left(range(len(text)), 1, key=ends_by)
    return text[bisect_left(range(end), 1, key=starts_after) - 1 : end]
