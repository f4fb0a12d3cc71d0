"""If a test has replaced a waiting function, the message names it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from types import ModuleType
from unittest import mock

import httpx
import pytest
import requests
import stamina
import tenacity
from plain_consumer import FILES
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pytest_parseapi.clock.replaced_sleep import SleepFunctions, replaced_sleep_reference
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.case_kinds import case_kinds_of
from pytest_parseapi.contract.policy import ContractPolicy

URL = "https://api.extend.ai/parse"


def retrying(api):
    with httpx.Client(timeout=5) as client:
        for number in range(3):
            headers = {"authorization": f"Bearer {api.api_key}"}
            reply = client.post(URL, json={"file": {"url": FILES + "a.pdf"}}, headers=headers)
            if reply.is_success:
                return
            time.sleep(2.0**number)


async def retrying_async(api):
    async with httpx.AsyncClient(timeout=5) as client:
        for number in range(3):
            headers = {"authorization": f"Bearer {api.api_key}"}
            reply = await client.post(URL, json={"file": {"url": FILES + "a.pdf"}}, headers=headers)
            if reply.is_success:
                return
            await asyncio.sleep(2.0**number)


def said(check, **arguments):
    with pytest.raises(AssertionError) as failure:
        check(**arguments)
    return str(failure.value)


TOLD = (
    "  nearest    attempt 2 came without a wait: the test has put something else in place of {}, "
    "so nothing waits; time is virtual here, and needs no such thing\n"
)


@pytest.mark.parametrize("instead", [mock.Mock(), lambda _seconds: None])
def test_a_replaced_time_sleep_is_named(extend_api, instead):
    extend_api.fail("OCR_ERROR", times=2)
    with mock.patch("time.sleep", instead):
        retrying(extend_api)
    for check in (extend_api.assert_backoff, extend_api.assert_follows_documentation):
        assert TOLD.format("time.sleep") in said(check)
        assert "urllib3" not in said(check)


def test_a_replaced_asyncio_sleep_is_named(extend_api, monkeypatch):
    async def no_wait(_seconds):
        pass

    monkeypatch.setattr(asyncio, "sleep", no_wait)
    extend_api.fail("OCR_ERROR", times=2)
    asyncio.run(retrying_async(extend_api))
    assert TOLD.format("asyncio.sleep") in said(extend_api.assert_backoff)


@pytest.fixture
def replaced_before(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


@pytest.mark.usefixtures("replaced_before")
def test_also_where_it_was_replaced_before_the_simulation(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    retrying(extend_api)
    assert TOLD.format("time.sleep") in said(extend_api.assert_backoff, initial=1)


@pytest.mark.parametrize("name", ["sleep", "time"])
@pytest.mark.parametrize("instead", [mock.Mock, lambda: lambda *_: None, lambda: no_wait])
def test_a_mock_of_a_modules_own_sleep_is_named(extend_api, monkeypatch, name, instead):
    app = ModuleType("their_app")
    setattr(app, name, instead())
    monkeypatch.setitem(sys.modules, "their_app", app)
    extend_api.fail("OCR_ERROR", times=2)
    for _ in range(3):
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        httpx.post(URL, json={"file": {"url": FILES + "a.pdf"}}, headers=headers)
    assert TOLD.format(f"their_app.{name}") in said(extend_api.assert_backoff)


def no_wait(_seconds):
    pass


def test_a_helper_of_the_consumer_s_own_is_no_mock(extend_api, monkeypatch):
    app = ModuleType("their_app")
    app.sleep = said  # of another module
    monkeypatch.setattr(said, "__module__", "their_app.helpers")
    monkeypatch.setitem(sys.modules, "their_app", app)
    assert replaced_sleep_reference() == ""
    extend_api.fail("OCR_ERROR")
    retrying(extend_api)
    extend_api.assert_backoff(initial=1)


def test_a_spied_sleep_waits_and_is_not_named(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    with mock.patch("time.sleep", wraps=time.sleep) as spy:
        retrying(extend_api)
    waits = [call.args[0] for call in spy.call_args_list]
    assert [seconds for seconds in waits if seconds >= 1] == [1, 2]
    extend_api.assert_backoff(initial=1)


def test_without_a_replaced_sleep_the_message_is_the_usual_one(extend_api):
    extend_api.fail("OCR_ERROR", times=2)
    for _ in range(3):
        headers = {"authorization": f"Bearer {extend_api.api_key}"}
        httpx.post(URL, json={"file": {"url": FILES + "a.pdf"}}, headers=headers)
    assert "came without a wait (immediate_first=True accepts that)" in said(
        extend_api.assert_backoff
    )


def test_nothing_is_replaced_in_a_simulated_test(extend_api):
    assert SleepFunctions().replaced() == extend_api._simulation.replaced_sleep == ""


@contextlib.contextmanager
def stamina_in_testing():
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


def by_tenacity(api):
    ask = tenacity.retry(stop=tenacity.stop_after_attempt(3))(asking)
    ask.retry.sleep = mock.Mock()
    ask(api)


def by_async_tenacity(api):
    async def ask():
        asking(api)

    ask = tenacity.retry(stop=tenacity.stop_after_attempt(3), sleep=mock.AsyncMock())(ask)
    asyncio.run(ask())


def by_stamina(api):
    with stamina_in_testing():
        stamina.retry(on=httpx.HTTPError)(asking)(api)


def by_urllib3(api):
    with requests.Session() as session, mock.patch("urllib3.util.Retry.sleep"):
        retry = Retry(total=2, backoff_factor=1, status_forcelist=[500], allowed_methods=None)
        session.mount("https://", HTTPAdapter(max_retries=retry))
        headers = {"authorization": f"Bearer {api.api_key}"}
        session.post(URL, json={"file": {"url": FILES + "a.pdf"}}, headers=headers, timeout=5)


def asking(api):
    headers = {"authorization": f"Bearer {api.api_key}"}
    reply = httpx.post(URL, json={"file": {"url": FILES + "a.pdf"}}, headers=headers)
    reply.raise_for_status()


@pytest.mark.parametrize(
    ("retrying", "what"),
    [
        (by_tenacity, "the sleep of tenacity's Retrying"),
        (by_async_tenacity, "the sleep of tenacity's Retrying"),
        (by_stamina, "stamina's waits (stamina.set_testing)"),
        (by_urllib3, "urllib3.util.Retry.sleep"),
    ],
)
def test_a_replaced_sleep_of_a_retry_library_is_named(extend_api, retrying, what):
    extend_api.fail("OCR_ERROR", times=2)
    retrying(extend_api)
    assert [attempt.status for attempt in extend_api.attempts] == [500, 500, 200]
    assert TOLD.format(what) in said(extend_api.assert_backoff)


class NeverWaits(ContractPolicy):
    provider = "extend"


@pytest.mark.usefixtures("replaced_before")
def test_a_contract_says_so_too(extend_api):
    def parse(_document):
        retrying(extend_api)

    harness = Harness(api=extend_api, parse=parse, policy=NeverWaits())
    case = next(kind for kind in case_kinds_of(NeverWaits) if kind.name == "backoff")
    first = next(iter(case.cases(extend_api.provider, NeverWaits())))
    found = [item.finding for item in case.violations(first, harness) if item.rule == "backoff"]
    assert found
    assert all("something else in place of time.sleep" in item.nearest for item in found)
