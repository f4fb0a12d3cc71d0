"""What the simulated Extend API remembers during one test: files, outputs, runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final, TypeAlias

from pytest_parseapi.model.behaviour import Call
from pytest_parseapi.model.http import Reply
from pytest_parseapi.model.request_content import names_of_url, unique_names
from pytest_parseapi.providers.extend.file_types import PDF, FileKind


# Not frozen: most requests make one, and a frozen one takes several times as long to make.
@dataclass(slots=True, kw_only=True)
class StoredFile:
    """A file that the service knows: uploaded, or fetched for a run."""

    id: str
    name: str
    kind: FileKind
    converted: bool = False
    """Whether the upload was converted to PDF."""
    url: str | None = None
    names: tuple[str, ...] = ()
    """What it can be called besides its URL and id; empty where its name says nothing."""
    created: float
    """Virtual seconds since the test began."""
    content: bytes = b""
    """What was uploaded; empty where that was too much to keep, or the file came from a URL."""

    @property
    def all_names(self) -> tuple[str, ...]:
        """What it can be called, best first.

        Its id comes last, because a consumer that uploads again for a retry gets a new one.
        """
        return unique_names((*names_of_url(self.url), *self.names, self.id))

    @property
    def type(self) -> str | None:
        """Extend's type of it; None where that cannot be determined."""
        return PDF.type if self.converted else self.kind.type


# Not frozen, as `StoredFile` is not.
@dataclass(slots=True, kw_only=True)
class ParsedDocument:
    """What a run is about: its file, and how it is parsed."""

    file: StoredFile
    config: Mapping[str, Any]
    """With the defaults applied."""
    metadata: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """What is behind a presigned URL: an output, or a file."""

    body: Mapping[str, Any] | StoredFile
    created: float
    """Virtual seconds since the test began."""
    expires: float
    """Virtual seconds since the test began."""


Handler: TypeAlias = Callable[[Call], Mapping[str, Any] | bytes | Reply]
"""Answers one endpoint: the body of a 200, as an object or as JSON, a reply, or `Rejected`."""

UNSEEN: Final = Reply(status=200)
"""The reply in whose place a scripted error is sent."""

# How many files fetched from URLs, and how many synchronous runs, stay known by id, so that a test
# of many documents stays small.
_MAX_FETCHED: Final = 1_000


@dataclass(slots=True, kw_only=True)
class ExtendState:
    """Files, outputs and synchronous runs by id, and the limit for uploads in bytes."""

    max_file_bytes: int
    files: dict[str, StoredFile] = field(default_factory=dict)
    outputs: dict[str, StoredOutput] = field(default_factory=dict)
    parsed: dict[str, ParsedDocument] = field(default_factory=dict)
    """What ``POST /parse`` parsed: those runs were never in progress."""
    _fetched: deque[str] = field(default_factory=deque)

    def keep_file(self, call: Call, file: StoredFile) -> None:
        """Remember a file if the call succeeds; of those fetched from a URL, the latest ones."""
        call.effects.append(partial(self._keep_file, file))

    def _keep_file(self, file: StoredFile) -> None:
        # The latest last, since the oldest are forgotten first.
        known = self.files.pop(file.id, None)
        if known is None and file.url is not None:
            self._fetched.append(file.id)
            if len(self._fetched) > _MAX_FETCHED:
                self.files.pop(self._fetched.popleft(), None)
        self.files[file.id] = file

    def keep_parsed(self, call: Call, run_id: str, document: ParsedDocument) -> None:
        """Remember a synchronous run and its file if the call succeeds; at least the latest ones.

        A file that was known before stays as it is.
        """
        call.effects.append(partial(self._keep_parsed, run_id, document))

    def _keep_parsed(self, run_id: str, document: ParsedDocument) -> None:
        if document.file.id not in self.files:
            self._keep_file(document.file)
        self.parsed[run_id] = document
        if len(self.parsed) > 2 * _MAX_FETCHED:
            # Many at once: one at a time would look through the gaps of earlier ones.
            self.parsed = dict(islice(self.parsed.items(), _MAX_FETCHED, None))

    def forget_parsed(self, call: Call, run_id: str) -> None:
        """Delete a synchronous run if the call succeeds."""

        def forget() -> None:
            self.parsed.pop(run_id, None)

        call.effects.append(forget)

    def forget_file(self, call: Call, file: StoredFile) -> None:
        """Delete a file if the call succeeds."""

        def forget() -> None:
            self.files.pop(file.id, None)

        call.effects.append(forget)

    def keep_output(self, call: Call, key: str, output: StoredOutput) -> None:
        """Remember an output if the call succeeds."""
        call.effects.append(lambda: self.outputs.update({key: output}))

    def forget(self, before: float) -> None:
        """Let go of the files and outputs that were made before a moment."""
        made: tuple[dict[str, Any], ...] = (self.files, self.outputs)
        for known in made:
            while known and next(iter(known.values())).created <= before:
                del known[next(iter(known))]
