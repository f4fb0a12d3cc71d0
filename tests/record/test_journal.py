"""Which attempts are retries of each other, and how long each caller had waited."""

from __future__ import annotations

import asyncio
import copy
import gc
import queue
import sys
import threading
import tracemalloc
from dataclasses import FrozenInstanceError, replace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.model.http import Reply, Request, Timeouts
from pytest_parseapi.providers.registry import registry
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.caller import Caller, current_caller
from pytest_parseapi.record.journal import Journal
from pytest_parseapi.record.outcome import Outcome

PARSE = Endpoint(method="POST", path="/parse")
UPLOAD = Endpoint(method="POST", path="/files/upload")
POLL = Endpoint(method="GET", path="/parse_runs/{id}")
OCR = next(error for error in registry()["extend"].errors if error.code == "OCR_ERROR")


class Callers:
    """Callers that a test ends by hand."""

    def __init__(self):
        self._ended = set()

    def __getitem__(self, name):
        callers = self

        class Named(Caller):
            __slots__ = ()

            def is_idle(self):
                return name in callers._ended

            is_gone = is_idle

        caller = Named(0, None)
        caller.is_task = True
        caller.key = (name,)
        return caller

    def end(self, name):
        """It ends, or waits for work."""
        self._ended.add(name)


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%%PDF\r\n--b--\r\n'
)


class Book:
    """A journal whose clock a test sets."""

    def __init__(self):
        self.now = 0.0
        self.callers = Callers()
        self.names = DocumentNames()
        self.journal = Journal(lambda: self.now, lambda: 1e9 + self.now, self.names)

    def open(
        self,
        name="a.pdf",
        *,
        by="one",
        endpoint=PARSE,
        body=None,
        kind="application/json",
        key="k",
    ):
        names = () if name is None else (f"https://files.example.com/{name}", name.split("?")[0])
        content = repr(names).encode() if body is None else body
        request = Request(
            method=endpoint.method,
            url="https://api.extend.ai" + endpoint.path,
            host="api.extend.ai",
            path=endpoint.path,
            headers=(("authorization", f"Bearer {key}"), ("content-type", kind)),
            body=content,
            client="httpx",
            timeouts=Timeouts(5.0, 5.0),
        )
        names = self.names.names(names)
        return self.journal.open(
            request, endpoint, names, self.callers[by] if isinstance(by, str) else by, (key,)
        )

    def close(self, opened, *, ok=False, error=OCR):
        return self.journal.close(
            opened,
            Outcome(
                result=Reply(status=200 if ok else 500),
                error=None if ok else error,
                request_id=f"req_{opened.number}",
            ),
        )

    def attempt(self, name="a.pdf", *, ok=False, error=OCR, **more):
        return self.close(self.open(name, **more), ok=ok, error=error)

    def operations(self):
        return [[item.number for item in found.attempts] for found in self.journal.operations]


@pytest.fixture
def book():
    return Book()


def test_retries_share_an_operation(book):
    for wait in (1, 2, 4):
        book.attempt()
        book.now += wait
    book.attempt(ok=True)
    assert book.operations() == [[1, 2, 3, 4]]
    assert [item.waited for item in book.journal.attempts] == [None, 1, 2, 4]


def test_documents_and_endpoints_are_operations_of_their_own(book):
    book.attempt("a.pdf")
    book.attempt("b.pdf")
    book.attempt("a.pdf", endpoint=UPLOAD)
    book.now = 5
    book.attempt("b.pdf")
    book.attempt("a.pdf")
    assert book.operations() == [[1, 5], [2, 4], [3]]
    assert [item.waited for item in book.journal.attempts] == [None, None, None, 5, 5]


def test_callers_at_the_same_moment_are_operations_of_their_own(book):
    """Two loops side by side, which keep their operations from then on."""
    for _ in range(2):
        for by in ("one", "two"):
            book.attempt(by=by)
        book.now += 1
    assert book.operations() == [[1, 3], [2, 4]]
    assert [item.waited for item in book.journal.attempts] == [None, None, 1, 1]


