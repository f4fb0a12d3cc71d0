"""All ways to log and print are recorded, and all patches are removed."""


# ruff: noqa: T201, TRY301 - printing and raising is what these consumers do

from __future__ import annotations

import contextlib
import io
import logging
import logging.config
import logging.handlers
import os
import queue
import sys

import loguru
import pytest
import structlog
from plain_consumer import said, send

pytestmark = pytest.mark.usefixtures("restored_loggers")


@pytest.fixture
def restored_loggers():
    yield
    structlog.reset_defaults()
    loguru.logger.remove()
    loguru.logger.add(sys.__stderr__)


@pytest.fixture
def project(pytester, monkeypatch):
    """A project of its own, without the plugins at hand, which take long to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.plugins = ["pytest_parseapi.plugin"]
    return pytester


@pytest.fixture
def failed(extend_api):
    """The API after one failure, and the failure's requestId."""
    extend_api.fail("OCR_ERROR")
    return extend_api, send(extend_api).json()["requestId"]


def own_logger():
    return logging.Logger("app.client")  # noqa: LOG001 - some libraries make theirs so


def say_logging(text):
    logging.getLogger("app").error("failed: %s", text)


def say_not_propagated(text):
    logger = logging.getLogger("app.closed")
    logger.propagate = False
    try:
        logger.error(text)
    finally:
        logger.propagate = True


def say_by_a_logger_of_no_tree(text):
    own_logger().error(text)


def say_in_extra(text):
    logging.getLogger("app").error("failed", extra={"request_id": text})


def say_in_extra_object(text):
    logging.getLogger("app").error("failed", extra={"details": {"ids": [text]}})


def say_in_exc_info(text):
    try:
        raise ValueError(text)
    except ValueError:
        logging.getLogger("app").exception("failed")


def say_in_a_cause(text):
    try:
        try:
            raise ValueError(text)
        except ValueError as error:
            raise RuntimeError("parsing failed") from error
    except RuntimeError:
        logging.getLogger("app").exception("failed")


def say_in_a_group_and_note(text):
    error = ExceptionGroup("several", [ValueError("one"), ValueError("two")])
    error.exceptions[1].add_note(f"see {text}")
    logging.getLogger("app").error("failed", exc_info=error)


def say_with_a_queue_handler(text):
    records = queue.Queue()
    logger = logging.getLogger("app.queued")
    handler = logging.handlers.QueueHandler(records)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        logger.error(text)
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def say_after_dict_config(text):
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"none": {"class": "logging.NullHandler"}},
                "root": {"handlers": ["none"], "level": "INFO"},
            }
        )
        logging.getLogger("app.late").info(text)
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def say_by_an_adapter(text):
    logging.LoggerAdapter(logging.getLogger("app"), {"request_id": text}).error("failed")


def say_by_a_lambda_that_does_not_format(text):
    logging.raiseExceptions = False
    try:
        logging.getLogger("app").error("failed %d", text)
    finally:
        logging.raiseExceptions = True


def say_structlog(text):
    structlog.configure(logger_factory=structlog.PrintLoggerFactory())
    structlog.get_logger().error("failed", request_id=text)


def say_structlog_bound(text):
    structlog.configure(logger_factory=structlog.WriteLoggerFactory())
    structlog.get_logger().bind(request_id=text).error("failed")


def say_structlog_bytes(text):
    structlog.configure(
        processors=[structlog.processors.JSONRenderer(serializer=lambda *a, **k: str(a).encode())],
        logger_factory=structlog.BytesLoggerFactory(),
    )
    structlog.get_logger().error("failed", request_id=text)


def say_structlog_stdlib(text):
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    structlog.get_logger("app").error("failed", request_id=text)


def say_structlog_captured(text):
    with structlog.testing.capture_logs() as captured:
        structlog.get_logger().error("failed", request_id=text)
    assert captured[0]["request_id"] == text


def say_structlog_captured_by_a_plugin(text):
    def capture(*_):
        raise structlog.DropEvent

    captures = type("StructuredLogCapture", (), {"__call__": capture})
    captures.__module__ = "pytest_structlog"
    structlog.configure(processors=[captures()])
    structlog.get_logger().error("failed", request_id=text)


def say_loguru(text):
    loguru.logger.error("failed: {}", text)


def say_loguru_after_remove(text):
    loguru.logger.remove()
    loguru.logger.add(lambda message: None)
    loguru.logger.error(text)


def say_loguru_bound(text):
    loguru.logger.bind(request_id=text).error("failed")


def say_loguru_exception(text):
    try:
        raise ValueError(text)
    except ValueError:
        loguru.logger.exception("failed")


def say_print(text):
    print("failed", text)


