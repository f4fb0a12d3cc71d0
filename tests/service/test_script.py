"""Scripts: which requests fail, how often, in which order, and messages about mistakes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_consumer import FILES, send, upload

from pytest_parseapi import ALWAYS
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.http import Request
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.providers.registry import registry
from pytest_parseapi.service.script import Script, steps_for

EXTEND = registry()["extend"]
PARSE = Endpoint(method="POST", path="/parse")
REQUEST = Request(method="POST", url="", host="", path="/parse", client="httpx")
lenient = pytest.mark.parseapi(strict=False)


def codes(api, number, name="a.pdf", **more):
    """What this many requests get: a code, a fault's name or 'ok'."""
    for _ in range(number):
        send(api, name, **more)
    return outcomes(api)[-number:]


def outcomes(api):
    return [getattr(item.error, "code", item.error) or "ok" for item in api.attempts]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([(("OCR_ERROR",), {})], ["OCR_ERROR", "ok"]),
        ([(("OCR_ERROR",), {"times": 3})], ["OCR_ERROR"] * 3 + ["ok"]),
        ([(("OCR_ERROR",), {"times": 0})], ["ok"]),
        (
            [(("OCR_ERROR", "RATE_LIMIT_EXCEEDED"), {})],
            ["OCR_ERROR", "RATE_LIMIT_EXCEEDED", "ok"],
        ),
        (
            [(("OCR_ERROR", "CORRUPT_FILE"), {"times": 2})],
            ["OCR_ERROR", "OCR_ERROR", "CORRUPT_FILE", "CORRUPT_FILE", "ok"],
        ),
        (
            [(("OCR_ERROR",), {}), (("read_timeout",), {}), ((429,), {})],
            ["OCR_ERROR", "read_timeout", "RATE_LIMIT_EXCEEDED", "ok"],
        ),
        ([(("OCR_ERROR",), {"times": ALWAYS})], ["OCR_ERROR"] * 9),
        (
            [(("OCR_ERROR",), {}), (("CORRUPT_FILE",), {"times": ALWAYS})],
            ["OCR_ERROR", "CORRUPT_FILE"],
        ),
        ([((EXTEND.errors[0],), {})], [EXTEND.errors[0].code, "ok"]),
    ],
)
def test_errors_come_in_their_order(extend_api, script, expected):
    for errors, options in script:
        extend_api.fail(*errors, **options)
    assert codes(extend_api, len(expected)) == expected


@pytest.mark.parametrize("name", ["a.pdf", FILES + "a.pdf"])
def test_a_document(extend_api, name):
    extend_api.fail("OCR_ERROR", times=2, document=name)
    for document in ("b.pdf", "a.pdf", "b.pdf", "a.pdf", "a.pdf"):
        send(extend_api, document)
    assert outcomes(extend_api) == ["ok", "OCR_ERROR", "ok", "OCR_ERROR", "ok"]
    assert [item.status for item in extend_api.attempts_for(name)] == [500, 500, 200]


@pytest.mark.parametrize("by_id", [False, True])
def test_an_uploaded_document(extend_api, by_id):
    name = upload(extend_api, b"%PDF-1.7", "scan 1.pdf").json()["id"]
    extend_api.fail("OCR_ERROR", document=name if by_id else "scan 1.pdf")
    send(extend_api, "b.pdf")
    send(extend_api, json={"file": {"id": name}})
    assert outcomes(extend_api) == ["ok", "ok", "OCR_ERROR"]


def test_a_path_names_its_file(nutrient_api, tmp_path):
    nutrient_api.fail("maestro_error", document=tmp_path / "scan.pdf")
    for name in ("other.pdf", "scan.pdf"):
        send(nutrient_api, files={"file": (name, b"%PDF")})
    assert outcomes(nutrient_api) == ["ok", "maestro_error"]


@pytest.mark.parametrize("endpoint", ["/parse", "POST /parse", "post /parse"])
def test_an_endpoint(extend_api, endpoint):
    extend_api.fail("INTERNAL_ERROR", endpoint=endpoint)
    upload(extend_api, b"%PDF")
    send(extend_api)
    assert outcomes(extend_api) == ["ok", "INTERNAL_ERROR"]


def test_errors_that_document_only_some_endpoints(extend_api):
    extend_api.fail("OCR_ERROR", "INTERNAL_ERROR")
    upload(extend_api, b"%PDF")
    upload(extend_api, b"%PDF")
    send(extend_api)
    assert outcomes(extend_api) == ["INTERNAL_ERROR", "ok", "OCR_ERROR"]