def test_a_later_caller_continues_the_operation(book):
    """Two workers on one queue: either of them may make the retry."""
    for by in ("one", "two", "one"):
        book.attempt(by=by)
        book.now += 1
    assert book.operations() == [[1, 2, 3]]
    assert [item.waited for item in book.journal.attempts] == [None, 1, 1]


def test_another_caller_continues_at_once_for_a_worker_that_waits_for_work(book):
    book.attempt(by="one")
    book.callers.end("one")
    book.attempt(by="two")
    assert book.operations() == [[1, 2]]
    assert book.journal.attempts[1].waited == 0


@pytest.mark.parametrize("done", [True, False], ids=["done", "under way"])
def test_another_caller_continues_for_a_worker_that_took_the_next_document(book, done):
    """Between two jobs, a running worker looks like one that is about to retry."""
    book.attempt(by="one")
    retry = book.open(by="two")
    if done:
        book.close(retry, ok=True)
    book.attempt("b.pdf", by="one")
    if not done:
        book.close(retry, ok=True)
    assert book.operations() == [[1, 2], [3]]
    assert [item.waited for item in book.journal.attempts] == [None, 0, None]
    assert book.attempt(by="two").waited is None


@pytest.mark.parametrize("done", [True, False], ids=["done", "under way"])
def test_another_caller_continues_for_a_worker_that_has_ended(book, done):
    """A thread that has started another one may run for a moment, and then it ends."""
    book.attempt(by="one")
    retry = book.open(by="two")
    if done:
        book.close(retry)
    book.callers.end("one")
    if not done:
        book.close(retry)
    assert book.operations() == [[1, 2]]
    assert [item.waited for item in book.journal.attempts] == [None, 0]
    book.attempt(by="two", ok=True)
    assert book.operations() == [[1, 2, 3]]


def test_a_thread_that_starts_another_one_and_has_not_ended_yet(book):
    asked = threading.Event()

    def retry():
        book.close(book.open(by=current_caller()), ok=True)
        asked.set()

    def first():
        book.close(book.open(by=current_caller()))
        threading.Thread(target=retry).start()
        while not asked.is_set():
            sum(range(100))

    thread = threading.Thread(target=first)
    thread.start()
    thread.join()
    assert book.operations() == [[1, 2]]


def test_a_task_that_starts_another_one_and_has_more_to_do(book):
    async def retry():
        book.close(book.open(by=current_caller()), ok=True)

    async def first():
        book.close(book.open(by=current_caller()))
        task = asyncio.create_task(retry())
        await asyncio.sleep(0.001)
        assert book.operations() == [[1, 2]]
        await task

    asyncio.run(first())


def test_a_task_that_began_before_the_failure_is_at_work_of_its_own(book):
    async def other():
        failed.set()
        await asyncio.sleep(0.001)
        book.close(book.open(by=current_caller()), ok=True)

    async def first():
        task = asyncio.create_task(other())
        await failed.wait()
        book.close(book.open(by=current_caller()))
        await asyncio.sleep(0.01)
        assert book.operations() == [[1], [2]]
        await task

    failed = asyncio.Event()
    asyncio.run(first())


def test_another_caller_continues_for_a_worker_that_waits_by_now(book):
    """Between putting a job back and taking another one, a worker runs."""
    jobs, asked = queue.Queue(), threading.Event()

    def work():
        while (number := jobs.get()) is not None:
            book.close(book.open(by=current_caller()), ok=number == 2)
            if number == 2:
                asked.set()
                return
            jobs.put(2)
            while not asked.is_set():
                sum(range(100))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    jobs.put(1)
    asked.wait()
    while not any("get" in frames_of(thread) for thread in threads):
        threads[0].join(0.001)
    try:
        assert book.operations() == [[1, 2]]
    finally:
        jobs.put(None)


def frames_of(thread):
    frame, names = sys._current_frames().get(thread.ident), []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


