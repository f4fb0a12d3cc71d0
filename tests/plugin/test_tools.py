"""Other tools see real time during a simulated test; test styles and other clocks work in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

HEAD = """
    import asyncio, time, unittest, datetime
    import httpx, pytest

    URL = "https://api.extend.ai/parse"
    BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
    HEADERS = {"authorization": "Bearer sk_test_0123456789"}

    def parse(sleep=time.sleep):
        for seconds in (1, 2, 4, 0):
            reply = httpx.post(URL, json=BODY, headers=HEADERS)
            if reply.is_success:
                return reply.json()
            sleep(seconds)

    async def parse_async(sleep=asyncio.sleep):
        async with httpx.AsyncClient() as client:
            for seconds in (1, 2, 4, 0):
                reply = await client.post(URL, json=BODY, headers=HEADERS)
                if reply.is_success:
                    return reply.json()
                await sleep(seconds)
"""

STYLES = {
    "function": """
    @pytest.mark.parse_error("OCR_ERROR", times=3)
    def test(extend_api):
        parse()
        assert extend_api.clock.elapsed == 7
    """,
    "marker alone": """
    @pytest.mark.parse_error("OCR_ERROR", times=3)
    def test():
        before = time.time()
        parse()
        assert 7 <= time.time() - before < 60
    """,
    "class": """
    class TestIt:
        @pytest.mark.parse_error("OCR_ERROR", times=3)
        def test(self, extend_api):
            parse()
            assert extend_api.clock.elapsed == 7
    """,
    "pytest-asyncio": """
    @pytest.mark.asyncio
    @pytest.mark.parse_error("OCR_ERROR", times=3)
    async def test(extend_api):
        await parse_async()
        assert extend_api.clock.elapsed == 7
    """,
    "pytest-asyncio fixture": """
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def parsed(extend_api):
        extend_api.fail("OCR_ERROR", times=3)
        yield await parse_async()
        await asyncio.sleep(3600)

    @pytest.mark.asyncio
    async def test(extend_api, parsed):
        assert extend_api.clock.elapsed == 7
    """,
    "pytest-asyncio loop of the module": """
    import pytest_asyncio

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def client():
        async with httpx.AsyncClient() as client:
            yield client

    @pytest.mark.asyncio(loop_scope="module")
    async def test_one(extend_api, client):
        await asyncio.sleep(100)
        assert extend_api.clock.elapsed == 100
        assert (await client.post(URL, json=BODY, headers=HEADERS)).is_success

    @pytest.mark.asyncio(loop_scope="module")
    async def test_two_without(client):
        before = time.monotonic()
        await asyncio.sleep(0.01)
        assert 0.005 <= time.monotonic() - before < 5

    @pytest.mark.asyncio(loop_scope="module")
    async def test_three(extend_api, client):
        await asyncio.wait_for(asyncio.sleep(50), 60)
        assert extend_api.clock.elapsed == 50
    """,
    "anyio": """
    import anyio

    @pytest.mark.anyio
    @pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
    @pytest.mark.parse_error("OCR_ERROR", times=3)
    async def test(extend_api, anyio_backend):
        await parse_async(anyio.sleep)
        assert extend_api.clock.elapsed == 7
    """,
    "unittest": """
    @pytest.mark.usefixtures("extend_api")
    class TestIt(unittest.TestCase):
        @pytest.fixture(autouse=True)
        def keep(self, extend_api):
            self.api = extend_api

        def test(self):
            self.api.fail("OCR_ERROR", times=3)
            parse()
            self.assertEqual(self.api.clock.elapsed, 7)
            self.api.assert_recovered()

        @pytest.mark.parse_error("OCR_ERROR", times=3)
        def test_marked(self):
            parse()
            self.assertEqual(self.api.clock.elapsed, 7)
    """,
    "IsolatedAsyncioTestCase": """
    @pytest.mark.usefixtures("extend_api")
    class TestIt(unittest.IsolatedAsyncioTestCase):
        @pytest.fixture(autouse=True)
        def keep(self, extend_api):
            self.api = extend_api

        async def asyncSetUp(self):
            await asyncio.sleep(10)

        @pytest.mark.parse_error("OCR_ERROR", times=3)
        async def test(self):
            await parse_async()
            self.assertEqual(self.api.clock.elapsed, 17)
    """,
    "Hypothesis": """
    from hypothesis import given, settings, HealthCheck, strategies as st

    @settings(max_examples=20, deadline=200, database=None,
              suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, 3))
    def test(extend_api, times):
        extend_api.reset()
        before = extend_api.clock.elapsed
        if times:
            extend_api.fail("OCR_ERROR", times=times)
        parse()
        assert extend_api.clock.elapsed - before == [0, 1, 3, 7][times]
    """,
    "monkeypatched sleep": """
    def test(extend_api, monkeypatch):
        slept = []
        monkeypatch.setattr(time, "sleep", slept.append)
        extend_api.fail("OCR_ERROR", times=3)
        parse(lambda seconds: time.sleep(seconds))
        assert slept == [1, 2, 4]
        assert extend_api.clock.elapsed == 0
    """,
    "capsys and caplog": """
    import logging

    def test(extend_api, capsys, caplog):
        extend_api.fail("OCR_ERROR", times=3)
        parse()
        print("said")
        logging.warning("logged")
        assert capsys.readouterr().out == "said\\n"
        assert caplog.messages[-1] == "logged"
    """,
}


CLOCKS = {
    "freezegun": """
    from freezegun import freeze_time

    def test(extend_api):
        with freeze_time("2020-01-01"):
            assert datetime.datetime.now().year == 2020
            parse()
        assert datetime.datetime.now().year > 2020

    @freeze_time("2020-01-01")
    def test_decorated(extend_api):
        assert time.gmtime().tm_year == 2020
        parse()
        assert extend_api.attempts[0].status == 200

    def test_after(extend_api):
        time.sleep(5)
        assert extend_api.clock.elapsed == 5
        assert datetime.datetime.now().year > 2020
    """,
    "time-machine": """
    import time_machine

    def test(extend_api):
        extend_api.fail("OCR_ERROR", times=3)
        with time_machine.travel("2020-01-01T00:00+00:00"):
            assert datetime.datetime.now().year == 2020
            assert time.gmtime().tm_year == 2020
            parse()
        assert extend_api.clock.elapsed == 7
        assert datetime.datetime.now().year > 2020

    @time_machine.travel("2020-01-01T00:00+00:00", tick=False)
    def test_decorated(extend_api):
        assert time.gmtime().tm_year == 2020
        parse()

    def test_fixture(extend_api, time_machine):
        time_machine.move_to("2020-01-01T00:00+00:00")
        assert datetime.datetime.now().year == 2020
        extend_api.fail("OCR_ERROR", times=3)
        parse()
        assert extend_api.clock.elapsed == 7

    def test_a_date_is_of_the_same_time(extend_api):
        with time_machine.travel("2020-01-01T00:00+00:00"):
            date = datetime.datetime(2020, 1, 1, 0, 0, 30, tzinfo=datetime.UTC)
            extend_api.fail("OCR_ERROR", retry_after=date)
            parse(lambda _: time.sleep(40))
            extend_api.assert_retry_after_honoured()

    def test_fixture_that_outlives_the_simulation(time_machine, extend_api):
        time_machine.move_to("2020-01-01T00:00+00:00")
        time.sleep(86_400)
        assert datetime.datetime.now().year == 2020

    def test_after(extend_api):
        time.sleep(5)
        assert datetime.datetime.now().year > 2020

    def test_without():
        assert time.time() > 1.7e9 and datetime.datetime.now().year > 2020

    @pytest.mark.time_machine("2020-01-01T00:00+00:00")
    def test_marked(extend_api):
        parse()
        assert time.gmtime(time.time()).tm_year == datetime.datetime.now().year == 2020

    @time_machine.travel("2020-01-01T00:00+00:00")
    def test_without_a_simulation():
        assert time.gmtime(time.time()).tm_year == datetime.datetime.now().year == 2020

    @pytest.mark.time_machine("2020-01-01T00:00+00:00")
    def test_marked_again(extend_api):
        assert time.gmtime(time.time()).tm_year == datetime.datetime.now().year == 2020
    """,
    "time-machine, imported late": """
    def test(extend_api):
        parse()

    def test_without_a_simulation():
        import time_machine

        with time_machine.travel("2020-01-01T00:00+00:00"):
            assert time.gmtime(time.time()).tm_year == datetime.datetime.now().year == 2020
        assert datetime.datetime.now().year > 2020

    def test_again(extend_api):
        time.sleep(5)
        assert extend_api.clock.elapsed == 5
    """,
}


@pytest.mark.parametrize("body", STYLES.values(), ids=STYLES)
def test_styles(nested, body):
    plugins = ("anyio.pytest_plugin", "pytest_asyncio.plugin", "hypothesispytest", "timeout")
    result = nested(HEAD + body, "--strict-markers", "-W", "error", plugins=plugins)
    outcomes = result.parseoutcomes()
    assert set(outcomes) <= {"passed"}, result.stdout.str()
    assert outcomes["passed"] >= 1


@pytest.mark.parametrize("body", CLOCKS.values(), ids=CLOCKS)
def test_other_clocks(pytester, separate, body):
    # In a process of their own: what they replace, other tools may keep.
    pytester.makepyfile(HEAD + body)
    plugins = ["time_machine"] if "move_to" in body else []
    result = separate(plugins=plugins)
    assert result.parseoutcomes().keys() == {"passed"}, result.stdout.str()


def test_pytest_asyncio_in_auto_mode(nested):
    body = """
    @pytest.mark.parse_error("OCR_ERROR", times=3)
    async def test(extend_api):
        await parse_async()
        assert extend_api.clock.elapsed == 7
    """
    result = nested(HEAD + body, "-o", "asyncio_mode=auto", plugins=["pytest_asyncio.plugin"])
    result.assert_outcomes(passed=1)


LONG = """
    def test_long(extend_api):
        time.sleep(100_000)

    def test_long_loop(extend_api):
        asyncio.run(asyncio.sleep(100_000))
