"""The content of a request body, without what differs between equal ones (multipart boundaries)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Final
from urllib.parse import parse_qsl

from pytest_parseapi.model.document_names import DocumentNames, Upload
from pytest_parseapi.model.http import Excerpt, digest_of, media_type_of, size_of
from pytest_parseapi.model.multipart import MalformedBody, Part, parse_multipart
from pytest_parseapi.model.request_content import is_too_deep

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_NO_DOCUMENT: Final = (_JSON, _FORM)


@dataclass(frozen=True, slots=True)
class PayloadPart:
    """A part of a multipart body, or the whole of any other body."""

    name: str
    filename: str | None
    content_type: str | None
    size: int
    digest: str

    def __str__(self) -> str:
        named = f" {self.filename!r}" if self.filename is not None else ""
        kind = f", {self.content_type}" if self.content_type else ""
        return f"{self.name}{named} ({self.size:,} bytes{kind})"


@dataclass(frozen=True)
class Payload:
    """The parts of one request's body, in the order sent."""

    kind: str
    """The content type without its parameters."""
    parts: tuple[PayloadPart, ...]
    """The parts of a form, the keys of a JSON object, or the whole body of any other type.

    A key within another one is named after both: ``config.target``.
    """
    whole: PayloadPart = field(compare=False)
    """The body as one part."""

    def spent_in(self, other: Payload) -> bool:
        """Whether the other payload lacks content because a stream was read to its end before."""
        if not other.whole.size or self.kind == _JSON:
            return not other.whole.size
        theirs = _by_name(other.parts)
        return any(
            again is not None and again.size < part.size
            for key, part in _by_name(self.parts).items()
            if part.filename is not None or part == self.whole
            for again in (theirs.get(key),)
        )

    @cached_property
    def digest(self) -> str:
        """A digest that is equal for two requests with the same content."""
        return _digest(repr((self.kind, self.parts)).encode())

    @cached_property
    def content(self) -> str | None:
        """A digest of the document's own bytes; None where the body holds none."""
        if self.kind == "multipart/form-data":
            files = [part for part in self.parts if part.filename is not None and part.size]
            return "/".join(part.digest for part in files) or None
        if self.kind in _NO_DOCUMENT or not self.parts[0].size:
            return None
        return self.parts[0].digest

    def option(self, name: str) -> str | None:
        """A digest of the value at a path of keys in a JSON body; None if there is none."""
        return next((part.digest for part in self.parts if part.name == name), None)

    def as_upload(self) -> Upload | None:
        """The upload that this body makes; None if no file was sent."""
        if self.content is None:
            return None
        options = [part.digest for part in self.parts if part.filename is None]
        named = self.kind == "multipart/form-data" and options
        return Upload(self.content, "/".join(options) if named else "")

    def difference(self, other: Payload) -> str | None:
        """How the content of ``other`` differs, in words; None if it is the same."""
        if self.kind != other.kind:
            return f"content type {self.kind or 'none'}, then {other.kind or 'none'}"
        ours, theirs = _by_name(self.parts), _by_name(other.parts)
        noun = {_JSON: "key", _FORM: "field"}.get(self.kind, "part")
        if (self.whole in self.parts) is not (other.whole in other.parts):
            return f"{self.whole}, then {other.whole}"
        for key in {**ours, **theirs}:
            part, again = ours.get(key), theirs.get(key)
            if part != again:
                outer = (self if part is None else other)._outermost_missing(key[0])
                return _changed(part, again, noun, outer)
        if self.parts != other.parts:
            # A server may read a form as a stream, so their order is part of what is sent.
            return f"parts {_names(self.parts)}, then {_names(other.parts)}"
        return None

    def _outermost_missing(self, name: str) -> str:
        """For a key that is missing here: the outermost missing key around it; empty if none is."""
        around = name.split(".") if self.kind == _JSON else []
        names = {part.name for part in self.parts}
        outers = (".".join(around[:depth]) for depth in range(1, len(around)))
        return next(
            (
                outer
                for outer in outers
                if not any(item == outer or item.startswith(f"{outer}.") for item in names)
            ),
            "",
        )