def test_a_caller_that_pauses_before_it_ends_keeps_its_operation(book):
    book.attempt(by="one")
    book.attempt(by="two", ok=True)
    book.now = 1
    book.callers.end("one")
    assert book.operations() == [[1], [2]]


def test_a_cured_request_does_not_continue_the_operation_of_an_ended_caller(book):
    book.attempt(by="one", error=ERRORS["PASSWORD_PROTECTED_FILE"])
    book.attempt(by="two", body=b'{"file": {"settings": {"password": "s"}}}', ok=True)
    book.callers.end("one")
    assert book.operations() == [[1], [2]]


def test_a_worker_that_takes_the_next_document_leaves_other_workers_what_is_theirs(book):
    """Three workers, of which one only goes on to another document."""
    for by in ("one", "two", "three"):
        book.attempt(by=by)
    book.attempt("b.pdf", by="one")
    for by in ("two", "three"):
        book.attempt(by=by)
    book.attempt(by="two", ok=True)
    assert book.operations() == [[1, 2, 5, 7], [3, 6], [4]]
    book.now = 1
    book.attempt(by="three")
    assert book.operations() == [[1, 2, 5, 7], [3, 6, 8], [4]]


def test_a_caller_that_pauses_before_the_next_document_keeps_its_operation(book):
    book.attempt(by="one")
    book.attempt(by="two", ok=True)
    book.now = 1
    book.attempt("b.pdf", by="one")
    assert book.operations() == [[1], [2], [3]]


@pytest.mark.parametrize("ends", ["gone", "busy", "elsewhere", "asks again"])
def test_another_payload_by_another_caller_is_the_retry_unless_the_first_one_asks_again(book, ends):
    """A worker that sleeps between two polls of its queue seems to work on its last job."""
    book.attempt(by="one", body=b'{"pages": "1", "config": {}}')
    book.now = 2
    book.attempt(by="two", body=b'{"pages": "1"}', ok=True)
    if ends == "gone":
        book.callers.end("one")
    elif ends == "elsewhere":
        book.attempt("b.pdf", by="one")
    elif ends == "asks again":
        book.attempt(by="one", body=b'{"pages": "1", "config": {}}', ok=True)
    joined = {"gone": [[1, 2]], "elsewhere": [[1, 2], [3]], "asks again": [[1, 3], [2]]}
    assert book.operations() == joined.get(ends, [[1], [2]])
    if ends == "gone":
        assert book.journal.attempts[1].waited == 2


def test_a_followed_operation_may_follow_another_one(book):
    for number, by in enumerate(("one", "two", "three")):
        book.attempt(by=by, body=b'{"n": %d}' % number)
        book.now += 2
    assert book.operations() == [[1], [2], [3]]
    for by in ("one", "two", "three"):
        book.callers.end(by)
    assert book.operations() == [[1, 2, 3]]


def test_merged_operations_are_dropped_together(book):
    first = book.attempt(by="one")
    retry = book.open(by="two")
    second = book.close(retry)
    whose = retry.operation
    book.attempt("b.pdf", by="one")
    (operation, _) = book.journal.operations
    book.journal.drop(operation, first)
    book.journal.drop(whose, second)
    assert book.operations() == [[3]]
    assert book.attempt(by="two").waited is None


def test_a_request_during_an_open_attempt_is_no_retry(book):
    first = book.open(by="one")
    book.now += 1
    book.attempt(by="two")
    book.close(first)
    assert book.operations() == [[1], [2]]


def test_a_request_after_a_success_is_a_new_operation(book):
    for ok in (False, True, False, True):
        book.attempt(ok=ok)
        book.now += 1
    assert book.operations() == [[1, 2], [3, 4]]
    assert [item.waited for item in book.journal.attempts] == [None, 1, None, 1]


def test_a_new_caller_after_a_success_goes_on_with_no_old_failure(book):
    """The slower one of two requests at once failed; the document is parsed again later."""
    slow = book.open(by="slow")
    book.attempt(by="fast", ok=True)
    book.now = 1
    book.close(slow)
    book.callers.end("slow")
    late = book.open(by="late")
    book.close(late, ok=True)
    book.now = 5
    book.attempt(by="later", ok=True)
    assert [numbers[-1] for numbers in book.operations()][-1] == 4


