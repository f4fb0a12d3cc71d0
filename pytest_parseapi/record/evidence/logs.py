"""What the consumer logs: logging, structlog and loguru, at the level it was logged at."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.patching.imports import ImportHook
from pytest_parseapi.record.evidence.line import Line, exception_text

__all__ = ["Logs"]

_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "color_message"}
)


class Logs:
    """Records what passes the loggers, also of those that do not propagate.

    Args:
        now: virtual seconds since the test began.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.lines: list[Line] = []
        self._patches = Patches()
        self._imports = ImportHook()

    def start(self) -> None:
        """Record from now on."""

        def logging_calls(real: Any) -> Any:
            def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
                self._add("logging", _record_text(record), record.levelno, record.name)
                real(logger, record)

            return call_handlers

        self._patches.put(logging.Logger, "callHandlers", logging_calls)
        self._imports.when("structlog", self._tap_structlog)
        # A sink of our own would go with the consumer's ``logger.remove()``, and decide about
        # levels that the consumer's sinks leave out.
        self._imports.when("loguru._handler", self._tap_loguru)

    def stop(self) -> None:
        """Record no more."""
        self._imports.stop()
        self._patches.stop()

    def _add(self, source: str, text: str, level: int | None, logger: str = "") -> None:
        self.lines.append(Line(source, text, level, logger, self._now()))

    def _tap_structlog(self, structlog: Any) -> None:
        def events(real: Any) -> Any:
            def process_event(logger: Any, method: str, event: Any, fields: dict[str, Any]) -> Any:
                said = {**structlog.get_context(logger), **fields, "event": event}
                try:
                    result = real(logger, method, event, fields)
                except structlog.DropEvent:
                    # ``structlog.testing.capture_logs`` ends every event so, after it kept it.
                    captures = structlog.testing.LogCapture
                    if any(isinstance(processor, captures) for processor in logger._processors):
                        self._add("structlog", _fields_text(said), _level_of(method))
                    raise
                self._add("structlog", _fields_text(said), _level_of(method))
                return result

            return process_event

        self._patches.put(structlog.BoundLoggerBase, "_process_event", events)

    def _tap_loguru(self, handlers: Any) -> None:
        latest: list[Any] = [None]

        def records(real: Any) -> Any:
            def emit(handler: Any, record: Any, *arguments: Any) -> None:
                # Each sink is handed the record in turn; the first that takes it is enough.
                if record is not latest[0] and _takes(handler, record):
                    latest[0] = record
                    text = f"{record['message']}{_fields_text(record['extra'], ' ')}"
                    if record["exception"] is not None:
                        text += "\n" + exception_text(record["exception"].value)
                    self._add("loguru", text, record["level"].no, record["name"] or "")
                real(handler, record, *arguments)

            return emit

        self._patches.put(handlers.Handler, "emit", records)


def _takes(handler: Any, record: Any) -> bool:
    # What a consumer's own filter raises is reported by loguru, as ever.
    with contextlib.suppress(Exception):
        if handler._levelno <= record["level"].no:
            return handler._filter is None or bool(handler._filter(record))
    return False


def _record_text(record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - logging itself reports what cannot be formatted
        text = f"{record.msg} {record.args}"
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    text += _fields_text(extra, " ")
    if isinstance(record.exc_info, tuple):
        text += "\n" + exception_text(record.exc_info[1])
    return text


def _fields_text(fields: Mapping[str, Any], before: str = "") -> str:
    texts = []
    for key, value in fields.items():
        try:
            text = value if isinstance(value, str) else repr(value)
        except Exception:  # noqa: BLE001 - a broken __repr__ is the consumer's affair
            text = f"<{type(value).__name__}>"
        if isinstance(value, BaseException):
            text = exception_text(value)
        texts.append(f"{key}={text}")
    return before + " ".join(texts) if texts else ""


def _level_of(method: str) -> int:
    name = {"exception": "ERROR", "warn": "WARNING", "fatal": "CRITICAL", "msg": "INFO"}.get(
        method, method.upper()
    )
    level = logging.getLevelNamesMapping().get(name)
    return logging.INFO if level is None else level
