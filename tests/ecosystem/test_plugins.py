"""What works beside each plugin that teams use: simulate, fail, retry, check, and fail readably.

The plugins are in the extra ``compat``; one that is not installed is skipped.
"""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

SUITE = """
    import asyncio, logging, time

    import httpx
    import pytest

    log = logging.getLogger("client")
    URL = "https://api.extend.ai/parse"
    DOCUMENT = {"file": {"url": "https://files.example.com/invoice.pdf"}}


    def ask(client, key):
        return client.post(URL, json=DOCUMENT, headers={"Authorization": f"Bearer {key}"})


    def parse(key, attempts=4):
        with httpx.Client(timeout=30) as client:
            for attempt in range(attempts):
                reply = ask(client, key)
                if reply.is_success:
                    return reply.json()
                log.error("parse failed: %s", reply.text)
                time.sleep(2.0**attempt)
            reply.raise_for_status()


    async def parse_async(key):
        async with httpx.AsyncClient(timeout=30) as client:
            for attempt in range(4):
                reply = await ask(client, key)
                if reply.is_success:
                    return reply.json()
                log.error("parse failed: %s", reply.text)
                await asyncio.sleep(2.0**attempt)


    def test_retries(extend_api):
        extend_api.fail("OCR_ERROR", times=2)
        assert parse(extend_api.api_key)["status"] == "PROCESSED"
        extend_api.assert_backoff(initial=1)
        extend_api.assert_follows_documentation()
        assert extend_api.clock.elapsed == 3


    def test_retries_on_a_loop(extend_api):
        extend_api.fail("OCR_ERROR", times=2)
        assert asyncio.run(parse_async(extend_api.api_key))["status"] == "PROCESSED"
        extend_api.assert_backoff(initial=1)
        extend_api.assert_follows_documentation()


    @pytest.mark.parse_error("read_timeout")
    def test_times_out(extend_api):
        with pytest.raises(httpx.ReadTimeout):
            parse(extend_api.api_key)
        assert extend_api.clock.elapsed == 30


    @pytest.mark.each_parse_error(provider="extend", codes=["OCR_ERROR", "CORRUPT_FILE"])
    def test_each(extend_api, documented_error):
        with httpx.Client() as client:
            assert ask(client, extend_api.api_key).status_code == documented_error.status


    def test_without_a_simulation():
        began = time.monotonic()
        time.sleep(0.001)
        assert 0 < time.monotonic() - began < 30


    def test_red_on_purpose(extend_api):
        extend_api.fail("OCR_ERROR")
        with httpx.Client(timeout=30) as client:
            ask(client, extend_api.api_key)
        extend_api.assert_retried()
"""

# The plugin's entry point, and the options that make it take part.
PLUGINS = {
    "anyio": [],
    "asyncio": ["-o", "asyncio_default_fixture_loop_scope=function"],
    "benchmark": ["--benchmark-disable"],
    "check": [],
    "freezer": [],
    "hypothesispytest": [],
    "inline_snapshot": [],
    "pytest-bdd": [],
    "pytest_cov": ["--cov=.", "--cov-report="],
    "pytest_httpx": [],
    "pytest_mock": [],
    "pytest_order": [],
    "randomly": ["-p", "randomly", "-p", "no:cacheprovider"],
    "recording": ["--block-network"],
    "repeat": [],
    "requests_mock": [],
    "rerunfailures": [],
    "respx": [],
    "socket": ["--disable-socket", "--allow-unix-socket"],
    "subtests": [],
    "sugar": [],
    "syrupy": [],
    "time_machine": [],
    "timeout": ["--timeout=20"],
    "xdist": ["-n", "2"],
}
_INSTALLED = {point.name for point in entry_points(group="pytest11")}


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_work_beside_each_other(pytester, separate, name):
    if name not in _INSTALLED:
        pytest.skip(f"the plugin {name} is not installed")
    pytester.makepyfile(test_client=SUITE)
    result = separate("-p", name, *PLUGINS[name], "--color=no")
    output = result.stdout.str()
    assert result.ret == pytest.ExitCode.TESTS_FAILED, output + result.stderr.str()
    result.stdout.re_match_lines_random([r".*rule broken: a failed operation is tried again"])
    assert "1 failed" in output, output
    assert "6 passed" in output, output


