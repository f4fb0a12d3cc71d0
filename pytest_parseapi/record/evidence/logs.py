"""What the consumer logs: logging, structlog and loguru, at the level it was logged at."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_parseapi.patching.imports import AfterImport
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
        self._undo = contextlib.ExitStack()
        self._tapped: set[str] = set()
        self._imports = AfterImport(("structlog", "loguru"), self.look)

    def start(self) -> None:
        """Record from now on."""
        real = logging.Logger.callHandlers

        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            self._add("logging", _record_text(record), record.levelno, record.name)
            real(logger, record)

        logging.Logger.callHandlers = call_handlers  # type: ignore[assignment,method-assign]
        self._undo.callback(setattr, logging.Logger, "callHandlers", real)
        self._imports.start()
        self._undo.callback(self._imports.stop)
        self.look()

    def look(self) -> None:
        """Reach the libraries that were imported since the last look."""
        if "structlog" in sys.modules and "structlog" not in self._tapped:
            self._tapped.add("structlog")
            self._tap_structlog(sys.modules["structlog"])
        if "loguru" in sys.modules and "loguru" not in self._tapped:
            self._tapped.add("loguru")
            self._tap_loguru()

    def stop(self) -> None:
        """Record no more."""
        self._undo.close()
        self._tapped.clear()

    def _add(self, source: str, text: str, level: int | None, logger: str = "") -> None:
        self.lines.append(Line(source, text, level, logger, self._now()))

    def _tap_structlog(self, structlog: Any) -> None:
        base = structlog.BoundLoggerBase
        real = base._process_event

        def process_event(logger: Any, method: str, event: Any, fields: dict[str, Any]) -> Any:
            said = {**structlog.get_context(logger), **fields, "event": event}
            try:
                result = real(logger, method, event, fields)
            except structlog.DropEvent:
                # Under ``structlog.testing.capture_logs`` every event ends so, after it was kept.
                captures = structlog.testing.LogCapture
                if any(isinstance(processor, captures) for processor in logger._processors):
                    self._add("structlog", _fields_text(said), _level_of(method))
                raise
            self._add("structlog", _fields_text(said), _level_of(method))
            return result

        base._process_event = process_event
        self._undo.callback(setattr, base, "_process_event", real)

    def _tap_loguru(self) -> None:
        # A sink of our own would go with the consumer's ``logger.remove()``, and decide about
        # levels that the consumer's sinks leave out.
        handlers = sys.modules["loguru._handler"].Handler
        real = handlers.emit
        latest: list[Any] = [None]

        def emit(handler: Any, record: Any, *arguments: Any) -> None:
            # Each sink is handed the record in turn; the first that takes it is enough.
            if record is not latest[0] and _takes(handler, record):
                latest[0] = record
                text = f"{record['message']}{_fields_text(record['extra'], ' ')}"
                if record["exception"] is not None:
                    text += "\n" + exception_text(record["exception"].value)
                self._add("loguru", text, record["level"].no, record["name"] or "")
            real(handler, record, *arguments)

        handlers.emit = emit
        self._undo.callback(setattr, handlers, "emit", real)


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
