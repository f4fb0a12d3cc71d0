"""Recognises one document by changing names: signed links, and ids of uploads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_plus

from pytest_parseapi.model.mistakes import document_name

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


# A server that runs for days need not remember each file.
_MOST_UPLOADS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Upload:
    """What was uploaded under an id."""

    content: str
    """A digest of the file's bytes."""
    options: str = ""
    """A digest of what came with it, such as its password; empty where nothing did."""


class DocumentNames:
    """What signs a link, which upload an id stands for, and which option picks a part.

    A link that is signed again is the same document; so is a file that is uploaded again and gets
    another id.

    Args:
        names: further names, beside those of S3, GCS, Azure and CloudFront.
        part_option: the option that picks a part of a document; empty where there is none.

    Example:
        >>> DocumentNames().unsigned("https://b.s3.amazonaws.com/a.pdf?X-Amz-Signature=1&v=2")
        'https://b.s3.amazonaws.com/a.pdf?v=2'
    """

    __slots__ = ("_more", "_part_key", "_part_option", "_uploads")

    def __init__(self, names: Iterable[str] = (), part_option: str = "") -> None:
        self._part_option = part_option
        self._part_key = part_option.rpartition(".")[2].encode()
        self._more = frozenset(name.lower() for name in names)
        self._uploads: dict[str, Upload] = {}

    def given(self, document: object) -> str | None:
        """What a test gave as ``document``: as `document_name`, and unsigned.

        Raises:
            UsageError: it is no URL, file name, id or path.
        """
        name = document_name(document)
        return None if name is None else self.name(name)

    def part_option_in(self, body: bytes) -> str:
        """The option that picks a part of a document, where a body may have it; or empty."""
        return self._part_option if self._part_key and self._part_key in body else ""

    def keep_upload(self, file_id: str, upload: Upload) -> None:
        """Remember what an id stands for."""
        self._uploads[file_id] = upload
        if len(self._uploads) > _MOST_UPLOADS:
            del self._uploads[next(iter(self._uploads))]

    def upload(self, name: object) -> Upload | None:
        """What was uploaded under an id; None where a name is no such id."""
        return self._uploads.get(name) if isinstance(name, str) else None

    @property
    def has_uploads(self) -> bool:
        """Whether any id stands for an upload."""
        return bool(self._uploads)

    def lasting_name(self, name: str) -> str | Upload:
        """What stays the same where a file is uploaded again: the upload, else the name."""
        return self._uploads.get(name, name) if self._uploads else name

    def unsigned(self, url: str) -> str:
        """A URL without what signs it, and without user and password."""
        if "@" in url:
            url = _without_userinfo(url)
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
        """What a JSON text holds, with every URL unsigned, and uploads in place of their ids."""
        if isinstance(value, str):
            found = self._uploads.get(value)
            if found is not None:
                return f"{found.content} {found.options}"
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


def _without_userinfo(url: str) -> str:
    """A URL without user and password.

    Example:
        >>> _without_userinfo("https://me:secret@files.example.com/a.pdf")
        'https://files.example.com/a.pdf'
    """
    return _USERINFO.sub(r"\1", url)
