"""Credentials that filters, formatters or processors remove do not count as logged."""

from __future__ import annotations

import contextlib
import io
import itertools
import logging
import logging.config
import logging.handlers
import queue
import re
import sys

import loguru
import pytest
import structlog
from plain_consumer import said, send

KEY = "sk_live_Qm9vdHN0cmFwS2V5"
NUMBERS = itertools.count()


@pytest.fixture
def sinks():
    loguru.logger.remove()
    yield loguru.logger
    loguru.logger.remove()
    loguru.logger.add(sys.__stderr__)


@pytest.fixture
def logger():
    logger = logging.getLogger(f"redacted.{next(NUMBERS)}")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    return logger


@pytest.fixture
def leaks(extend_api):
    """Whether the check finds the key."""
    send(extend_api, key=KEY)
    return lambda: said(extend_api.assert_credential_not_logged) != "passed"


def hidden(text):
    return re.sub(r"sk_\w+", "***", text)


class Filter(logging.Filter):
    def filter(self, record):
        record.msg, record.args = hidden(record.getMessage()), ()
        return True


class Formatter(logging.Formatter):
    def format(self, record):
        return hidden(super().format(record))


class Fields(logging.Formatter):
    def format(self, record):
        return f"{record.getMessage()} headers={hidden(str(record.headers))}"


class Handler(logging.StreamHandler):
    """Changes what its base class has formatted."""

    def format(self, record):
        return hidden(super().format(record))


class Table(logging.Handler):
    """Keeps the message, and formats nothing."""

    def emit(self, record):
        self.kept = record.getMessage()


def written(handler=None, *, formatter=None, log_filter=None, level="DEBUG"):
    handler = handler or logging.StreamHandler(io.StringIO())
    handler.setLevel(level)
    handler.setFormatter(formatter)
    if log_filter is not None:
        handler.addFilter(log_filter)
    return handler


def kept(*handlers):
    """A buffer that is flushed at once."""
    return [logging.handlers.MemoryHandler(1, target=handler) for handler in handlers]


RIGHT = {
    "a filter": lambda: [written(log_filter=Filter())],
    "a filter that drops": lambda: [written(log_filter=lambda record: KEY not in str(record.args))],
    "a formatter": lambda: [written(formatter=Formatter())],
    "a handler that formats": lambda: [Handler(io.StringIO())],
    "a buffer": lambda: kept(written(formatter=Formatter())),
    "a table behind a filter": lambda: [written(Table(), log_filter=Filter())],
}
WRONG = {
    "a second handler": lambda: [written(formatter=Formatter()), written()],
    "a handler before the filter's": lambda: [written(), written(log_filter=Filter())],
    "a buffer": lambda: kept(written()),
    "a table": lambda: [written(Table()), written(formatter=Formatter())],
    "no handler": list,
    "a handler for errors alone": lambda: [written(level="ERROR", formatter=Formatter())],
}


@pytest.mark.parametrize("handlers", RIGHT.values(), ids=RIGHT)
def test_what_handlers_hide_is_not_logged(leaks, logger, handlers):
    logger.handlers = handlers()
    logger.warning("asking with %s", KEY)
    assert not leaks()


@pytest.mark.parametrize("handlers", WRONG.values(), ids=WRONG)
def test_what_one_handler_shows_is_logged(leaks, logger, handlers):
    logger.handlers = handlers()
    logger.warning("asking with %s", KEY)
    assert leaks()


@pytest.mark.parametrize(("formatter", "wrong"), [(Fields(), False), (None, True)])
def test_a_field_that_a_formatter_leaves_out_is_not_hidden(leaks, logger, formatter, wrong):
    logger.handlers = [written(formatter=formatter)]
    logger.warning("asking", extra={"headers": {"authorization": KEY}})
    assert leaks() is wrong


@contextlib.contextmanager
def listening(logger, *handlers):
    records = queue.SimpleQueue()
    logger.handlers = [logging.handlers.QueueHandler(records)]
    listener = logging.handlers.QueueListener(records, *handlers)
    listener.start()
    try:
        yield
    finally:
        listener.stop()


@pytest.mark.parametrize(("formatter", "wrong"), [(Formatter(), False), (None, True)])
def test_a_listener_is_waited_for(leaks, logger, formatter, wrong):
    with listening(logger, written(formatter=formatter)):
        logger.warning("asking with %s", KEY)
        assert leaks() is wrong


def test_what_waits_in_a_queue_that_nobody_listens_to_counts_as_it_is(leaks, logger):
    logger.handlers = [logging.handlers.QueueHandler(queue.SimpleQueue())]
    logger.warning("asking with %s", KEY)
    assert leaks()


def hide(_logger, _method, event):
    return {key: hidden(value) for key, value in event.items()}


@pytest.mark.parametrize(("first", "wrong"), [([hide], False), ([], True)])
@pytest.mark.parametrize(
    ("last", "factory"),
    [
        (
            structlog.processors.JSONRenderer(),
            lambda _: structlog.PrintLoggerFactory(io.StringIO()),
        ),
        (structlog.stdlib.render_to_log_kwargs, lambda logger: lambda *_: logger),
    ],
    ids=["print", "stdlib"],
)
def test_processors_of_structlog(leaks, logger, first, wrong, last, factory):
    structlog.configure(processors=[*first, last], logger_factory=factory(logger))
    try:
        structlog.get_logger().error("asking", authorization=KEY)
    finally:
        structlog.reset_defaults()
    assert leaks() is wrong


@pytest.mark.parametrize("wrong", [False, True])
def test_a_formatter_of_structlog(leaks, logger, wrong):
    kit = structlog.stdlib.ProcessorFormatter
    processors = [kit.remove_processors_meta, *([] if wrong else [hide])]
    formatter = kit(processors=[*processors, structlog.processors.JSONRenderer()])
    logger.handlers = [written(formatter=formatter)]
    structlog.configure(processors=[kit.wrap_for_formatter], logger_factory=lambda *_: logger)
    try:
        structlog.get_logger().error("asking", authorization=KEY)
    finally:
        structlog.reset_defaults()
    assert leaks() is wrong


def masked(record):
    record["extra"]["masked"] = hidden(record["message"])
    return "{extra[masked]}\n"


@pytest.mark.parametrize(
    ("formats", "wrong"), [([masked], False), (["{message}"], True), ([masked, "{message}"], True)]
)
def test_a_format_of_loguru(leaks, sinks, tmp_path, formats, wrong):
    for number, shown in enumerate(formats):
        sinks.add(tmp_path / f"{number}.log", format=shown)
    sinks.error("asking with {}", KEY)
    assert leaks() is wrong


def test_variables_that_loguru_shows_in_a_file(leaks, sinks, tmp_path):
    def ask(key):
        raise ValueError(len(key))

    sinks.add(tmp_path / "app.log", diagnose=True)
    try:
        ask(KEY)
    except ValueError:
        sinks.exception("failed")
    assert leaks()