def test_polls_of_a_run_are_one_operation(book):
    for by in ("one", "two", "one"):
        book.attempt(None, endpoint=POLL, body=b"", ok=True, by=by)
        book.now += 1
    assert book.operations() == [[1, 2, 3]]
    assert [item.waited for item in book.journal.attempts] == [None, 1, 1]


def test_parts_of_one_document_at_the_same_moment(book):
    for by in ("one", "two", "three"):
        book.attempt(by=by, body=b'{"pages": "%s"}' % by.encode())
        book.callers.end(by)
    book.now = 1
    for by in ("three", "one", "two"):
        book.attempt(by=f"again {by}", body=b'{"pages": "%s"}' % by.encode(), ok=True)
    assert book.operations() == [[1, 5], [2, 6], [3, 4]]


ERRORS = {error.code: error for error in registry()["extend"].errors}
JSON = b'{"file": {"url": "https://files.example.com/a.pdf%s"%s}%s}'


@pytest.mark.parametrize(
    ("code", "body", "more", "cured"),
    [
        ("PASSWORD_PROTECTED_FILE", (b"", b', "settings": {"password": "s"}', b""), {}, True),
        ("PASSWORD_PROTECTED_FILE", (b"", b"", b', "config": {"target": "spatial"}'), {}, False),
        ("INVALID_CONFIG_OPTIONS", (b"", b"", b', "config": {"target": "spatial"}'), {}, True),
        ("INVALID_CONFIG_OPTIONS", (b"", b', "settings": {"password": "s"}', b""), {}, False),
        ("UNABLE_TO_DOWNLOAD_FILE", (b"?X-Amz-Signature=2", b"", b""), {}, True),
        ("CORRUPT_FILE", (b"", b"", b', "config": {"target": "spatial"}'), {}, False),
        ("UNAUTHORIZED", (b"", b"", b""), {"key": "another"}, True),
        ("UNAUTHORIZED", (b"", b"", b', "config": {}'), {}, False),
        ("CORRUPT_FILE", (b"", b"", b""), {"key": "another"}, False),
        ("OCR_ERROR", (b"", b', "settings": {"password": "s"}', b""), {}, False),
        ("PASSWORD_PROTECTED_FILE", (b"", b"", b""), {}, False),
    ],
)
def test_a_cured_request_is_new(book, code, body, more, cured):
    book.attempt(body=JSON % (b"", b"", b""), error=ERRORS[code])
    book.attempt(body=JSON % body, ok=True, **more)
    assert book.operations() == ([[1], [2]] if cured else [[1, 2]])


def test_the_journal_fills_every_field_of_an_attempt(extend_api):
    """It sets the fields one by one: a missing field would fail only when it is read."""
    httpx.post(f"{extend_api.base_url}/parse", json={}, timeout=5)
    (attempt,) = extend_api.attempts
    assert [name for name in Attempt.__slots__ if not hasattr(attempt, name)] == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"url": "https://api.extend.ai/parse?responseType=json"}, "url"),
        ({"timeout": 7}, "timeouts"),
        ({"headers": {"authorization": "Bearer first_key_0123", "x-trace": "2"}}, "headers"),
        ({"headers": {"authorization": "Bearer other_key_0123"}}, "_secrets"),
    ],
)
def test_an_attempt_has_the_facts_of_its_own_request(extend_api, change, name):
    """Equal requests share one object; no attempt may get that of another request."""
    usual = {
        "url": "https://api.extend.ai/parse",
        "timeout": 5,
        "headers": {"authorization": "Bearer first_key_0123"},
        "json": {"file": {"url": "https://files.example.com/a.pdf"}},
    }
    for asked in (usual, usual | change, usual):
        httpx.post(**asked)
    first, other, again = extend_api.attempts
    assert getattr(first, name) == getattr(again, name) != getattr(other, name)
    assert first._request is again._request


