"""Records what the consumer logs by logging, structlog and loguru, with its level."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.record.evidence.handlers import Handlers, rendered
from pytest_parseapi.record.evidence.line import Line, exception_text

_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
)
_CAPTURES: Final = ("structlog.testing", "pytest_structlog")


class Said(NamedTuple):
    """A log record of `logging`, before its handlers write it.

    Args:
        line: what was said.
        fields: the texts of its fields, by name.
        written: gives what handlers have written of it so far; None where none of the consumer's
            took it.
    """

    line: Line
    fields: Mapping[str, str]
    written: Callable[[], list[str] | None]


class Logs:
    """Records all log records, also those of loggers that do not propagate.

    Args:
        now: virtual seconds since the test began.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._said: list[Line | Said] = []
        self._handlers = Handlers(_record_text)
        self._patches = Patches()
        self._imports = ImportHook()

    def start(self) -> None:
        """Record from now on."""

        def logging_calls(real: Any) -> Any:
            def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
                text = _record_text(record)
                line = Line("logging", text, record.levelno, record.name, self._now())
                written = partial(self._handlers.written, Handlers.key_of(record))
                self._said.append(Said(line, _fields_of(record), written))
                real(logger, record)

            return call_handlers

        self._patches.put(logging.Logger, "callHandlers", logging_calls)
        self._handlers.start()
        self._imports.when("structlog", self._tap_structlog)
        # A sink of our own would go with the consumer's ``logger.remove()``, and decide about
        # levels that the consumer's sinks leave out.
        self._imports.when("loguru._handler", self._tap_loguru)

    def stop(self) -> None:
        """Stop recording."""
        self._imports.stop()
        self._handlers.stop()
        self._patches.stop()

    def clear(self) -> None:
        """Forget all lines so far."""
        self._said.clear()
        self._handlers.clear()

    def lines(self) -> Iterator[Line]:
        """All lines so far."""
        self._handlers.wait()
        for said in self._said:
            if isinstance(said, Line):
                yield said
                continue
            texts = said.written()
            shown = None if texts is None else rendered(texts, said.fields)
            yield said.line if shown is None else replace(said.line, shown=shown)

    def _add_event(
        self, fields: Mapping[str, Any], method: str, shown: tuple[str, ...] | None = None
    ) -> None:
        text = _joined(_texts_of(fields))
        level = _level_of(method)
        self._said.append(Line("structlog", text, level, when=self._now(), shown=shown))

    def _tap_structlog(self, structlog: Any) -> None:
        def events(real: Any) -> Any:
            def process_event(logger: Any, method: str, event: Any, fields: dict[str, Any]) -> Any:
                said = {**structlog.get_context(logger), **fields, "event": event}
                try:
                    result = real(logger, method, event, fields)
                except structlog.DropEvent:
                    # A processor that captures events for a test ends the chain in this way.
                    if any(type(item).__module__ in _CAPTURES for item in logger._processors):
                        self._add_event(said, method)
                    raise
                self._add_event(said, method, _processed(result, logger._logger))
                return result

            return process_event

        self._patches.put(structlog.BoundLoggerBase, "_process_event", events)

    def _tap_loguru(self, handlers: Any) -> None:
        latest: list[Any] = [None, []]
        at_work = threading.local()

        def messages(real: Any) -> Any:
            def message(text: str) -> Any:
                texts = getattr(at_work, "texts", None)
                if texts is not None:
                    texts.append(text)
                return real(text)

            return message

        def records(real: Any) -> Any:
            def emit(handler: Any, record: Any, *arguments: Any) -> None:
                takes = _takes(handler, record)
                # Each sink gets the record; the first one that accepts it is enough.
                if takes and record is not latest[0]:
                    latest[:] = record, []
                    self._said.append(self._said_by_loguru(record, latest[1]))
                at_work.texts = latest[1] if takes else None
                try:
                    real(handler, record, *arguments)
                finally:
                    at_work.texts = None

            return emit

        self._patches.put(handlers.Handler, "emit", records)
        self._patches.put(handlers, "Message", messages)

    def _said_by_loguru(self, record: Any, written: list[str]) -> Said:
        fields = _texts_of(record["extra"])
        text = record["message"] + _joined(fields, " ")
        if record["exception"] is not None:
            text += "\n" + exception_text(record["exception"].value)
        line = Line("loguru", text, record["level"].no, record["name"] or "", self._now())
        return Said(line, fields, lambda: written)


def _takes(handler: Any, record: Any) -> bool:
    # If a consumer's own filter raises, loguru reports it.
    with contextlib.suppress(Exception):
        if handler._levelno <= record["level"].no:
            return handler._filter is None or bool(handler._filter(record))
    return False


def _record_text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - logging itself reports what cannot be formatted
        text = f"{record.msg} {record.args}"
    text += _joined(_fields_of(record), " ")
    if isinstance(record.exc_info, tuple):
        text += "\n" + exception_text(record.exc_info[1])
    return text


def _fields_of(record: logging.LogRecord) -> dict[str, str]:
    """The fields that ``extra=`` has added to a record."""
    return _texts_of({key: value for key, value in vars(record).items() if key not in _STANDARD})


def _processed(result: Any, logger: Any) -> tuple[str, ...] | None:
    """The text of a structlog event; empty if a logger of `logging` records it, too."""
    if isinstance(logger, logging.Logger):
        return ()
    arguments, fields = result
    return tuple(_texts_of({**dict(enumerate(arguments)), **fields}).values())


def _joined(texts: Mapping[str, str], before: str = "") -> str:
    fields = " ".join(f"{key}={text}" for key, text in texts.items())
    return before + fields if fields else ""


def _texts_of(fields: Mapping[Any, Any]) -> dict[str, str]:
    texts = {}
    for key, value in fields.items():
        try:
            text = value if isinstance(value, str) else repr(value)
        except Exception:  # noqa: BLE001 - a broken __repr__ is the consumer's affair
            text = f"<{type(value).__name__}>"
        if isinstance(value, BaseException):
            text = exception_text(value)
        texts[str(key)] = text
    return texts


def _level_of(method: str) -> int:
    name = {"exception": "ERROR", "warn": "WARNING", "fatal": "CRITICAL", "msg": "INFO"}.get(
        method, method.upper()
    )
    level = logging.getLevelNamesMapping().get(name)
    return logging.INFO if level is None else level
