"""What virtual time costs: run ``python benchmarks/time.py``; each line is one figure.

Waits beside idle threads, many sleepers, a day of polls, clock readings, many threads.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_parseapi.clock.clock_state import clock_state
from pytest_parseapi.clock.elapsed_time import SECOND_NS
from pytest_parseapi.clock.virtual_clock import VirtualClock
from pytest_parseapi.clock.virtual_time import VirtualTime

DAY = 86_400


def real() -> int:
    """A clock that no simulated test moves."""
    nanoseconds: int = clock_state().real["monotonic_ns"]()
    return nanoseconds


@contextmanager
def simulated() -> Iterator[VirtualClock]:
    clock = VirtualClock()
    installed = VirtualTime(clock)
    installed.start()
    try:
        yield clock
    finally:
        installed.stop()


def timed(call: Callable[[], object]) -> float:
    began = real()
    call()
    return (real() - began) / SECOND_NS


def wait_beside(idle: int, waits: int = 200) -> float:
    """Microseconds for one wait beside idle threads."""
    done = threading.Event()
    with simulated():
        threads = [threading.Thread(target=done.wait) for _ in range(idle)]
        for thread in threads:
            thread.start()
        seconds = timed(lambda: [time.sleep(1) for _ in range(waits)])
        done.set()
        for thread in threads:
            thread.join()
    return seconds / waits * 1e6


async def sleepers(count: int) -> None:
    await asyncio.gather(*(asyncio.sleep(number / 100) for number in range(count)))


async def polls(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(1)


def threads_that_sleep(count: int, sleeps: int) -> None:
    def work() -> None:
        for _ in range(sleeps):
            time.sleep(1)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def reading(count: int = 200_000) -> float:
    """Nanoseconds for one reading of a clock, the loop included."""
    read = time.time
    return timed(lambda: [read() for _ in range(count)]) / count * 1e9


def show(what: str, call: Callable[[], object]) -> None:
    with simulated():
        print(f"{what:34}{timed(call):8.2f} s")


def main() -> None:
    for idle in (0, 10, 100, 400):
        print(f"a wait beside {idle:3} idle threads  {wait_beside(idle):10.1f} us")
    show("10,000 sleepers on a loop", lambda: asyncio.run(sleepers(10_000)))
    show("a day of polls, sync", lambda: [time.sleep(1) for _ in range(DAY)])
    show("a day of polls, asyncio", lambda: asyncio.run(polls(DAY)))
    show("20 sleeps in each of 200 threads", lambda: threads_that_sleep(200, 20))
    print(f"a reading outside                 {reading():6.0f} ns")
    with simulated():
        print(f"a reading in a simulated test     {reading():6.0f} ns")


if __name__ == "__main__":
    main()
