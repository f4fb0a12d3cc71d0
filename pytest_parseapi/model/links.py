"""Links that are signed: what signs a URL tells nothing about the document that it leads to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

__all__ = ["Signing", "without_userinfo"]

# S3 and Google Cloud Storage sign with a row of parameters that begin alike.
_PREFIXES: Final = ("x-amz-", "x-goog-")
# S3 (version 2), Google Cloud Storage (version 2), CloudFront, Azure.
_ALWAYS: Final = frozenset({"awsaccesskeyid", "googleaccessid", "key-pair-id", "signature", "sig"})
# Ordinary names that count only where a signature stands beside them.
_BESIDE_SIGNATURE: Final = frozenset({"expires", "policy", "hash-algorithm"})
_BESIDE_SIG: Final = frozenset(
    "sv ss srt sp se st spr sr sip si sdd skoid sktid skt ske sks skv saoid suoid scid ses "  # noqa: SIM905
    "rscc rscd rsce rscl rsct".split()
)
_USERINFO: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#@]*(?:@[^/?#@]*)*@")
_URL: Final = re.compile(r"https?://[^\s\"'<>\\]+")


class Signing:
    """The query parameters that sign a link.

    Args:
        names: further names, beside those of S3, GCS, Azure and CloudFront.

    Example:
        >>> Signing().unsigned("https://b.s3.amazonaws.com/a.pdf?X-Amz-Signature=1&v=2")
        'https://b.s3.amazonaws.com/a.pdf?v=2'
    """

    __slots__ = ("_more",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._more = frozenset(name.lower() for name in names)

    def unsigned(self, url: str) -> str:
        """A URL without what signs it, and without user and password."""
        if "@" in url:
            url = without_userinfo(url)
        head, mark, query = url.partition("?")
        if not mark:
            return url
        query, hash_, fragment = query.partition("#")
        kept = self._kept(query)
        return head + ("?" + kept if kept else "") + hash_ + fragment

    def names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names of a document, none of them with a signature or a password."""
        for name in names:
            if "?" in name or "@" in name:
                return tuple(dict.fromkeys(self.name(item) for item in names))
        return names

    def name(self, name: str) -> str:
        """A document's name; as it is where it is no URL."""
        return self.unsigned(name) if "://" in name else name

    def value(self, value: Any) -> Any:
        """What a JSON text holds, with every URL in it unsigned."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def text(self, text: str) -> str:
        """A text with every URL in it unsigned."""
        if "://" not in text:
            return text
        return _URL.sub(lambda found: self.unsigned(found.group()), text)

    def _kept(self, query: str) -> str:
        parts = query.split("&")
        names = [unquote_plus(part.partition("=")[0]).lower() for part in parts]
        beside: set[str] = set(self._more)
        if "signature" in names:
            beside |= _BESIDE_SIGNATURE
        if "sig" in names:
            beside |= _BESIDE_SIG
        return "&".join(
            part
            for part, name in zip(parts, names, strict=True)
            if not (name in _ALWAYS or name in beside or name.startswith(_PREFIXES))
        )


def without_userinfo(url: str) -> str:
    """A URL without user and password.

    Example:
        >>> without_userinfo("https://me:secret@files.example.com/a.pdf")
        'https://files.example.com/a.pdf'
    """
    return _USERINFO.sub(r"\1", url)
