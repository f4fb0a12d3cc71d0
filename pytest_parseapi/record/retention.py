"""Limits the memory of a server that runs for days: it keeps only the newest attempts."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.journal import Journal, Opened
from pytest_parseapi.record.operation import Operation

MOST_ATTEMPTS: Final = 10_000
"""How many attempts a server keeps at most."""
_MOST_BYTES: Final = 256 * 1024 * 1024
# An attempt has a few names: URL, last path segment, file id.
_NAMES_EACH: Final = 3
_IDLE_SHARE: Final = 10


class Recorded(Protocol):
    """An object with a journal: the service of one provider."""

    seed: str
    """Identifies the owner. A later owner that replaces it has the same seed."""
    journal: Journal


class Owner(Recorded, Protocol):
    """An object whose journal drops its oldest attempts."""

    def forget(self, attempt: Attempt) -> None:
        """Forget what belongs to an attempt that was dropped from the journal."""


class _Held(NamedTuple):
    attempts: int
    size: int


class _Kept(NamedTuple):
    owner: Owner
    attempt: Attempt
    operation: Operation
    size: int


class Retention:
    """Keeps the newest attempts of all journals together, and counts those that it drops.

    Args:
        most: how many attempts are kept.
        most_bytes: how many bytes their bodies may have in all.
    """

    def __init__(self, most: int = MOST_ATTEMPTS, most_bytes: int = _MOST_BYTES) -> None:
        self.most = most
        self.most_idle = max(1, most // _IDLE_SHARE)
        """How many journals without an attempt are kept."""
        self._most_bytes = most_bytes
        self._order: deque[_Kept] = deque()
        # How many attempts, and how many bytes of bodies, each owner has.
        self._held: dict[str, _Held] = {}
        self._count = 0
        self._bytes = 0
        # Hashes of the newest dropped names: this must not grow without limit, either. An array is
        # much smaller than a set, and it is searched only after a check found nothing.
        self._names = array("q")
        self.dropped = 0
        """How many attempts were dropped from all journals."""

    def keep(self, owner: Owner, opened: Opened, attempt: Attempt) -> None:
        """Keep an attempt that has ended, and drop the oldest ones if there are too many."""
        if not owner.journal.has(attempt):
            # Its journal was cleared meanwhile.
            return
        attempts = opened.operation.attempts
        shared = len(attempts) > 1 and attempts[-2].body is attempt.body
        size = 0 if shared else len(attempt.body)
        self._order.append(_Kept(owner, attempt, opened.operation, size))
        self._change(owner, 1, size)
        while self._count > self.most or (self._bytes > self._most_bytes and self._count > 1):
            self._drop_oldest()
        self._let_go()

    def forget(self, owner: Recorded) -> None:
        """Stop counting the attempts of an owner that is about to clear its journal."""
        held = self._held.get(owner.seed)
        if held is not None:
            self._change(owner, -held.attempts, -held.size)

    def drop_all(self, owner: Recorded) -> None:
        """Drop all attempts of an owner, to make room for others."""
        for attempt in owner.journal.attempts:
            self.note(owner.seed, attempt.names)
            self.dropped += 1
        self.forget(owner)

    def was_dropped(self, owner: Recorded, document: str) -> bool:
        """Whether an attempt about a document of this name was dropped."""
        return hash((owner.seed, document)) in self._names

    def _drop_oldest(self) -> None:
        kept = self._order.popleft()
        if not _is_on_record(kept):
            return
        self._change(kept.owner, -1, -kept.size)
        self.note(kept.owner.seed, kept.attempt.names)
        self.dropped += 1
        kept.owner.journal.drop(kept.operation, kept.attempt)
        kept.owner.forget(kept.attempt)

    def _let_go(self) -> None:
        """Remove the entries of dropped and cleared journals."""
        while self._order and not _is_on_record(self._order[0]):
            self._order.popleft()
        if len(self._order) > self._count + self.most // _IDLE_SHARE:
            self._order = deque(item for item in self._order if _is_on_record(item))

    def _change(self, owner: Recorded, count: int, size: int) -> None:
        before = self._held.get(owner.seed, _Held(0, 0))
        after = _Held(before.attempts + count, before.size + size)
        self._count += count
        self._bytes += size
        if after.attempts:
            self._held[owner.seed] = after
        else:
            del self._held[owner.seed]

    def note(self, seed: str, names: Iterable[str]) -> None:
        """Remember that an attempt about a document with these names was dropped."""
        self._names.extend(hash((seed, name)) for name in names)
        most = _NAMES_EACH * self.most
        if len(self._names) > 2 * most:
            del self._names[:-most]


def _is_on_record(kept: _Kept) -> bool:
    return kept.owner.journal.has(kept.attempt)
