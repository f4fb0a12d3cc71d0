"""The record of one provider's exchanges: each attempt, and what it was a retry of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.frozen import writable_class
from pytest_parseapi.model.http import Reply, Request
from pytest_parseapi.model.request_content import object_or_none
from pytest_parseapi.patching.plain_types import plain_lock
from pytest_parseapi.record.attempt import Attempt, ReplyFacts, RequestFacts
from pytest_parseapi.record.caller import Caller, callers_at_work
from pytest_parseapi.record.new_request import NewRequest
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.operations import Operations
from pytest_parseapi.record.outcome import Outcome
from pytest_parseapi.record.retry_mark import RetryMark

_WRITABLE_ATTEMPT: Final = writable_class(Attempt)
_NO_FACTS: Final = ReplyFacts()


class Opened(NewRequest):
    """An attempt that has begun, with its number and its operation."""

    __slots__ = ("number", "operation", "record", "wall_started")

    number: int
    """Counts from 1."""
    operation: Operation
    """What it belongs to."""
    record: dict[int, Attempt | Opened]
    """Where its end is put."""
    wall_started: float
    """What ``time.time()`` showed the consumer when it began."""


class Journal:
    """Everything that one provider was asked and answered in one test. Safe for threads.

    Args:
        now: virtual seconds since the test began.
        wall: what the consumer's ``time.time()`` shows.
        document_names: finds the names by which requests mean a document.
    """

    def __init__(
        self,
        now: Callable[[], float],
        wall: Callable[[], float],
        document_names: DocumentNames | None = None,
    ) -> None:
        self._now = now
        self._wall = wall
        self._document_names = DocumentNames() if document_names is None else document_names
        self._acquire, self._release = plain_lock()
        self._attempts: dict[int, Attempt | Opened] = {}
        self._begun = 0
        self._operations = Operations(now)
        # One object for all equal values, so that attempts which are alike cost little.
        self._kept: dict[Any, Any] = {}
        self._threads: dict[tuple[int, int], Caller] = {}
        self._dropped_since = 0
        self._busy: set[tuple[int, int]] = set()
        self.credentials: set[str] = set()
        """The tokens that consumers sent, unmasked: to search the logs for."""
        self.dropped = 0
        """How many attempts are on record no longer, because a server kept newer ones."""

    @property
    def attempts(self) -> list[Attempt]:
        """Every finished attempt, oldest first."""
        return [item for item in list(self._attempts.values()) if isinstance(item, Attempt)]

    @property
    def begun(self) -> int:
        """How many attempts have begun."""
        return self._begun

    @property
    def operations(self) -> list[Operation]:
        """Every operation with a finished attempt, by its first attempt."""
        self._acquire()
        try:
            return self._operations.with_attempts()
        finally:
            self._release()

    def open(
        self,
        request: Request,
        endpoint: Endpoint,
        names: tuple[str, ...],
        caller: Caller,
        secrets: tuple[str, ...] = (),
    ) -> Opened:
        """Record the beginning of an attempt.

        Args:
            request: what is asked.
            endpoint: where.
            names: the names of its document, none of them signed.
            caller: who asks.
            secrets: what its provider reads as the credential.
        """
        self._acquire()
        try:
            self.credentials.update(secrets)
            mark = caller.mark or RetryMark()
            if not caller.is_task:
                # A later thread may have the key of one that has ended.
                caller = self._threads.setdefault(caller.key, caller)
            opened = Opened(
                request, endpoint, names, caller, self._now(), self._document_names, secrets, mark
            )
            opened.operation = self._operations.begin(opened)
            self._busy.add(caller.key)
            self._begun = number = self._begun + 1
            opened.record = self._attempts
            opened.number = number
            opened.wall_started = self._wall()
            self._attempts[number] = opened
            return opened
        finally:
            self._release()

    def close(self, opened: Opened, outcome: Outcome) -> Attempt:
        """Record the end of an attempt: a reply, a fault, or the consumer gave up on it.

        Args:
            opened: the beginning of the attempt.
            outcome: how the attempt ends.
        """
        request = opened.request
        failed = outcome.error is not None
        self._acquire()
        try:
            operation = opened.operation
            if operation.merged_into is not None:
                opened.operation = operation = operation.latest
            # What follows is mostly the same again; keeping it twice would be most of its cost.
            body, names = request.body, opened.names
            known = operation if operation.attempts else operation.preceding
            if known is not None and known.attempts:
                before = known.attempts[-1]
                body = before.body if body == before.body else body
                names = before.names if names == before.names else names
            attempt = self._attempt(opened, outcome, body, names)
            opened.record[opened.number] = attempt
            operation.attempts.append(attempt)
            operation.under_way = False
            operation.failures = operation.failures + 1 if failed else 0
            operation.failure = opened.mark if failed else None
            self._busy.discard(operation.caller.key)
            if failed:
                opened.mark.fail()
                # One that asks of something else now may take this up later, as a worker does.
                operation.parallel_callers = callers_at_work(but=self._busy)
            if outcome.counts == "polls":
                operation.polls += 1
            elif outcome.counts == "attempts":
                operation.idle += 1
            elif not failed:
                operation.idle = 0
                # Asked again and again after a wait, a success is a poll that never ends.
                waited = attempt.waited or operation.preceding is not None
                operation.polls += 1 if waited and _came_after_a_wait(attempt, operation) else 0
            if not failed and request.method not in _LOOKS:
                operation.closed = True
            self._operations.ended(operation)
        finally:
            self._release()
        if opened.endpoint.uploads and not failed:
            self._note_upload(attempt, outcome)
        return attempt

    def _note_upload(self, attempt: Attempt, outcome: Outcome) -> None:
        """Remember the document that was uploaded, by each id in the reply."""
        upload = attempt.payload.as_upload()
        if upload is not None and isinstance(outcome.result, Reply):
            for file_id in _ids(outcome.result.body):
                if file_id != outcome.request_id:
                    self._document_names.keep_upload(file_id, upload)

    def _attempt(
        self, opened: Opened, outcome: Outcome, body: bytes, names: tuple[str, ...]
    ) -> Attempt:
        result = outcome.result
        made: Any = object.__new__(_WRITABLE_ATTEMPT)
        made.number = opened.number
        made.request_id = outcome.request_id
        made.error = outcome.error
        made.names = names
        made.body = body
        made.started = opened.started
        ended = self._now()
        # Code that runs takes no virtual time, so most attempts need one number for both.
        made.ended = opened.started if ended == opened.started else ended
        earlier = opened.operation.attempts
        made.waited = max(0.0, opened.started - earlier[-1].ended) if earlier else None
        made.wall_started = opened.wall_started
        made.wall_ended = self._wall()
        made._request = self._request_facts(opened)
        made.status, retry_after = None, None
        if isinstance(result, Reply):
            made.status = result.status
            retry_after = result.headers.get("retry-after")
        said = retry_after or outcome.shown or outcome.listed or outcome.mock or outcome.rejection
        made._reply = self._reply_facts(outcome, retry_after) if said else _NO_FACTS
        made.__class__ = Attempt
        attempt: Attempt = made
        return attempt

    def _request_facts(self, opened: Opened) -> RequestFacts:
        """The facts of a request: one object for all equal requests."""
        request, url, secrets = opened.request, opened.request.url, opened.secrets
        waits, headers = request.timeouts, request.headers
        limits = (waits.connect, waits.read, waits.known)
        # A provider may take its credential from the body.
        key = (request.method, url, headers, secrets, request.client, limits)
        found: RequestFacts | None = self._kept.get(key)
        if found is not None:
            return found
        if request.query:
            # Some providers take the credential from the query.
            for secret in secrets:
                url = url.replace(f"={secret}", "=***")
        found = self._kept[key] = RequestFacts(
            method=request.method,
            url=url,
            path=request.path,
            endpoint=opened.endpoint.path,
            client=request.client,
            timeouts=waits,
            headers=headers,
            secrets=secrets,
            document_names=self._document_names,
        )
        return found

    def _reply_facts(self, outcome: Outcome, retry_after: str | None) -> ReplyFacts:
        facts = ReplyFacts(
            retry_after=retry_after,
            shown=outcome.shown,
            listed=outcome.listed,
            mock=outcome.mock,
            contradiction=outcome.contradiction,
            rejection=outcome.rejection,
        )
        known: ReplyFacts = self._kept.setdefault(facts, facts)
        return known

    def discard(self, opened: Opened) -> None:
        """Remove an attempt that has begun, as if it never took place."""
        self._acquire()
        try:
            operation = opened.operation.latest
            operation.under_way = False
            self._busy.discard(operation.caller.key)
            if opened.record is self._attempts:
                self._attempts.pop(opened.number, None)
                self._begun -= opened.number == self._begun
        finally:
            self._release()

    def clear(self) -> None:
        """Forget everything."""
        self._acquire()
        try:
            # What is still under way ends in the record that it began in.
            self._attempts = {}
            self._begun = 0
            self.dropped = 0
            self._dropped_since = 0
            self._operations.clear()
            self._kept.clear()
            self._threads.clear()
            self._busy.clear()
            self.credentials.clear()
        finally:
            self._release()

    def has(self, attempt: Attempt) -> bool:
        """Whether an attempt is on record."""
        return self._attempts.get(attempt.number) is attempt

    def drop(self, operation: Operation, attempt: Attempt) -> None:
        """Remove an attempt from the record; only their number is kept."""
        self._acquire()
        try:
            if self._attempts.get(attempt.number) is not attempt:
                return
            del self._attempts[attempt.number]
            operation = operation.latest
            self.dropped += 1
            operation.attempts.remove(attempt)
            if not (operation.attempts or operation.under_way):
                self._operations.forget(operation)
            self._dropped_since += 1
            if self._dropped_since > len(self._attempts):
                self._forget_unneeded()
        finally:
            self._release()

    def _forget_unneeded(self) -> None:
        """Forget what only dropped attempts needed. It is called seldom, as it takes its time."""
        self._dropped_since = 0
        self._kept.clear()
        self._threads.clear()
        self._operations.forget_callers()
        self.credentials = {secret for attempt in self.attempts for secret in attempt._secrets}


_LOOKS: Final = frozenset({"GET", "HEAD"})
"""Looking at the same again, a poll for example, goes on with one operation."""


def _ids(body: bytes) -> set[str]:
    """The ids in a reply to an upload."""
    found = object_or_none(body) or {}
    return {
        value
        for key, value in found.items()
        if isinstance(value, str) and key.lower().endswith("id")
    }


def _came_after_a_wait(attempt: Attempt, operation: Operation) -> bool:
    if attempt.waited is not None or operation.preceding is None:
        return bool(attempt.waited)
    return attempt.started > operation.preceding.last.ended
