"""The operations of one journal: which of them a request belongs to."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from pytest_parseapi.record.new_request import NewRequest
from pytest_parseapi.record.operation import Operation, Series


class Operations:
    """Finds the operation of each request, by its document and by its caller.

    The caller holds the journal's lock.

    Args:
        now: virtual seconds since the test began.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # Most documents have one operation, which needs no series.
        self._documents: dict[Hashable, Operation | Series] = {}
        # By endpoint and caller.
        self._latest: dict[Hashable, Operation] = {}

    def with_attempts(self) -> list[Operation]:
        """Every operation with a finished attempt, by its first attempt."""
        found: list[Operation] = []
        for item in self._documents.values():
            if isinstance(item, Series):
                self._merge_abandoned(item)
                while (followed := item.followed(is_judged=True)) and self._merge(
                    item, followed[0]
                ):
                    pass  # what followed may have been followed, too
                found += item.operations
            else:
                found.append(item)
        found = [operation for operation in found if operation.attempts]
        return sorted(found, key=lambda operation: operation.attempts[0].number)

    def begin(self, asked: NewRequest) -> Operation:
        """The operation of a request; an attempt at it is under way from now on."""
        endpoint, key = asked.endpoint, asked.caller.key
        # Of texts and numbers, since keys of other objects take their time to compare.
        path = (endpoint.method, endpoint.path, key)
        before = self._latest.get(path)
        if before is not None:
            asked.previous = before.key
        operation = self._of(asked, before)
        if before is not None and before is not operation and before.caller.key == key:
            before.caller_moved_on = True
            if before.next_caller is not None:
                self._merge_left(before, asked)
        operation.under_way = True
        self._latest[path] = operation
        return operation

    def ended(self, operation: Operation) -> None:
        """Note that an attempt at an operation has ended; its caller may have ended, too."""
        several = self._documents.get(operation.key)
        if isinstance(several, Series):
            self._merge_abandoned(several)

    def clear(self) -> None:
        """Forget everything."""
        self._documents.clear()
        self._latest.clear()

    def forget(self, operation: Operation) -> None:
        """Forget an operation of which no attempt is left."""
        found = self._documents.get(operation.key)
        if isinstance(found, Series):
            found.forget(operation)
        if found is operation or (isinstance(found, Series) and not found.operations):
            del self._documents[operation.key]

    def forget_callers(self) -> None:
        """Forget the callers' last operations of which no attempt is left."""
        self._latest = {
            key: item for key, item in self._latest.items() if item.attempts or item.under_way
        }

    def _of(self, asked: NewRequest, before: Operation | None) -> Operation:
        """The operation that a request belongs to.

        Args:
            asked: the request.
            before: what its caller asked for before, at the same endpoint.
        """
        key = asked.key
        found = self._documents.get(key)
        if found is None:
            if before is not None and before.failures and before.attempts:
                lost = not before.under_way and asked.lost_its_name(before.last)
                if lost and before.accepts(asked):
                    return before
            found = self._documents[key] = Operation(asked.endpoint, asked.caller, key)
            return found
        if isinstance(found, Operation):
            if found.accepts(asked):
                return found
            found = self._documents[key] = Series(found)
            return found.start(asked)
        return found.of(asked) or found.start(asked)

    def _merge_left(self, operation: Operation, asked: NewRequest) -> None:
        """Merge an operation whose caller goes on to another document."""
        several = self._documents.get(operation.key)
        if operation.was_left_for(asked) and isinstance(several, Series):
            self._merge(several, operation)

    def _merge_abandoned(self, several: Series) -> None:
        """Merge operations whose last caller has ended since."""
        for operation in several.abandoned(self._now()):
            self._merge(several, operation)

    def _merge(self, several: Series, operation: Operation) -> bool:
        """Merge the operation with which the next caller went on; return whether there was one."""
        later = several.merge_next(operation)
        if later is None:
            return False
        path = (later.endpoint.method, later.endpoint.path, later.caller.key)
        if self._latest.get(path) is later:
            self._latest[path] = operation
        return True