def say_stderr(text):
    print("failed", text, file=sys.stderr)


def say_bytes(text):
    sys.stdout.flush()
    sys.stdout.buffer.write(b"failed " + text.encode() + b"\n")


def say_in_pieces(text):
    for letter in text:
        sys.stdout.write(letter)


def say_by_a_descriptor(text):
    os.write(2, memoryview(f"failed {text}\n".encode()))


def say_writelines(text):
    sys.stderr.writelines(["failed\n", text + "\n"])


def say_by_a_stream_handler(text):
    handler = logging.StreamHandler()
    logger = own_logger()
    logger.addHandler(handler)
    logger.error(text)


def say_by_a_kept_write(text):
    write = sys.stdout.write
    write(f"failed {text}\n")


SAYINGS = [value for name, value in list(globals().items()) if name.startswith("say_")]
ERROR_SAYINGS = [
    item
    for item in SAYINGS
    if not any(word in item.__name__ for word in ("dict", "print", "stderr", "bytes", "pieces"))
    and not any(word in item.__name__ for word in ("writelines", "kept", "descriptor"))
] + [say_structlog_bytes]


@pytest.mark.parametrize("say", SAYINGS, ids=lambda say: say.__name__)
class TestEachWayToSayIt:
    def test_it_is_found(self, failed, say):
        api, request_id = failed
        assert said(api.assert_request_id_logged).startswith("rule broken: ")
        say(request_id)
        api.assert_request_id_logged()

    def test_it_is_found_with_capsys(self, failed, say, capsys):
        self.test_it_is_found(failed, say)
        capsys.readouterr()
        failed[0].assert_request_id_logged()

    def test_it_is_found_with_capfd_and_caplog(self, failed, say, capfd, caplog):
        self.test_it_is_found(failed, say)
        capfd.readouterr()
        caplog.clear()
        failed[0].assert_request_id_logged()


@pytest.mark.parametrize("say", ERROR_SAYINGS, ids=lambda say: say.__name__)
def test_a_log_record_keeps_its_level(failed, say):
    api, request_id = failed
    say(request_id)
    api.assert_request_id_logged(level="ERROR")
    api.assert_request_id_logged(level=logging.ERROR)
    assert said(api.assert_request_id_logged, level="CRITICAL").startswith("rule broken: ")


@pytest.mark.parametrize("say", [say_print, say_stderr, say_bytes], ids=lambda say: say.__name__)
def test_output_has_no_level(failed, say):
    api, request_id = failed
    say(request_id)
    assert said(api.assert_request_id_logged, level="DEBUG").startswith("rule broken: ")


def test_a_disabled_level_says_nothing(failed):
    api, request_id = failed
    logger = logging.getLogger("app.quiet")
    logger.setLevel(logging.ERROR)
    logger.warning(request_id)
    loguru.logger.remove()
    loguru.logger.add(lambda message: None, level="ERROR")
    loguru.logger.info(request_id)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    structlog.get_logger().info("quiet", request_id=request_id)
    assert "the consumer logged and printed nothing" in said(api.assert_request_id_logged)
    logger.setLevel(logging.NOTSET)


def test_a_disabled_logger_says_nothing(failed):
    api, request_id = failed
    logger = logging.getLogger("app.disabled")
    logger.disabled = True
    logger.error(request_id)
    logger.disabled = False
    assert said(api.assert_request_id_logged).startswith("rule broken: ")


def test_loguru_without_any_sink_says_nothing(failed):
    api, request_id = failed
    loguru.logger.remove()
    loguru.logger.error(request_id)
    assert said(api.assert_request_id_logged).startswith("rule broken: ")


def test_a_filter_of_loguru_is_heeded(failed):
    api, request_id = failed
    loguru.logger.remove()
    loguru.logger.add(lambda message: None, filter=lambda record: "quiet" not in record["extra"])
    loguru.logger.bind(quiet=True).error(request_id)
    assert said(api.assert_request_id_logged).startswith("rule broken: ")
    loguru.logger.error(request_id)
    api.assert_request_id_logged()


def test_several_sinks_of_loguru_are_one_record(failed):
    api, request_id = failed
    loguru.logger.remove()
    for _ in range(3):
        loguru.logger.add(lambda message: None)
    loguru.logger.error("failed")
    assert "  seen       not in 1 record of loguru\n" in said(api.assert_request_id_logged)
    loguru.logger.error(request_id)
    api.assert_request_id_logged(level="ERROR")


def test_a_dropped_event_says_nothing(failed):
    def drop(*_):
        raise structlog.DropEvent

    api, request_id = failed
    structlog.configure(processors=[drop])
    structlog.get_logger().error("failed", request_id=request_id)
    assert said(api.assert_request_id_logged).startswith("rule broken: ")