"""


def test_durations_are_real(nested, pytester):
    result = nested(HEAD + LONG, "--durations=0", "-vv", "--junitxml=report.xml")
    result.assert_outcomes(passed=2)
    result.stdout.no_re_match_line(r".*\d\d\d+\.\d\ds (call|setup|teardown).*")
    result.stdout.re_match_lines([r".*2 passed in [0-9]\.\d\ds.*"])
    root = ET.parse(pytester.path / "report.xml").getroot()
    times = [float(node.get("time")) for node in root.iter() if node.get("time")]
    assert len(times) >= 3
    assert max(times) < 60


@pytest.mark.parametrize("method", ["signal", "thread"])
@pytest.mark.parametrize("only", [False, True], ids=["whole test", "func_only"])
def test_pytest_timeout_counts_real_time(nested, method, only):
    options = ["--timeout=30", f"--timeout-method={method}"]
    options += ["-o", f"timeout_func_only={only}"]
    result = nested(HEAD + LONG, *options, plugins=["timeout"])
    result.assert_outcomes(passed=2)


def test_pytest_timeout_ends_what_really_hangs(nested):
    body = """
    def test(extend_api):
        import threading
        time.sleep(100)
        threading.Event().wait()
    """
    # Set-up must be over by then, on a busy machine, too.
    options = ["--timeout=2", "--timeout-method=signal"]
    result = nested(HEAD + body, *options, plugins=["timeout"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Timeout (>2.0s) from pytest-timeout.*"])


def test_pytest_timeout_ends_a_busy_loop(nested):
    body = """
    def test(extend_api):
        while True:
            pass
    """
    options = ["--timeout=2", "--timeout-method=signal"]
    result = nested(HEAD + body, *options, plugins=["timeout"])
    result.assert_outcomes(failed=1)


def test_xdist(pytester, separate):
    pytester.makepyfile(
        HEAD
        + """
    @pytest.mark.each_parse_error(provider="extend", times=1)
    def test(extend_api, documented_error):
        parse()
        time.sleep(10_000)
        assert extend_api.attempts
    """
    )
    result = separate("-n", "2", plugins=["xdist"])
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= 15
    assert set(outcomes) <= {"passed", "warnings", "warning"}


def test_rerunfailures(pytester, separate):
    pytester.makepyfile(
        HEAD
        + """
    runs = []

    @pytest.mark.flaky(reruns=2, reruns_delay=0)
    @pytest.mark.parse_error("OCR_ERROR", times=3)
    def test(extend_api):
        runs.append(1)
        assert extend_api.attempts == []
        parse()
        assert extend_api.clock.elapsed == 7
        assert len(runs) == 3
    """
    )
    result = separate(plugins=["rerunfailures"])
    assert result.parseoutcomes() == {"passed": 1, "rerun": 2}


def test_randomness_is_the_same_each_time(nested):
    body = """
    import random
    seen = []

    @pytest.mark.parametrize("time_", [1, 2])
    def test(extend_api, time_):
        seen.append([random.random(), random.randint(0, 10**9)])
        assert seen[0] == seen[-1]
    """
    nested(HEAD + body).assert_outcomes(passed=2)


def test_pytest_randomly_does_not_change_the_jitter(pytester, separate):
    pytester.makepyfile(
        """
        import random

        def test(extend_api):
            assert random.random() == random.Random(0).random()

        def test_without():
            assert random.random() != random.Random(0).random()
        """
    )
    separate("--randomly-seed=1", plugins=["randomly"]).assert_outcomes(passed=2)
