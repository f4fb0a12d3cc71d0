"""An operation: attempts at one document through one endpoint, and who makes them.

A request after a failure continues the operation, whether it comes from the same loop, another
thread, a task, a queue's worker or a timer, even hours later. A new operation begins only if
attempts overlap in time, after a success, or with a request that was changed as a final error asks.

A request about a document whose last attempt failed is one of these: its caller's own retry, or
another caller's, which goes on with the operation (`Operation.accepts`); a parallel request, or a
cured one, which begins an operation of its own; or one that looks parallel until the first caller
turns out to be gone, and is merged then (`Operation.merge`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.caller import NOBODY, Caller
from pytest_parseapi.record.new_request import NewRequest
from pytest_parseapi.record.retry_mark import RetryMark

# Requests of two callers for one document within so many seconds count as simultaneous.
_MOMENT_SECONDS: Final = 0.05
# How many unfinished operations on one document are searched for the one that a request continues.
_LOOK_BACK: Final = 64


class Operation:
    """One document through one endpoint: an attempt and its retries, by any caller."""

    __slots__ = (
        *("attempts", "caller", "caller_moved_on", "closed", "endpoint", "failure", "failures"),
        *("followed_by", "idle", "key", "merged_into", "next_caller", "parallel_callers", "polls"),
        *("preceding", "under_way"),
    )

    def __init__(
        self,
        endpoint: Endpoint,
        caller: Caller,
        key: Hashable,
        preceding: Operation | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.key = key
        """The key by which the journal finds it: its document."""
        self.caller = caller
        """The caller of the last attempt."""
        self.attempts: list[Attempt] = []
        self.failures = 0
        """How many of the latest attempts failed in a row."""
        self.failure: RetryMark | None = None
        """The mark of the last failure; None after a success."""
        self.preceding = preceding
        """The operation on the same document whose success came before this one."""
        self.idle: int = 0 if preceding is None else preceding.idle + preceding.failures
        """How many attempts made no progress since the last one that did: repeated successes, and
        failures that the consumer cured."""
        self.polls: int = 0 if preceding is None else preceding.polls
        """How many polls found the run in progress."""
        self.parallel_callers: frozenset[Caller] = NOBODY
        """The callers that were about to send their own request when the last attempt failed."""
        self.caller_moved_on = False
        """Whether its last caller has turned to another document since, as a worker does."""
        self.next_caller: Caller | None = None
        """Another caller that sent an equal request while the last caller seemed at work."""
        self.followed_by: Operation | None = None
        """The operation that another caller began later with another payload, while the last caller
        seemed at work and had sent no further request."""
        self.merged_into: Operation | None = None
        """The operation that this one was merged into."""
        self.under_way = False
        self.closed = False
        """Whether it has ended: no later attempt belongs to it."""

    @property
    def name(self) -> str:
        """Endpoint and document, for messages."""
        return f"{self.endpoint}" + (f"  {self.document}" if self.document else "")

    @property
    def document(self) -> str | None:
        """The best name of its document, by its first attempt."""
        known = self if self.attempts or self.preceding is None else self.preceding
        return known.attempts[0].document

    @property
    def failed(self) -> bool:
        """Whether any attempt failed."""
        return any(attempt.failed for attempt in self.attempts)

    @property
    def last(self) -> Attempt:
        """The last attempt."""
        return self.attempts[-1]

    @property
    def latest(self) -> Operation:
        """Itself, or the operation that it was merged into."""
        operation = self
        while operation.merged_into is not None:
            operation = operation.merged_into
        return operation

    def earlier(self) -> list[Operation]:
        """The operations on the same document that ended with a success before this one."""
        found, before = [], self.preceding
        while before is not None:
            found.append(before)
            before = before.preceding
        return found

    def pairs(self) -> Iterator[tuple[Attempt, Attempt]]:
        """Each failed attempt with the retry that followed it."""
        for before, after in zip(self.attempts, self.attempts[1:], strict=False):
            if before.failed:
                yield before, after

    def accepts(self, asked: NewRequest) -> bool:
        """Whether a request belongs to this operation. If so, keep its caller as the last one."""
        if self.closed or self.under_way:
            return False
        if self.attempts and self.last.failed:
            if asked.cures(self.last):
                self.closed = True
                return False
            if not (self.caller == asked.caller or self._is_retry_of_another_caller(asked)):
                return False
        self.caller = asked.caller
        self.caller_moved_on = False
        self.next_caller = self.followed_by = None
        return True

    def merge(self, later: Operation) -> None:
        """Merge a later operation into this one: it seemed parallel, but was the retry."""
        if later.attempts:
            # Set in place: other code may hold this attempt already.
            waited = max(0.0, later.attempts[0].started - self.last.ended)
            object.__setattr__(later.attempts[0], "waited", waited)
            self.failure = later.failure
        lasting = later.failures == len(later.attempts)
        self.failures = later.failures + (self.failures if lasting else 0)
        self.polls += later.polls
        self.attempts += later.attempts
        self.caller, self.next_caller = later.caller, later.next_caller
        self.followed_by = later.followed_by
        self.caller_moved_on, self.parallel_callers = later.caller_moved_on, later.parallel_callers
        self.closed, self.under_way = later.closed, later.under_way
        later.merged_into = self

    def _is_retry_of_another_caller(self, asked: NewRequest) -> bool:
        """Whether another caller's request is the retry, and not a parallel request.

        If both callers are at work, requests at the same moment or with different payloads are
        parallel. The request is the retry if the last caller has ended, has turned to another
        document, waits for work or for the new caller, or has started it after the failure.
        """
        later = asked.started - self.last.ended > _MOMENT_SECONDS
        if later:
            return asked.resends(self.last) or self.caller_moved_on or self.caller.is_idle()
        if asked.caller in self.parallel_callers and asked.previous in (None, self.key):
            return False
        if not asked.resends(self.last):
            return False
        if (
            asked.mark.failure_before is self.failure
            or self.caller_moved_on
            or self.caller.is_idle()
        ):
            return True
        self.next_caller = self.next_caller or asked.caller
        return False

    def may_be_followed_by(self, asked: NewRequest) -> bool:
        """Whether a request comes some time after the last failure, and not at the same moment."""
        failed = bool(self.attempts) and not self.under_way and self.last.failed
        return failed and asked.started - self.last.ended > _MOMENT_SECONDS

    def was_followed(self, *, is_judged: bool) -> bool:
        """Whether its last caller sent no further request, so that what followed is the retry.

        Args:
            is_judged: whether the calling thread reads the record now, and so sends no request.
        """
        later = self.followed_by
        if later is None or later.merged_into is not None or not later.attempts:
            return False
        if self.closed or self.under_way:
            return False
        is_judge = is_judged and self.caller.is_this_thread()
        return is_judge or self.caller_moved_on or self.caller.is_gone()

    def was_abandoned(self, now: float) -> bool:
        """Whether its last caller ended right after the failure, and so could not retry.

        Args:
            now: virtual seconds since the test began.
        """
        if self.next_caller is None or self.closed or self.under_way or not self.last.failed:
            return False
        return now - self.last.ended <= _MOMENT_SECONDS and self.caller.is_gone()

    def was_left_for(self, asked: NewRequest) -> bool:
        """Whether its caller sends a request about another document right after the failure.

        Then it was not at work on this document any more when the other caller asked for it.
        """
        if self.next_caller is None or self.closed or self.under_way or not self.last.failed:
            return False
        return asked.started - self.last.ended <= _MOMENT_SECONDS


class Series:
    """All operations on one document through one endpoint."""

    __slots__ = ("_by_caller", "_open", "_success", "operations")

    def __init__(self, first: Operation) -> None:
        self.operations = [first]
        self._open = {first: None}
        self._by_caller = {first.caller: first}
        self._success: Operation | None = None

    def of(self, asked: NewRequest) -> Operation | None:
        """The operation that a request belongs to."""
        own = self._by_caller.get(asked.caller)
        if own is not None and not own.closed:
            if own.under_way:
                return None
            if own.accepts(asked):
                return own
        self._forget_closed()
        waiting = [item for item in self._open if not item.under_way][-_LOOK_BACK:]
        if len(waiting) > 1:
            # With several parts of a document, each retry continues the operation of its part.
            waiting.sort(key=lambda item: not (item.attempts and asked.resends(item.last)))
        for operation in waiting:
            before = operation.caller
            if not self._is_settled(operation, asked) and operation.accepts(asked):
                if self._by_caller.get(before) is operation:
                    del self._by_caller[before]
                self._by_caller[asked.caller] = operation
                return operation
        return None

    def start(self, asked: NewRequest) -> Operation:
        """Start a new operation with a request that belongs to no existing one."""
        self._forget_closed()
        last, caller = self.operations[-1], asked.caller
        operation = Operation(asked.endpoint, caller, last.key, last if last.closed else None)
        if operation.preceding is None:
            for earlier in self._open:
                if earlier.followed_by is None and earlier.may_be_followed_by(asked):
                    earlier.followed_by = operation
        self.operations.append(operation)
        self._open[operation] = None
        self._by_caller[caller] = operation
        return operation

    def abandoned(self, now: float) -> list[Operation]:
        """The operations whose last callers have ended: their next callers continue them."""
        return [item for item in self._open if item.was_abandoned(now)]

    def followed(self, *, is_judged: bool) -> list[Operation]:
        """The operations that other callers continued, since their last callers stopped."""
        return [item for item in self._open if item.was_followed(is_judged=is_judged)]

    def merge_next(self, operation: Operation) -> Operation | None:
        """Merge the operation with the one that its next caller began beside it, or later."""
        if self._by_caller.get(operation.caller) is operation:
            del self._by_caller[operation.caller]
        place = self.operations.index(operation)
        for later in self.operations[place + 1 :]:
            is_next = later.caller == operation.next_caller and later.preceding is None
            if is_next or later is operation.followed_by:
                operation.merge(later)
                self.operations.remove(later)
                self._open.pop(later, None)
                self._by_caller[later.caller] = operation
                return later
        return None

    def forget(self, operation: Operation) -> None:
        """Remove an operation: none of its attempts is on record any more."""
        place = self.operations.index(operation)
        following = self.operations[place + 1 : place + 2]
        if following and following[0].preceding is operation:
            following[0].preceding = None
        del self.operations[place]
        self._open.pop(operation, None)
        if self._by_caller.get(operation.caller) is operation:
            del self._by_caller[operation.caller]
        if self._success is operation:
            self._success = None

    def _forget_closed(self) -> None:
        for operation in [item for item in self._open if item.closed]:
            del self._open[operation]
            if self._by_caller.get(operation.caller) is operation:
                del self._by_caller[operation.caller]
            if operation.attempts and not operation.last.failed:
                self._success = operation

    def _is_settled(self, operation: Operation, asked: NewRequest) -> bool:
        """Whether another operation has parsed the document since this one's last failure."""
        if self._success is None or not operation.attempts:
            return False
        ended = self._success.last.ended
        return ended >= operation.last.ended and asked.started - ended > _MOMENT_SECONDS
