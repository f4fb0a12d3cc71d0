"""After a simulated test, time continues in real time from where it was."""

SUITE = """
import asyncio
import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="session")

@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ticks():
    ticked = asyncio.Event()

    async def tick():
        while True:
            await asyncio.sleep(0.05)
            ticked.set()

    task = asyncio.create_task(tick())
    yield ticked
    task.cancel()

async def test_simulated(ticks, extend_api):
    await asyncio.sleep(60)
    assert extend_api.clock.elapsed == 60

async def test_plain(ticks):
    ticks.clear()
    await asyncio.wait_for(ticks.wait(), 5)
"""


def test_timers_of_a_loop_that_outlives_the_test_are_restored(nested):
    nested(SUITE, plugins=["pytest_asyncio.plugin"]).assert_outcomes(passed=2)


FROZEN = """
import datetime as dt
import time
import httpx
import pytest
from freezegun import freeze_time

@pytest.fixture
def frozen():
    with freeze_time("2030-01-01"):
        yield

def test_frozen_first(frozen, extend_api):
    time.sleep(5)
    assert extend_api.clock.elapsed == 5

def test_frozen_last(extend_api, frozen):
    time.sleep(5)
    assert extend_api.clock.elapsed == 5

@freeze_time("2030-01-01", tick=True)
def test_ticking(extend_api):
    before = dt.datetime.now()
    assert before.year == 2030
    time.sleep(5)
    assert extend_api.clock.elapsed == 5

def test_a_date_is_judged_by_the_clock_that_the_consumer_reads(extend_api):
    def send():
        return httpx.post(
            "https://api.extend.ai/parse",
            json={"file": {"url": "https://files.example.com/a.pdf"}},
            headers={"authorization": "Bearer key"},
        )

    with freeze_time("2030-01-01"):
        later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=60)
        extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=later)
        send()
        time.sleep(60)
        send()
    extend_api.assert_retry_after_honoured()
"""


def test_a_frozen_clock_and_a_simulation_work_together(pytester, separate):
    pytester.makepyfile(FROZEN)

    # freezegun looks into every module that is loaded, and some of them do not bear it.
    separate().assert_outcomes(passed=4)