def test_attempts_with_different_credentials_in_the_body_differ(book):
    request = book.open().request
    book.journal.clear()
    for secrets in (("first",), ("other",), ("first",)):
        opened = book.journal.open(request, PARSE, (), book.callers["one"], secrets)
        book.close(opened)
    first, other, again = book.journal.attempts
    assert not first.same_credential(other)
    assert first.same_credential(again)


NOTES = b', "metadata": %s'


@pytest.mark.parametrize(
    ("before", "after", "cured"),
    [
        (b'{"attempt": 1}', b'{"attempt": 2}', False),
        (b'{"password": "a"}', b'{"password": "b"}', False),
        (b'{"order": "7"}', b'{"order": 7}', True),
        (b'"order 7"', b'{"order": 7}', True),
        (b'{"order": 7, "notes": "long"}', b'{"order": 7}', True),
    ],
)
@pytest.mark.parametrize("code", ["INVALID_CONFIG_OPTIONS", "INVALID_REQUEST"])
def test_other_values_in_the_team_s_own_notes_cure_nothing(book, code, before, after, cured):
    book.attempt(body=JSON % (b"", b"", NOTES % before), error=ERRORS[code])
    book.attempt(body=JSON % (b"", b"", NOTES % after), ok=True)
    assert book.operations() == ([[1], [2]] if cured else [[1, 2]])


@pytest.mark.parametrize(
    ("before", "after", "cured"),
    [
        (b"scan.pdf", b"scan-2.pdf", False),
        (b"scan", b"scan-2", False),
        (b"scan.PDF", b"scan.pdf", False),
        (b"scan.bin", b"scan.pdf", True),
        (b"scan", b"scan.pdf", True),
        (b"scan.pdf", b"scan.pdf ", False),
    ],
)
@pytest.mark.parametrize("sent_as", ["JSON", "a form"])
def test_another_name_for_the_same_file_cures_by_its_ending_alone(
    book, before, after, cured, sent_as
):
    content = {"JSON": JSON % (b"", b', "name": "%s"', b""), "a form": FORM}[sent_as]
    kind = "application/json" if sent_as == "JSON" else "multipart/form-data; boundary=b"
    book.attempt(body=content % before, kind=kind, error=ERRORS["CORRUPT_FILE"])
    book.attempt(body=content % after, kind=kind, ok=True)
    assert book.operations() == ([[1], [2]] if cured else [[1, 2]])


SIGNED = [
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F1&X-Amz-Date=2&X-Amz-Signature={}",
    "AWSAccessKeyId=AK&Signature={}&Expires=1{}",
    "X-Goog-Signature={}&X-Goog-Date={}",
    "GoogleAccessId=me%40x.example&Expires={}&Signature={}",
    "sv=2024-08-04&se=2026-01-0{}&sr=b&sp=r&sig=a{}",
    "Expires=1{}&Signature=b{}&Key-Pair-Id=K",
    "Policy=p{}&Signature=b{}&Key-Pair-Id=K",
]


@pytest.mark.parametrize("query", SIGNED)
def test_a_link_that_is_signed_anew_is_the_same_document(book, query):
    for number in range(3):
        url = f"a.pdf?{query.format(number, number)}&id=17"
        body = b'{"url": "https://files.example.com/%s"}' % url.encode()
        book.attempt(url, by=f"caller {number}", body=body)
        book.now += 1
    assert book.operations() == [[1, 2, 3]]
    first, second, _ = book.journal.attempts
    assert first.payload.difference(second.payload) is None
    assert first.document == "https://files.example.com/a.pdf?id=17"


@pytest.mark.parametrize("query", ["id={}", "se={}", "Expires={}", "st={}&v=2", "page={}"])
def test_other_parameters_tell_documents_apart(book, query):
    for number in range(2):
        book.attempt(f"a.pdf?{query.format(number)}")
    assert book.operations() == [[1], [2]]