def test_a_document_and_the_rest(extend_api):
    """An earlier script for one document does not hold up a later one for all."""
    extend_api.fail("OCR_ERROR", document="b.pdf")
    extend_api.fail("CORRUPT_FILE")
    for name in ("a.pdf", "b.pdf", "b.pdf"):
        send(extend_api, name)
    assert outcomes(extend_api) == ["CORRUPT_FILE", "OCR_ERROR", "ok"]


def test_scripts_may_be_added_in_between(extend_api):
    extend_api.fail("OCR_ERROR")
    assert codes(extend_api, 2) == ["OCR_ERROR", "ok"]
    extend_api.fail("CORRUPT_FILE")
    assert codes(extend_api, 2) == ["CORRUPT_FILE", "ok"]


@pytest.mark.parametrize(
    ("value", "header"),
    [
        (0, "0"),
        (0.0, "0"),
        (30, "30"),
        (1.5, "1.5"),
        (0.0001, "0.0001"),
        (1234.5678, "1234.5678"),
        (3_600_000, "3600000"),
        ("120", "120"),
        ("Wed Oct 21 07:28:00 2015", "Wed Oct 21 07:28:00 2015"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"),
        (dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "Wed, 02 Jan 2030 03:04:05 GMT"),
        (
            dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            "Wed, 02 Jan 2030 01:04:05 GMT",
        ),
    ],
)
@pytest.mark.parametrize("error", ["RATE_LIMIT_EXCEEDED", "CORRUPT_FILE", "bad_gateway_html"])
def test_retry_after(extend_api, error, value, header):
    extend_api.fail(error, retry_after=value)
    assert send(extend_api).headers["retry-after"] == header
    assert "retry-after" not in send(extend_api).headers
    extend_api.fail(error)
    assert "retry-after" not in send(extend_api).headers


@pytest.mark.parametrize("message", ["", 'Ünïcode \n "quoted"', "x" * 10_000])
def test_a_message(extend_api, message):
    extend_api.fail("OCR_ERROR", message=message)
    assert send(extend_api).json()["message"] == message


@pytest.mark.parametrize(
    ("errors", "options", "message"),
    [
        ((), {}, "fail() needs at least one error: a code, a status or a network fault"),
        (("OCR_EROR",), {}, "unknown extend error 'OCR_EROR': did you mean 'OCR_ERROR'?"),
        (
            ("read_timout",),
            {},
            "unknown extend error 'read_timout': did you mean 'read_timeout' or 'connect_timeout'?",
        ),
        (("OCR_ERROR",), {"times": -1}, "times must be an integer >= 0, or ALWAYS, not -1"),
        (("OCR_ERROR",), {"times": 1.5}, "times must be an integer >= 0, or ALWAYS, not 1.5"),
        (("OCR_ERROR",), {"times": True}, "times must be an integer >= 0, or ALWAYS, not True"),
        (("OCR_ERROR",), {"times": "2"}, "times must be an integer >= 0, or ALWAYS, not '2'"),
        (("OCR_ERROR",), {"times": None}, "times must be an integer >= 0, or ALWAYS, not None"),
        (("OCR_ERROR",), {"document": ""}, "document is a URL, a file name or an id, not ''"),
        (("OCR_ERROR",), {"document": 7}, "document is a URL, a file name or an id, not 7"),
        (
            ("OCR_ERROR",),
            {"endpoint": "/pars"},
            "unknown extend endpoint '/pars': did you mean '/parse' or '/parse_runs'?",
        ),
        (
            ("OCR_ERROR",),
            {"endpoint": "/files/upload"},
            "OCR_ERROR is documented for /parse, not for /files/upload; for runs use fail_run()",
        ),
        (
            ("OCR_ERROR",),
            {"retry_after": -1},
            "retry_after must be seconds >= 0, an HTTP date or a datetime, not -1",
        ),
        (
            ("OCR_ERROR",),
            {"retry_after": ""},
            "retry_after must be seconds >= 0, an HTTP date or a datetime, not ''",
        ),
        (
            ("OCR_ERROR",),
            {"retry_after": float("nan")},
            "retry_after must be seconds >= 0, an HTTP date or a datetime, not nan",
        ),
        (
            ("OCR_ERROR",),
            {"retry_after": dt.datetime(2030, 1, 2)},  # noqa: DTZ001
            "retry_after needs a datetime with a time zone",
        ),
        (
            ("OCR_ERROR",),
            {"retry_after": "soon"},
            "retry_after must be seconds >= 0, an HTTP date or a datetime, not 'soon'",
        ),
        (("OCR_ERROR",), {"message": 7}, "message is a string, not 7"),
        (
            ("OCR_ERROR",),
            {"endpoint": "POST /extraction/parse"},
            "'POST /extraction/parse' is documented by nutrient, not by extend: use nutrient_api",
        ),
        ((505,), {}, None),
    ],
)
def test_mistakes_are_refused(extend_api, errors, options, message):
    with pytest.raises(UsageError) as mistake:
        extend_api.fail(*errors, **options)
    if message is not None:
        assert str(mistake.value) == message
    assert "\n" not in str(mistake.value)
    assert codes(extend_api, 1) == ["ok"], "a mistake scripts nothing"


def test_a_mistake_in_one_of_several_scripts_nothing(extend_api):
    with pytest.raises(UsageError):
        extend_api.fail("OCR_ERROR", "CORUPT_FILE")
    assert codes(extend_api, 1) == ["ok"]


@pytest.mark.parametrize("argument", [{"retry_after": 5}, {"message": "Later."}])
def test_a_fault_without_a_reply_takes_no_retry_after_or_message(extend_api, argument):
    with pytest.raises(UsageError) as mistake:
        extend_api.fail("read_timeout", **argument)
    assert (
        str(mistake.value) == f"read_timeout sends no reply, so it takes no {next(iter(argument))}"
    )


@pytest.mark.parametrize("fault", ["invalid_json", "empty_body", "truncated_body"])
def test_a_reply_without_room_for_a_message_takes_none(extend_api, fault):
    with pytest.raises(UsageError) as mistake:
        extend_api.fail(fault, message="Later.")
    assert str(mistake.value) == f"the reply of {fault} has no room for a message"
    extend_api.fail(fault, "OCR_ERROR", message="Later.")
    send(extend_api)
    assert send(extend_api).json()["message"] == "Later."


@pytest.mark.parametrize("fault", [fault.name for fault in FAULTS if fault.takes_message])
def test_a_reply_with_room_for_a_message_carries_it(extend_api, fault):
    extend_api.fail(fault, message="Later.")
    assert "Later." in send(extend_api).text


def test_a_retry_after_goes_with_what_sends_a_reply(extend_api):
    extend_api.fail("invalid_json", "connect_error", retry_after=5)
    assert send(extend_api).headers["retry-after"] == "5"
    assert send(extend_api) is None


# Threads


def test_eight_threads_meet_each_failure_once(extend_api):
    extend_api.fail("OCR_ERROR", times=40)
    extend_api.fail("CORRUPT_FILE", times=40)

    def work(number):
        for _ in range(20):
            send(extend_api, f"{number}.pdf")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert Counter(outcomes(extend_api)) == {"OCR_ERROR": 40, "CORRUPT_FILE": 40, "ok": 80}
    assert [item.number for item in extend_api.attempts] == list(range(1, 161))
    ids = [item.request_id for item in extend_api.attempts if item.failed]
    assert len(set(ids)) == 80


NAMES = ("a.pdf", "b.pdf", "c.pdf")
steps = st.lists(
    st.tuples(
        st.sampled_from(["OCR_ERROR", "CORRUPT_FILE", "read_timeout", "empty_body"]),
        st.integers(0, 3),
        st.sampled_from([None, *NAMES]),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(scripted=steps, asked=st.lists(st.sampled_from(NAMES), max_size=20))
def test_any_interleaving_of_documents_meets_its_own_script(scripted, asked):
    """Each document sees, in order, the steps that are its own or everybody's."""
    script = Script(EXTEND.base_url, DocumentNames())
    model = []
    for code, times, document in scripted:
        for step in steps_for(EXTEND, [code], times=times, document=document):
            script.add(step)
        model += [(code, document)] * times
    for name in asked:
        found = script.find(REQUEST, PARSE, (name,))
        expected = next((item for item in model if item[1] in (None, name)), None)
        if expected is None:
            assert found.step is None
            continue
        model.remove(expected)
        assert getattr(found.step.error, "code", None) or str(found.step.error) == expected[0]
        script.take(found)
    assert sum(step.left for step in script.unused()) == len(model)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    times=st.integers(0, 12),
    plan=st.lists(st.sampled_from(NAMES), min_size=1, max_size=24),
)
@lenient
def test_threads_and_steps_in_any_mixture(extend_api, times, plan):
    extend_api.reset()
    extend_api.fail("OCR_ERROR", times=times)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: send(extend_api, name), plan))
    assert outcomes(extend_api).count("OCR_ERROR") == min(times, len(plan))
    assert Counter(item.document for item in extend_api.attempts) == Counter(
        FILES + name for name in plan
    )
