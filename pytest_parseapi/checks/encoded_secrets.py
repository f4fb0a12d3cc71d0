"""Finds a secret that was written down encoded: as base64, alone or amid other text, or for a URL.

What anybody can decode hides nothing: a ``Basic`` header holds its key as base64.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

# What is shorter may stand in the base64 of anything else by chance.
_MIN_SECRET_CHARS: Final = 12
_BASE64: Final = frozenset(string.ascii_letters + string.digits + "+/-_")
# How many of the first characters belong to what was encoded before the secret, too.
_SHARED: Final = (0, 2, 3)


@dataclass(frozen=True, slots=True)
class EncodedSecret:
    """A secret as it may stand encoded in a text.

    Args:
        forms: what to look for, and what each encoding is called.
    """

    forms: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, secret: str, others: Iterable[str]) -> EncodedSecret:
        """Each form of a secret that no other credential contains, with the encoding's name.

        Args:
            secret: a credential.
            others: all of them; one that is itself an encoding of the secret is not reported twice.
        """
        known = [other for other in others if other != secret]
        return cls(
            tuple(
                (form, name)
                for form, name in _forms(secret)
                if not any(form in other for other in known)
            )
        )

    def find(self, text: str) -> tuple[str, str]:
        """The part of a text that is the secret, and the encoding's name; empty texts without one.

        Args:
            text: what was logged or printed.
        """
        for form, name in self.forms:
            if form in text:
                return (_run_around(text, form) if name == "base64" else form), name
        return "", ""


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    if len(secret) < _MIN_SECRET_CHARS:
        return
    escaped = quote(secret, safe="")
    if escaped != secret:
        yield escaped, "percent-encoded"
    data = secret.encode(errors="surrogateescape")
    for before, shared in enumerate(_SHARED):
        whole = (before + len(data)) * 8 // 6
        form = base64.b64encode(b"\0" * before + data).decode()[shared:whole]
        yield form, "base64"
        # The alphabet for URLs and file names.
        yield form.replace("+", "-").replace("/", "_"), "base64"


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