# Whatever the interleaving

MOMENTS = st.floats(0.1, 5, allow_nan=False)
DOCUMENTS = st.lists(
    st.lists(st.tuples(MOMENTS, st.booleans(), st.integers(0, 3)), min_size=1, max_size=6),
    min_size=1,
    max_size=5,
)


def played(documents):
    """The operations of consumers at work side by side, by document and position."""
    book = Book()
    steps = []
    for number, plan in enumerate(documents):
        when = 0.0
        for position, (pause, ok, worker) in enumerate(plan):
            when += pause
            steps.append((when, number, position, ok, worker))
    place = {}
    for when, number, position, ok, worker in sorted(steps):
        book.now = when
        attempt = book.attempt(f"{number}.pdf", by=f"worker {worker}", ok=ok)
        place[attempt.number] = (number, position, round(attempt.waited or 0, 6))
    return [[place[number] for number in numbers] for numbers in book.operations()]


@given(documents=DOCUMENTS)
def test_operations_are_those_of_each_document_alone(documents):
    """Any thread, task or worker may make an attempt, with any other work in parallel."""
    together = played(documents)
    for number, plan in enumerate(documents):
        own = [found for found in together if found[0][0] == number]
        alone = played([[(pause, ok, 0) for pause, ok, _ in plan]])
        assert [[item[1:] for item in found] for found in own] == [
            [item[1:] for item in found] for found in alone
        ]


@given(
    loops=st.integers(2, 6),
    failures=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
    wait=MOMENTS,
)
def test_loops_side_by_side_on_one_document_stay_apart(loops, failures, order, wait):
    book = Book()
    for number in range(failures + 1):
        workers = list(range(loops))
        order.shuffle(workers)
        for worker in workers:
            book.attempt(by=f"loop {worker}", ok=number == failures)
        book.now += wait
    assert sorted(map(len, book.operations())) == [failures + 1] * loops
    assert all(item.waited in (None, pytest.approx(wait)) for item in book.journal.attempts)


def test_a_caller_goes_on_where_another_has_ended(book):
    book.attempt(by="one")
    book.callers.end("one")
    book.now = 3
    book.attempt(by="two")
    book.callers.end("two")
    book.attempt(by="three", ok=True)
    assert book.operations() == [[1, 2, 3]]
    assert [item.waited for item in book.journal.attempts] == [None, 3, 0]


def test_an_ended_caller_is_followed_by_one_only(book):
    for by in ("one", "two"):
        book.attempt(by=by)
    book.callers.end("one")
    book.callers.end("two")
    for by in ("three", "four", "five"):
        book.attempt(by=by)
    assert book.operations() == [[1, 3], [2, 4], [5]]


def test_attempts_of_one_caller_that_overlap(book):
    """A hedged request is no retry of the one that is still under way."""
    first = book.open()
    second = book.open()
    waits = [book.close(second).waited, book.close(first).waited]
    third = book.attempt()
    assert waits == [None, None]
    assert len(book.operations()) == 2
    assert third.waited == 0
    # Both operations of an ended caller could be continued.
    book.callers.end("one")
    for by in ("two", "three"):
        book.attempt(by=by)
    assert sorted(map(len, book.operations())) == [2, 3]


def test_attempts_are_numbered_and_ordered_by_their_start(book):
    first = book.open("a.pdf")
    book.attempt("b.pdf")
    assert [item.number for item in book.journal.attempts] == [2]
    book.close(first)
    assert [item.number for item in book.journal.attempts] == [1, 2]
    assert book.operations() == [[1], [2]]


