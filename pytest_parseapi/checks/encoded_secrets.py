"""Finds a secret that was written down encoded: as base64, in hex, escaped, or for a URL.

What anybody can decode hides nothing: a ``Basic`` header holds its key as base64. Any character may
be escaped, as each logger and serializer has its own set.
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

# What is shorter may stand in the base64 of anything else by chance.
_MIN_SECRET_CHARS: Final = 12
_BASE64: Final = frozenset(string.ascii_letters + string.digits + "+/-_")
# How many of the first characters belong to what was encoded before the secret, too.
_SHARED: Final = (0, 2, 3)
# What stands between two bytes in hex.
_BETWEEN: Final = ("", ":", " ", "-", ", 0x", " 0x")
_BACKSLASH: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))")
# A text within a text within a text: JSON in JSON, a URL in a URL.
_MOST_LAYERS: Final = 3


@dataclass(frozen=True, slots=True)
class EncodedSecret:
    """A secret as it may stand encoded in a text.

    Args:
        secret: the credential; an empty text where it is too short to be looked for.
        forms: what else to look for, in lower case where that is hex, and what each is called.
        others: the other credentials; one may itself be an encoding of the secret.
    """

    secret: str
    forms: tuple[tuple[str, str], ...]
    others: tuple[str, ...]

    @classmethod
    def of(cls, secret: str, others: Iterable[str]) -> EncodedSecret:
        """Each form of a secret that no other credential contains, with the encoding's name.

        Args:
            secret: a credential.
            others: all of them; one that is itself an encoding of the secret is not reported twice.
        """
        if len(secret) < _MIN_SECRET_CHARS:
            return cls("", (), ())
        known = tuple(other for other in others if other != secret)
        forms = tuple(
            (form, name) for form, name in _forms(secret) if not any(form in item for item in known)
        )
        return cls(secret, forms, known)

    def find(self, text: str) -> tuple[str, str]:
        """The part of a text that is the secret, and the encoding's name; empty texts without one.

        Args:
            text: what was logged or printed.
        """
        if not self.secret:
            return "", ""
        lower = text.lower()
        for form, name in self.forms:
            if form in (lower if name == "hex" else text):
                return (_run_around if name == "base64" else _as_written)(text, form), name
        if _is_escaped_in(self.secret, text):
            shown = _escaped_part(self.secret, text)
            if not any(shown in other for other in self.others):
                return shown, "percent-encoded" if "%" in shown else "escaped"
        return "", ""


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    data = secret.encode(errors="surrogateescape")
    for before, shared in enumerate(_SHARED):
        whole = (before + len(data)) * 8 // 6
        form = base64.b64encode(b"\0" * before + data).decode()[shared:whole]
        yield form, "base64"
        # The alphabet for URLs and file names.
        yield form.replace("+", "-").replace("/", "_"), "base64"
    pairs = [f"{byte:02x}" for byte in data]
    for between in _BETWEEN:
        yield between.join(pairs), "hex"


def _run_around(text: str, form: str) -> str:
    """All of the base64 around a part of it: what is before a key in it may be secret, too."""
    start = text.index(form)
    end = start + len(form)
    while start and text[start - 1] in _BASE64:
        start -= 1
    while end < len(text) and text[end] in _BASE64:
        end += 1
    while text[end : end + 1] == "=":
        end += 1
    return text[start:end]


def _as_written(text: str, form: str) -> str:
    """What stands in a text where a form stands in the same text in lower case."""
    lower = text.lower()
    start = lower.index(form)
    # Some letters become two.
    return text[start : start + len(form)] if len(lower) == len(text) else text


def _is_escaped_in(secret: str, text: str) -> bool:
    return any(secret in layer for layer in _unescaped(text))


def _unescaped(text: str) -> Iterator[str]:
    """A text without what escapes it for a URL, HTML, JSON or Python, layer by layer."""
    for _ in range(_MOST_LAYERS):
        before = text
        if "%" in text:
            yield (text := unquote(text))
        if "&" in text:
            yield (text := unescape(text))
        if "\\" in text:
            yield (text := _BACKSLASH.sub(_character, text))
        if text == before:
            return


def _character(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    return chr(int(code, 16)) if code else found[3]


def _escaped_part(secret: str, text: str) -> str:
    """The shortest part of a text that holds a secret once it is unescaped."""

    def ends_by(end: int) -> bool:
        return _is_escaped_in(secret, text[:end])

    def starts_after(start: int) -> bool:
        return not _is_escaped_in(secret, text[start:end])

    end = bisect_left(range(len(text)), 1, key=ends_by)
    return text[bisect_left(range(end), 1, key=starts_after) - 1 : end]