def _changed(part: PayloadPart | None, again: PayloadPart | None, noun: str, outer: str) -> str:
    if part is None:
        name = outer or (again.name if again else "")
        return f"no {name!r} {noun}, then {'one' if outer else again}"
    if again is None:
        return f"{outer or part}, then no such {noun}"
    if str(part) == str(again):
        return f"{part}, then other content of the same size"
    return f"{part}, then {again}"


def _by_name(parts: Iterable[PayloadPart]) -> dict[tuple[str, int], PayloadPart]:
    """The parts by name and number: how many parts with that name came before."""
    before: Counter[str] = Counter()
    found = {}
    for part in parts:
        found[part.name, before[part.name]] = part
        before[part.name] += 1
    return found


def _names(parts: Iterable[PayloadPart]) -> str:
    return " ".join(part.name for part in parts)


_PLAIN: Final = DocumentNames()


def payload_of(content_type: str, body: bytes, document_names: DocumentNames = _PLAIN) -> Payload:
    """The payload of a body with this content type.

    Args:
        content_type: the request's Content-Type.
        body: what was sent.
        document_names: finds the names by which requests mean a document: a link that is signed
            again is the same payload.
    """
    kind = media_type_of(content_type)
    whole = PayloadPart("body", None, None, size_of(body), _digest(body))
    if kind == _JSON and (keys := _keys(body, document_names)):
        return Payload(kind, keys, whole)
    if kind == _FORM and not isinstance(body, Excerpt):
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
        if fields:
            return Payload(
                kind, tuple(_field(name, text, document_names) for name, text in fields), whole
            )
    if kind == "multipart/form-data":
        try:
            parts = parse_multipart(content_type, body)
        except MalformedBody:
            pass
        else:
            return Payload(kind, tuple(_part(part, document_names) for part in parts), whole)
    return Payload(kind, (whole,), whole)


def may_hold_document(media_type: str) -> bool:
    """Whether a body of this type may contain the bytes of a document, and not only its name."""
    return media_type not in _NO_DOCUMENT


def document_bytes(content_type: str, body: bytes) -> bytes:
    """The bytes of the document in a body; empty if there is none."""
    kind = media_type_of(content_type)
    if kind == "multipart/form-data":
        try:
            files = [part for part in parse_multipart(content_type, body) if part.filename]
        except MalformedBody:
            files = []
        return files[0].body if files else b""
    return b"" if kind in _NO_DOCUMENT else body


def _part(part: Part, document_names: DocumentNames) -> PayloadPart:
    digest = _digest(part.body)
    if part.filename is None and b"://" in part.body and not isinstance(part.body, Excerpt):
        text = document_names.text(part.body.decode(errors="replace"))
        digest = _digest(text.encode())
    return PayloadPart(part.name, part.filename, part.content_type, part.size, digest)


def _field(name: str, text: str, document_names: DocumentNames) -> PayloadPart:
    return PayloadPart(name, None, None, len(text), _digest(document_names.text(text).encode()))


def _digest(data: bytes) -> str:
    return digest_of(data)[:16]


def _keys(body: bytes, document_names: DocumentNames) -> tuple[PayloadPart, ...]:
    """The keys of a JSON object; empty if the body is no complete JSON object."""
    try:
        found = {} if isinstance(body, Excerpt) else json.loads(body)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, dict) or is_too_deep(found):
        return ()
    # The order of an object's keys has no meaning.
    values = sorted(_values(document_names.value(found), ""), key=itemgetter(0))
    texts = [(name, json.dumps(value, sort_keys=True).encode()) for name, value in values]
    return tuple(PayloadPart(name, None, None, len(text), _digest(text)) for name, text in texts)


def _values(found: Mapping[str, object], within: str) -> Iterator[tuple[str, object]]:
    """Each value that is no object with keys, with the path of keys to it."""
    for key, value in found.items():
        if isinstance(value, dict) and value:
            yield from _values(value, f"{within}{key}.")
        else:
            yield f"{within}{key}", value