def test_a_discarded_attempt_never_took_place(book):
    opened = book.open()
    book.journal.discard(opened)
    assert book.journal.attempts == []
    assert book.journal.operations == []
    assert book.attempt().waited is None


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        pytest.param({"body": b"%PDF one"}, {"body": b"%PDF one"}, True, id="the same bytes"),
        pytest.param({"body": b"%PDF one"}, {"body": b"%PDF two"}, False, id="other bytes"),
        pytest.param({"body": b"%PDF one"}, {"body": b""}, True, id="a spent handle"),
        pytest.param({"body": b"%PDF one"}, {"body": b"one"}, True, id="the rest of a stream"),
        pytest.param({"body": b"%PDF one"}, {"body": b"%PDF 2"}, False, id="a shorter document"),
        pytest.param({"body": b""}, {"body": b"%PDF one"}, False, id="nothing, then a document"),
    ],
)
def test_requests_that_name_no_document(book, first, second, together):
    book.attempt(None, kind="application/pdf", **first)
    book.attempt(None, kind="application/pdf", **second)
    assert book.operations() == ([[1, 2]] if together else [[1], [2]])


def test_a_retry_that_lost_its_document(book):
    book.attempt("a.pdf")
    book.attempt(None, body=b"")
    assert book.operations() == [[1, 2]]
    book.attempt("b.pdf", ok=True)
    book.attempt(None, body=b"")
    assert book.operations() == [[1, 2], [3], [4]], "nothing had failed before it"


def test_a_retry_that_lost_its_documents_name(book):
    kind = "multipart/form-data; boundary=b"
    book.attempt("a.pdf", endpoint=UPLOAD, body=FORM % b"a.pdf", kind=kind)
    book.attempt("blob", endpoint=UPLOAD, body=FORM % b"blob", kind=kind)
    assert book.operations() == [[1, 2]]


def test_clear_forgets_everything(book):
    book.attempt()
    book.journal.credentials.add("k")
    book.journal.clear()
    assert (book.journal.attempts, book.journal.operations) == ([], [])
    assert book.journal.credentials == set()
    attempt = book.attempt()
    assert (attempt.number, attempt.waited) == (1, None)


def test_failures_in_a_row_are_counted(book):
    for ok in (False, False, True, False):
        book.attempt(ok=ok)
    first, second = book.journal.operations
    assert (first.failures, second.failures) == (0, 1)
    assert [(one.number, two.number) for one, two in first.pairs()] == [(1, 2), (2, 3)]


def test_eight_threads_lose_nothing(book):
    def work(number):
        for _ in range(200):
            book.attempt(f"{number % 3}.pdf", by=f"thread {number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [item.number for item in book.journal.attempts] == list(range(1, 1601))
    assert [len(numbers) for numbers in book.operations()] == [200] * 8
    for operation in book.journal.operations:
        numbers = [item.number for item in operation.attempts]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("documents", [1, 8])
def test_retries_cost_less_than_a_kilobyte_apart_from_their_ids_and_body(book, documents):
    for number in range(100):
        book.attempt(f"{number % documents}.pdf")
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1000):
            book.attempt(f"{number % documents}.pdf")
        gc.collect()
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used / 1000 < 700


# Callers


def test_a_thread_is_the_same_caller_until_it_ends():
    found = []

    def work():
        found.extend([current_caller(), current_caller()])
        started.set()
        go_on.wait()

    started, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    started.wait()
    assert found[0] == found[1] != current_caller()
    assert len({*found, current_caller()}) == 2
    assert found[0].is_idle(), "it waits for another thread"
    assert not found[0].is_task
    go_on.set()
    thread.join()
    assert found[0].is_idle()


def test_a_task_is_the_same_caller_until_it_ends():
    async def work():
        return current_caller(), current_caller()

    async def main():
        first, again = await work()
        assert first == again
        task = asyncio.create_task(work())
        other, _ = await task
        assert other != first
        assert other.is_idle()
        assert not first.is_idle()
        assert first.is_task
        return first

    assert asyncio.run(main()).is_idle()


def test_an_attempt_is_whole_and_frozen(book):
    attempt = book.attempt()
    assert type(attempt) is Attempt
    # An attempt that lacks a field cannot be copied.
    assert replace(attempt).number == copy.copy(attempt).number == attempt.number
    with pytest.raises(FrozenInstanceError):
        attempt.number = 7
    with pytest.raises(FrozenInstanceError):
        del attempt.number