def test_redirected_output_is_output(failed):
    api, request_id = failed
    with contextlib.redirect_stdout(io.StringIO()) as kept:
        print(request_id)
    assert kept.getvalue() == request_id + "\n"
    api.assert_request_id_logged()


def test_a_replaced_stream_is_noticed_at_the_next_exchange(failed, monkeypatch):
    api, request_id = failed
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    send(api, "b.pdf")
    print(request_id)
    api.assert_request_id_logged()


def test_a_stream_that_wraps_another(failed):
    """A stream like rich's: it keeps the real stream, and writes to its ``file``."""

    class Console:
        file = property(lambda self: sys.stdout)

        def print(self, text):
            self.file.write(text + "\n")
            self.file.flush()

    api, request_id = failed
    Console().print(request_id)
    api.assert_request_id_logged()


def test_further_text(failed):
    api, request_id = failed
    assert said(api.assert_request_id_logged, text="nothing of it").startswith("rule broken: ")
    api.assert_request_id_logged(text=f"line one\n{request_id}\n")


def test_what_was_said_before_a_reset_does_not_count(failed):
    api, request_id = failed
    say_logging(request_id)
    say_print(request_id)
    api.reset()
    api.fail("OCR_ERROR")
    assert send(api).json()["requestId"] == request_id, "ids repeat"
    assert said(api.assert_request_id_logged).startswith("rule broken: ")


def test_a_broken_repr_is_no_harm(failed):
    class Broken:
        def __repr__(self):
            raise RuntimeError

        __str__ = __repr__

    class BrokenError(Exception):
        def __str__(self):
            raise RuntimeError

    api, request_id = failed
    logging.getLogger("app").error("failed", extra={"broken": Broken(), "id": request_id})
    logging.getLogger("app").addHandler(handler := logging.NullHandler())
    logging.raiseExceptions = False
    try:
        logging.getLogger("app").error("failed", exc_info=BrokenError())
        structlog.configure(processors=[lambda *_: "rendered"])
        structlog.get_logger().error("failed", broken=Broken())
    finally:
        logging.raiseExceptions = True
        logging.getLogger("app").removeHandler(handler)
    api.assert_request_id_logged()


