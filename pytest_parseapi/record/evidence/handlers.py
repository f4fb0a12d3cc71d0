"""Keeps what logging handlers write for a record: their filters or formatters may hide a secret."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.patching.plain_types import pause
from pytest_parseapi.record.evidence.line import without_source_lines

# pytest's own handlers are no logs of the consumer.
_TESTS: Final = "_pytest."
_WORD: Final = re.compile(r"\w+")
# How often to check, each millisecond, whether a listener has emptied its queue.
_MAX_LOOKS: Final = 1000


class Handlers:
    """Keeps what the consumer's handlers write, by log record.

    Args:
        text_of: the text of a record, for a handler that does not format it.
    """

    def __init__(self, text_of: Callable[[logging.LogRecord], str]) -> None:
        self._text_of = text_of
        self._written: dict[Hashable, list[str]] = {}
        self._queued: dict[Hashable, Any] = {}
        self._patches = Patches()
        self._imports = ImportHook()
        self._formatting: set[type] = set()
        self._current = threading.local()

    def start(self) -> None:
        """Keep it from now on."""
        self._patches.put(logging.Handler, "handle", self._looking_at_handle)
        self._imports.when("logging.handlers", self._look_at_listeners)

    def stop(self) -> None:
        """Stop keeping it."""
        self._imports.stop()
        self._patches.stop()
        self._formatting.clear()

    def clear(self) -> None:
        """Forget what was written so far."""
        self._written.clear()
        self._queued.clear()

    def wait(self) -> None:
        """Wait until the listeners have handled the records in their queues."""
        looks = 0
        while self._queued and looks < _MAX_LOOKS and _are_listened_to([*self._queued.values()]):
            pause(0.001)
            looks += 1
        # A queue without a listener is not waited for again.
        self._queued.clear()

    def written(self, record: Hashable) -> list[str] | None:
        """What handlers wrote for a record; None if no handler of the consumer accepted it.

        Args:
            record: its `key_of`.
        """
        return self._written.get(record)

    @staticmethod
    def key_of(record: logging.LogRecord) -> Hashable:
        """A key that is equal for a record and for the copy of it in a queue."""
        return (record.name, record.created, record.thread, record.pathname, record.lineno)

    def _looking_at_handle(self, real: Any) -> Any:
        def handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
            if type(handler).__module__.startswith(_TESTS):
                return real(handler, record)
            key, hands_on = self.key_of(record), _hands_on(handler)
            if hands_on and hasattr(handler, "queue"):
                self._queued[key] = handler.queue
            self._look_at_format_of(type(handler))
            outer = getattr(self._current, "writing", None)
            writing = self._current.writing = _Writing(handler)
            try:
                taken = real(handler, record)
            finally:
                self._current.writing = outer
            if not hands_on:
                if taken and not writing.texts:
                    given = taken if isinstance(taken, logging.LogRecord) else record
                    writing.texts.append(self._text_of(given))
                self._written.setdefault(key, []).extend(writing.texts)
            elif not taken:
                self._queued.pop(key, None)
            return taken

        return handle

    def _look_at_format_of(self, kind: type[logging.Handler]) -> None:
        """Replace ``format`` in the class that defines it; subclasses may change the result."""
        owner = next(base for base in kind.__mro__ if "format" in vars(base))
        if owner not in self._formatting:
            self._formatting.add(owner)
            self._patches.put(owner, "format", self._looking_at_format)

    def _looking_at_format(self, real: Any) -> Any:
        def format_record(handler: logging.Handler, record: logging.LogRecord) -> Any:
            writing = getattr(self._current, "writing", None)
            if writing is None or writing.handler is not handler or writing.formats:
                return real(handler, record)
            writing.formats = True
            try:
                text = real(handler, record)
            finally:
                writing.formats = False
            writing.texts.append(str(text))
            return text

        return format_record

    def _look_at_listeners(self, handlers: Any) -> None:
        def hearing(real: Any) -> Any:
            def handle(listener: Any, record: logging.LogRecord) -> Any:
                try:
                    return real(listener, record)
                finally:
                    key = self.key_of(record)
                    self._written.setdefault(key, [])
                    self._queued.pop(key, None)

            return handle

        self._patches.put(handlers.QueueListener, "handle", hearing)


class _Writing:
    """A handler that writes a record now, in one thread."""

    __slots__ = ("formats", "handler", "texts")

    def __init__(self, handler: logging.Handler) -> None:
        self.handler = handler
        self.formats = False
        self.texts: list[str] = []


def _hands_on(handler: logging.Handler) -> bool:
    """Whether a handler only passes records on, as ``QueueHandler`` and ``MemoryHandler`` do."""
    module: Any = sys.modules.get("logging.handlers")
    return module is not None and isinstance(handler, module.QueueHandler | module.MemoryHandler)


def _are_listened_to(queues: list[Any]) -> bool:
    """Whether a thread of a ``QueueListener`` takes records out of one of these queues."""
    targets = [getattr(thread, "_target", None) for thread in threading.enumerate()]
    listeners = [getattr(target, "__self__", None) for target in targets]
    heard = [getattr(listener, "queue", None) for listener in listeners]
    return any(one is queue for one in heard for queue in queues)


def rendered(texts: list[str], fields: Mapping[str, str]) -> tuple[str, ...]:
    """What handlers have written for a record, and the fields that they have left out.

    A field that one formatter does not show is not hidden: another one shows it.

    Args:
        texts: what was written; nothing where filters dropped the record.
        fields: the texts of the record's fields, by name.
    """
    shown = ["\n".join(without_source_lines(text)) for text in texts]
    if shown:
        words = {word for text in shown for word in _WORD.findall(text)}
        shown += [f"{name}={text}" for name, text in fields.items() if name not in words]
    return tuple(shown)