def test_a_failing_test_fails_again_in_a_rerun(pytester, separate):
    if "rerunfailures" not in _INSTALLED:
        pytest.skip("the plugin rerunfailures is not installed")
    pytester.makepyfile(test_client=SUITE)
    result = separate("-p", "rerunfailures", "--reruns=2", "-k", "red or each")
    result.assert_outcomes(failed=1, passed=2)
    assert "2 rerun" in result.stdout.str()


SPIES = """

    def check(api):
        api.fail("OCR_ERROR", times=2)
        parse(api.api_key)
        api.assert_backoff(initial=1)


    @pytest.fixture(scope="module")
    def spied_for_long(module_mocker):
        return module_mocker.spy(time, "sleep")


    @pytest.fixture
    def spied(mocker):
        return mocker.spy(time, "sleep")


    def test_spied_wrapped(extend_api, mocker):
        spy = mocker.patch("time.sleep", wraps=time.sleep)
        check(extend_api)
        assert spy.call_count == 2


    def test_spied_last(extend_api, spied):
        check(extend_api)
        assert [call.args for call in spied.call_args_list] == [(1.0,), (2.0,)]


    def test_spied_first(spied, extend_api):
        check(extend_api)
        assert spied.call_count == 2


    @pytest.mark.parametrize("number", [1, 2])
    def test_spied_for_several_tests(extend_api, spied_for_long, number):
        check(extend_api)
        assert spied_for_long.call_count == 2 * number


    def test_spied_on_a_loop(extend_api, mocker):
        spy = mocker.spy(asyncio, "sleep")
        extend_api.fail("OCR_ERROR", times=2)
        asyncio.run(parse_async(extend_api.api_key))
        extend_api.assert_backoff(initial=1)
        assert spy.call_count == 2


    @pytest.mark.parametrize("name", ["time", "monotonic"])
    def test_spied_clock(mocker, extend_api, name):
        spy = mocker.spy(time, name)
        began = getattr(time, name)()
        time.sleep(50)
        assert 50 <= getattr(time, name)() - began < 80
        assert spy.call_count == 2
"""


def test_a_sleep_or_clock_that_a_mock_spies_on_is_of_virtual_time(pytester, separate):
    if "pytest_mock" not in _INSTALLED:
        pytest.skip("the plugin pytest_mock is not installed")
    pytester.makepyfile(test_client=SUITE + SPIES)
    separate("-p", "pytest_mock", "-k", "spied").assert_outcomes(passed=8)


REPLACED = """

    def check(api):
        api.fail("OCR_ERROR", times=2)
        parse(api.api_key)
        api.assert_backoff(initial=1)


    @pytest.fixture
    def no_waits(mocker):
        return mocker.patch("time.sleep", autospec=True)


    def test_replaced_before(no_waits, extend_api):
        check(extend_api)


    def test_replaced_after(extend_api, no_waits):
        check(extend_api)


    def test_replaced_in_the_test(extend_api, monkeypatch):
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        check(extend_api)


    def test_replaced_on_a_loop(extend_api, mocker):
        mocker.patch("asyncio.sleep")
        extend_api.fail("OCR_ERROR", times=2)
        asyncio.run(parse_async(extend_api.api_key))
        extend_api.assert_backoff(initial=1)
"""


def test_a_suite_that_replaced_sleep_gets_a_hint(pytester, separate):
    if "pytest_mock" not in _INSTALLED:
        pytest.skip("the plugin pytest_mock is not installed")
    pytester.makepyfile(test_client=SUITE + REPLACED)
    result = separate("-p", "pytest_mock", "-k", "replaced")
    result.assert_outcomes(failed=4)
    output = result.stdout.str()
    told = "the test has put something else in place of"
    assert output.count(f"{told} time.sleep") == 3, output
    assert output.count(f"{told} asyncio.sleep") == 1, output
    assert "urllib3" not in output