def test_all_patches_are_removed(project):
    project.makepyfile(
        """
        import logging, sys
        import loguru, structlog

        def state():
            streams = [sys.stdout, sys.stderr]
            return (
                logging.Logger.callHandlers,
                logging.Logger.handle,
                structlog.BoundLoggerBase._process_event,
                sorted(loguru.logger._core.handlers),
                [type(s.write) for s in streams],
                ["write" in vars(getattr(s, "buffer", s)) for s in streams],
            )

        def test_before():
            state.before = state()

        def test_simulated(extend_api):
            print("said")
            assert state() != state.before

        def test_after():
            assert state() == state.before
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=3)


def test_libraries_that_the_consumer_imports_late(project):
    project.makepyfile(
        """
        import sys
        import httpx, pytest

        @pytest.mark.parametrize("library", ["loguru", "structlog"])
        def test_late(extend_api, library):
            assert library not in sys.modules
            extend_api.fail("OCR_ERROR")
            name = httpx.post(
                extend_api.base_url + "/parse",
                json={"file": {"url": "https://a.example/a.pdf"}},
                headers={"authorization": "Bearer key_of_the_test"},
            ).json()["requestId"]
            if library == "loguru":
                from loguru import logger
            else:
                import structlog
                logger = structlog.get_logger()
            logger.error(name)
            extend_api.assert_request_id_logged(level="ERROR")

        def test_nothing_left():
            assert not any("parseapi" in type(item).__module__ for item in sys.meta_path)
        """
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=3)


CAPTURES = ["fd", "sys", "no", "tee-sys"]


@pytest.mark.parametrize("capture", CAPTURES)
def test_every_way_to_capture(project, capture):
    """Set-up, test and pieces in between may see streams of their own."""
    project.makepyfile(
        """
        import json, os, sys
        import httpx, pytest

        def ask(api, code="OCR_ERROR"):
            api.fail(code)
            with httpx.Client(headers={"authorization": "Bearer key_of_the_test"}) as client:
                reply = client.post(
                    api.base_url + "/parse", json={"file": {"url": "https://a.example/a.pdf"}}
                )
            return reply.json()["requestId"]

        def say(text, how):
            if how == "print":
                print(text)
            elif how == "stderr":
                print(text, file=sys.stderr)
            elif how == "bytes":
                sys.stdout.flush()
                sys.stdout.buffer.write(text.encode())
            elif how == "descriptor":
                os.write(2, text.encode())
            else:
                sys.__stdout__.write(text)
                sys.__stdout__.flush()

        WAYS = ["print", "stderr", "bytes", "descriptor"]

        @pytest.fixture(params=WAYS)
        def told(extend_api, request):
            say(ask(extend_api), request.param)

        def test_in_set_up(told, extend_api):
            extend_api.assert_request_id_logged()

        @pytest.mark.parametrize("way", WAYS)
        def test_in_call(extend_api, way):
            name = ask(extend_api)
            with pytest.raises(AssertionError):
                extend_api.assert_request_id_logged()
            say(name, way)
            extend_api.assert_request_id_logged()

        @pytest.mark.parametrize("way", WAYS)
        def test_without_a_request_in_between(extend_api, capsys, way):
            name = ask(extend_api)
            say(name, way)
            capsys.readouterr()
            with capsys.disabled():
                extend_api.assert_request_id_logged()

        @pytest.mark.parametrize("way", WAYS)
        def test_disabled_without_a_request_in_between(extend_api, capsys, way):
            name = ask(extend_api)
            with capsys.disabled():
                say(name, way)
            extend_api.assert_request_id_logged()

        @pytest.fixture
        def late(extend_api, capfd):
            return extend_api

        def test_capfd_after_the_simulation(late):
            say(ask(late), "print")
            late.assert_request_id_logged()

        def test_capfd_before_the_simulation(capfd, extend_api):
            say(ask(extend_api), "print")
            out = capfd.readouterr().out
            assert "req_" in out
            extend_api.assert_request_id_logged()
        """
    )
    result = project.runpytest_subprocess(f"--capture={capture}")
    result.assert_outcomes(passed=18)


BEGINS_LATE = """
import httpx, pytest

def ask(api):
    api.fail("OCR_ERROR")
    reply = httpx.post(
        api.base_url + "/parse",
        json={"file": {"url": "https://a.example/a.pdf"}},
        headers={"authorization": "Bearer key_of_the_test"},
    )
    return reply.json()["requestId"]

@pytest.fixture
def end(extend_api, capsys):
    yield extend_api
    print(extend_api.request_ids[0])
    extend_api.assert_request_id_logged()

def test_in_tear_down(end):
    ask(end)

def test_asked_for_by_name(extend_api, request):
    name = ask(extend_api)
    request.getfixturevalue("capsys")
    print(name)
    extend_api.assert_request_id_logged()

def test_disabled(extend_api, capsys):
    name = ask(extend_api)
    with capsys.disabled():
        print(name)
    extend_api.assert_request_id_logged()
"""
IN_A_SUBTEST = """
from test_late import ask

def test_in_a_subtest(extend_api, subtests):
    name = ask(extend_api)
    with subtests.test("one"):
        print(name)
    extend_api.assert_request_id_logged()
"""


@pytest.mark.parametrize("options", [*(f"--capture={item}" for item in CAPTURES), "-p xdist -n 1"])
def test_captures_that_begin_or_end_within_a_test(project, options):
    """No request follows that would show them."""
    project.makepyfile(test_late=BEGINS_LATE)
    if pytest.version_tuple >= (9, 0):
        project.makepyfile(test_subtest=IN_A_SUBTEST)
    result = project.runpytest_subprocess(*options.split())
    result.assert_outcomes(passed=3 if pytest.version_tuple < (9, 0) else 4)


def test_the_hook_gives_more_places(project):
    project.makeconftest(
        """
        LINES = []

        def app_log():
            return "\\n".join(LINES)

        def pytest_parseapi_evidence(config):
            return app_log
        """
    )
    project.makepyfile(
        """
        import httpx, pytest
        from conftest import LINES

        def ask(api):
            api.fail("OCR_ERROR")
            headers = {"authorization": "Bearer key_of_the_test"}
            return httpx.post(
                api.base_url + "/parse",
                json={"file": {"url": "https://a.example/a.pdf"}},
                headers=headers,
            ).json()["requestId"]

        def test_found(extend_api):
            LINES.append("unrelated")
            name = ask(extend_api)
            with pytest.raises(AssertionError) as failure:
                extend_api.assert_request_id_logged()
            assert "  seen       not in 1 line of app_log\\n" in str(failure.value)
            assert "  nearest    app_log: 'unrelated'\\n" in str(failure.value)
            LINES.append(name)
            extend_api.assert_request_id_logged()

        def test_credentials_too(extend_api):
            ask(extend_api)
            LINES.append("sent key_of_the_test")
            with pytest.raises(AssertionError, match="app_log: 'sent key"):
                extend_api.assert_credential_not_logged()
        """
    )
    project.runpytest_inprocess("-p", "pytest_parseapi.plugin").assert_outcomes(passed=2)
