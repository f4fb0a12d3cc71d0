"""What an exchange costs by each client library, side by side with a mock of the same library.

Run it by ``python benchmarks/clients.py`` in an environment with the extra ``dev``; where
aioresponses is installed, it is compared too. The mock answers a single static route; the plugin
simulates the API, and
keeps records. All figures are processor time of one run on one machine, the two sides in turn, each
the best of its rounds; the ratios are what matters.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import requests
import responses

from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.providers.registry import registry

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
HEADERS = {"Authorization": "Bearer test_key_parseapi_0123456789"}
REPLY = {"object": "parse_run", "status": "PROCESSED", "output": {"text": "x" * 800}}
TIMES = 200
ROUNDS = 15


@contextlib.contextmanager
def simulated() -> Iterator[None]:
    """A simulation as a fixture makes it, without the fuse."""
    settings = Settings(seed="benchmark", max_attempts=10**9)
    simulation = Simulation(registry(), settings, SharedContexts())
    simulation.start()
    try:
        yield
    finally:
        simulation.stop()


@contextlib.contextmanager
def mocked_by_responses() -> Iterator[None]:
    """One static route."""
    with responses.RequestsMock() as mock:
        mock.post(URL, json=REPLY)
        yield


@contextlib.contextmanager
def mocked_by_aioresponses() -> Iterator[None]:
    """One static route, with what aiohttp 3.14 asks of a response beyond aioresponses."""
    from aioresponses import aioresponses

    class Writer:
        output_size = 0

    class Response(aiohttp.ClientResponse):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, stream_writer=Writer(), **options)

    with aioresponses() as mock:
        mock.post(URL, payload=REPLY, repeat=True, response_class=Response)
        yield


def by_requests() -> float:
    """Processor microseconds for one exchange in a session."""
    with requests.Session() as session:
        for _ in range(20):
            session.post(URL, json=BODY, headers=HEADERS, timeout=30).json()
        began = time.process_time()
        for _ in range(TIMES):
            session.post(URL, json=BODY, headers=HEADERS, timeout=30).json()
        return (time.process_time() - began) / TIMES * 1e6


def by_aiohttp() -> float:
    """Processor microseconds for one exchange in a session."""

    async def exchanges() -> float:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            for number in range(20 + TIMES):
                if number == 20:
                    began = time.process_time()
                async with session.post(URL, json=BODY) as response:
                    await response.json()
            return (time.process_time() - began) / TIMES * 1e6

    return asyncio.run(exchanges())


def compare(
    client: str, measure: Callable[[], float], mock: str, mocked: Callable[[], Any]
) -> None:
    """Print a row of the table."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        for place, figures in ((simulated, ours), (mocked, theirs)):
            with place():
                figures.append(measure())
    ratio = min(ours) / min(theirs)
    print(f"{client:<12}{min(ours):>8.0f} us   {mock:<14}{min(theirs):>6.0f} us{ratio:>8.2f}")


if __name__ == "__main__":
    print(f"{'':<12}{'this plugin':>11}   {'compared with':<23}{'ratio':>8}")
    compare("requests", by_requests, "responses", mocked_by_responses)
    if importlib.util.find_spec("aioresponses") is not None:
        compare("aiohttp", by_aiohttp, "aioresponses", mocked_by_aioresponses)