TRACED = """
    import asyncio
    import time

    import aiohttp
    import httpx
    import requests
    from opentelemetry.instrumentation.{module} import {instrumentor}
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    SPANS, PROVIDER = InMemorySpanExporter(), TracerProvider()
    PROVIDER.add_span_processor(SimpleSpanProcessor(SPANS))
    {instrumentor}().instrument(tracer_provider=PROVIDER)
    URL = "https://api.extend.ai/parse"
    BODY = {{"file": {{"url": "https://files.example.com/invoice.pdf"}}}}


    def by_requests(headers):
        return requests.post(URL, json=BODY, headers=headers, timeout=9).status_code


    def by_httpx(headers):
        return httpx.post(URL, json=BODY, headers=headers, timeout=9).status_code


    def by_async_httpx(headers):
        async def send():
            async with httpx.AsyncClient() as client:
                return (await client.post(URL, json=BODY, headers=headers)).status_code

        return asyncio.run(send())


    def by_aiohttp(headers):
        async def send():
            async with aiohttp.ClientSession() as session:
                return (await session.post(URL, json=BODY, headers=headers)).status

        return asyncio.run(send())


    def test_spans(extend_api):
        extend_api.fail("OCR_ERROR", times=2)
        headers = {{"authorization": f"Bearer {{extend_api.api_key}}"}}
        for wait in (1, 2, 4):
            if {send}(headers) == 200:
                break
            time.sleep(wait)
        extend_api.assert_backoff(initial=1)
        assert len(SPANS.get_finished_spans()) == len(extend_api.attempts) == 3
"""


@pytest.mark.parametrize(
    ("module", "instrumentor", "send"),
    [
        ("httpx", "HTTPXClientInstrumentor", "by_httpx"),
        ("httpx", "HTTPXClientInstrumentor", "by_async_httpx"),
        ("requests", "RequestsInstrumentor", "by_requests"),
        ("aiohttp_client", "AioHttpClientInstrumentor", "by_aiohttp"),
    ],
)
def test_spans_of_a_tracer_that_began_before_the_test_are_kept(
    pytester, separate, module, instrumentor, send
):
    pytest.importorskip(f"opentelemetry.instrumentation.{module}")
    pytest.importorskip("opentelemetry.sdk")
    pytester.makepyfile(TRACED.format(module=module, instrumentor=instrumentor, send=send))
    separate().assert_outcomes(passed=1)


VCR = """
    import httpx
    import pytest

    URL = "https://api.extend.ai/parse"
    BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}


    def ask(api):
        headers = {"authorization": f"Bearer {api.api_key}"}
        return httpx.post(URL, json=BODY, headers=headers, timeout=9).status_code


    @pytest.mark.vcr
    def test_marked(extend_api):
        assert ask(extend_api) == 200


    @pytest.mark.vcr
    @pytest.mark.parse_error("OCR_ERROR")
    def test_marked_first(parseapi):
        assert [ask(parseapi), ask(parseapi)] == [500, 200]


    @pytest.mark.parse_error("OCR_ERROR")
    @pytest.mark.vcr
    def test_marked_last(parseapi):
        assert [ask(parseapi), ask(parseapi)] == [500, 200]


    @pytest.mark.vcr
    def test_asked_for_first(vcr, extend_api):
        assert ask(extend_api) == len(extend_api.attempts) * 200
        assert len(vcr) == 0


    @pytest.mark.vcr
    def test_asked_for_last(extend_api, vcr):
        assert ask(extend_api) == len(extend_api.attempts) * 200
        assert len(vcr) == 0
"""


def test_a_marked_recorder_records_no_simulation(pytester, separate):
    if "recording" not in _INSTALLED:
        pytest.skip("the plugin recording is not installed")
    pytester.makepyfile(VCR)
    separate("-p", "recording", "--record-mode=once").assert_outcomes(passed=5)
    assert list(pytester.path.rglob("*.yaml")) == []
