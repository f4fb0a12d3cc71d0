"""Compares two requests about one document: a final error may ask for a certain change."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Mapping
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.errors import Cure, DocumentedError
from pytest_parseapi.model.http import Excerpt, digest_of, media_type_of
from pytest_parseapi.model.multipart import MalformedBody, parse_multipart
from pytest_parseapi.model.request_content import is_too_deep
from pytest_parseapi.record.attempt import Attempt

_FILE_KEYS: Final = frozenset(
    {"file", "files", "document", "documents", "inputs", "url", "assetid"}
)
_OPTIONS: Final = frozenset({"settings", "config", "options"})
# A team keeps its own notes there, such as the number of a try. No error asks to change them.
_NOTES: Final = "metadata"


class Sent:
    """The content of one request, by the kinds of changes that an error may ask for.

    Args:
        body: the body that was sent.
        query: the query of its URL.
        header: gives the value of a header by its lower-case name, or None.
        secrets: what its provider reads as the credential.
        document_names: knows the names of documents, and which parameters sign a link.
    """

    def __init__(
        self,
        body: bytes,
        query: str,
        header: Callable[[str], str | None],
        secrets: tuple[str, ...],
        document_names: DocumentNames,
    ) -> None:
        self._document_names = document_names
        for secret in secrets:
            query = query.replace(f"={secret}", "=***")
        self._found: dict[Cure, list[Hashable]] = {
            "password": [],
            "config": [query],
            "file": [],
            "url": [],
            "credential": [secrets or header("authorization")],
        }
        self.ids: list[object] = []
        """The ids of uploads. A file that is uploaded again has a new id."""
        self._read(header("content-type") or "", body)

    def differs(self, other: Sent, what: Cure) -> bool:
        """Whether another request has another content of this kind."""
        return self._found[what] != other._found[what]

    def _read(self, content_type: str, body: bytes) -> None:
        kind = media_type_of(content_type)
        if kind == "multipart/form-data":
            try:
                parts = parse_multipart(content_type, body)
            except MalformedBody:
                parts = ()
            for part in parts:
                if part.filename is not None:
                    named = (_ending(part.filename), part.content_type, digest_of(part.body))
                    self._found["file"].append(named)
                else:
                    self._read_text(part.name, part.body)
        elif kind.endswith("json"):
            self._read_text("", body)
        else:
            self._found["file"].append((kind, digest_of(body)))

    def _read_text(self, name: str, body: bytes) -> None:
        try:
            value = None if isinstance(body, Excerpt) else json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if value is None or is_too_deep(value):
            value = digest_of(body) if isinstance(body, Excerpt) else body.decode(errors="replace")
        for path, leaf in _leaves(value, (name,) if name else ()):
            self._keep(path, leaf)

    def _keep(self, path: tuple[str, ...], leaf: object) -> None:
        keys = [key.lower() for key in path]
        if _NOTES in keys:
            self._found["config"].append((path, type(leaf)))
        elif any("password" in key for key in keys):
            self._found["password"].append(repr(leaf))
        elif path and keys[0] in _FILE_KEYS and not _OPTIONS.intersection(path):
            upload = self._document_names.upload(leaf)
            if upload is not None:
                self.ids.append(leaf)
                self._found["file"].append((path, upload.content))
                self._found["password"].append(upload.options)
                return
            if isinstance(leaf, str) and keys[-1] == "name":
                leaf = _ending(leaf)
            self._found["file"].append((path, repr(self._document_names.value(leaf))))
            if isinstance(leaf, str) and "://" in leaf:
                self._found["url"].append(leaf)
        else:
            self._found["config"].append((path, repr(leaf)))


def differs_in(what: Cure, before: Attempt, after: Attempt) -> bool:
    """Whether two attempts have different contents of a kind."""
    return sent_by(before).differs(sent_by(after), what)


def sent_by(attempt: Attempt) -> Sent:
    """The content of an attempt."""
    query = urlsplit(attempt.url).query
    return Sent(attempt.body, query, attempt.header, attempt._secrets, attempt._document_names)


def _ending(name: str) -> str:
    """The suffix of a file name. The rest of the name may differ for the same file."""
    return PurePosixPath(name.strip()).suffix.lower()


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _leaves(value[key], (*path, str(key)))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, str(index)))
    else:
        yield path, value


def is_curable(error: DocumentedError) -> bool:
    """Whether a changed request after this error may be a cured one, and no retry."""
    return not error.retryable and (
        error.cured_by is not None or error.status == HTTPStatus.NOT_FOUND
    )


def cures(error: object, before: Sent, after: Sent) -> bool:
    """Whether the second request has the change that the final error of the first asks for."""
    if not isinstance(error, DocumentedError) or not is_curable(error):
        return False
    if error.status == HTTPStatus.NOT_FOUND and before.ids != after.ids:
        return True
    return error.cured_by is not None and before.differs(after, error.cured_by)
