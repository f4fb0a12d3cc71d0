"""What the simulated Extend API remembers during one test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pytest_parseapi.catalogue.behaviour import Call
from pytest_parseapi.exchange import Reply
from pytest_parseapi.service.extend_files import StoredFile, StoredOutput
from pytest_parseapi.service.run_book import RunBook

__all__ = ["Answered", "ExtendState", "Handler"]

Handler: TypeAlias = Callable[[Call], Mapping[str, Any]]
"""Answers one endpoint: the body of a 200, or `Rejected`."""

# How many files fetched from URLs stay known by id, so that a test of many documents stays small.
_FETCHED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply to ``POST /parse``, and what it changed."""

    names: tuple[str, ...]
    """The names of its document."""
    suffix: str
    """What the ids of its run end with."""
    reply: Reply
    effects: tuple[Callable[[], None], ...]


@dataclass(slots=True, kw_only=True)
class ExtendState:
    """Files and outputs by id, and the limit for uploads in bytes."""

    max_file_bytes: int
    files: dict[str, StoredFile] = field(default_factory=dict)
    outputs: dict[str, StoredOutput] = field(default_factory=dict)
    _fetched: deque[str] = field(default_factory=deque)
    answered: dict[Hashable, Answered] = field(default_factory=dict)
    """Replies to ``POST /parse``, to make the next ones from."""
    runs: RunBook = field(default_factory=RunBook)

    def keep_file(self, call: Call, file: StoredFile) -> None:
        """Remember a file if the call succeeds; of those fetched from a URL, the latest ones."""
        call.effects.append(lambda: self._keep(file))

    def _keep(self, file: StoredFile) -> None:
        if file.url is not None and file.id not in self.files:
            self._fetched.append(file.id)
            if len(self._fetched) > _FETCHED:
                del self.files[self._fetched.popleft()]
        self.files[file.id] = file

    def keep_output(self, call: Call, key: str, output: StoredOutput) -> None:
        """Remember an output if the call succeeds."""
        call.effects.append(lambda: self.outputs.update({key: output}))
