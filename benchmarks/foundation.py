"""What the plugin costs, side by side with respx and pytest-httpx.

Run it by ``python benchmarks/foundation.py`` in an environment with the extra ``dev``. Each row
compares figures of one run on one machine; the ratios are what matters.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import httpx
import respx

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.providers.registry import registry

URL = "https://api.extend.ai/parse"
BODY = {"file": {"url": "https://files.example.com/invoice.pdf"}}
HEADERS = {"Authorization": "Bearer test_key_parseapi_0123456789"}
_NO_BYTE_CODE = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
EXCHANGES = 100
EXCHANGE_ROUNDS = 40
NUMBERS = itertools.count()
FRESH_CLIENTS = {
    "pytest-parseapi": """
import httpx, pytest
@pytest.mark.parametrize("number", range(500))
def test_fresh(extend_api, number):
    for _ in range(2):
        with httpx.Client() as client:
            client.post({url!r}, json={body!r}, headers={headers!r})
""",
    "respx": """
import httpx, pytest
@pytest.mark.parametrize("number", range(500))
def test_fresh(respx_mock, number):
    respx_mock.post({url!r}).respond(json={{}})
    for _ in range(2):
        with httpx.Client() as client:
            client.post({url!r}, json={body!r}, headers={headers!r})
""",
    "pytest-httpx": """
import httpx, pytest
@pytest.mark.parametrize("number", range(500))
def test_fresh(httpx_mock, number):
    for _ in range(2):
        httpx_mock.add_response(json={{}})
        with httpx.Client() as client:
            client.post({url!r}, json={body!r}, headers={headers!r})
""",
}


def simulate() -> Simulation:
    """A simulation as a fixture makes it, without the fuse."""
    settings = Settings(seed="benchmark", max_attempts=10**9)
    return Simulation(registry(), settings, SharedContexts())


def exchange() -> None:
    """One exchange through an open client; respx sends the same reply by a static route.

    Each in turn, many times: a machine gets faster and slower, so neighbours in time are compared,
    and the ratio is the median of theirs. Every request is about a document that was not seen
    before, so nothing can be answered from memory.
    """
    for kind, rounds_of in (("sync", _rounds), ("async", _rounds_async)):
        figures: dict[str, list[float]] = {"success": [], "failure": [], "respx": []}
        reply = httpx.Response(200)
        for _ in range(EXCHANGE_ROUNDS):
            for what in ("success", "failure"):
                simulation = simulate()
                simulation.start()
                try:
                    if what == "failure":
                        api = ParseAPI(simulation, simulation.providers["extend"])
                        api.fail("OCR_ERROR", times=10**9)
                    spent, response = rounds_of()
                finally:
                    simulation.stop()
                figures[what].append(spent)
                reply = response if what == "success" else reply
            with respx.mock:
                headers = {**reply.headers}
                del headers["content-length"]  # respx adds it
                respx.post(URL).respond(content=reply.content, headers=headers)
                figures["respx"].append(rounds_of()[0])
        theirs = figures.pop("respx")
        for what, ours in figures.items():
            row(
                f"one exchange, {kind}, {what}",
                f"{statistics.median(ours):.0f} us",
                f"respx {statistics.median(theirs):.0f} us",
                statistics.median(one / other for one, other in zip(ours, theirs, strict=True)),
            )


def _rounds() -> tuple[float, httpx.Response]:
    """Microseconds for an exchange, and what the last one brought."""
    with httpx.Client() as client:
        for _ in range(EXCHANGES // 5):
            client.post(URL, json=_new_document(), headers=HEADERS)
        gc.collect()  # nobody pays for what another left behind
        began = time.process_time()
        for _ in range(EXCHANGES):
            response = client.post(URL, json=_new_document(), headers=HEADERS)
        return (time.process_time() - began) / EXCHANGES * 1e6, response


def _rounds_async() -> tuple[float, httpx.Response]:
    async def run() -> tuple[float, httpx.Response]:
        async with httpx.AsyncClient() as client:
            for _ in range(EXCHANGES // 5):
                await client.post(URL, json=_new_document(), headers=HEADERS)
            gc.collect()
            began = time.process_time()
            for _ in range(EXCHANGES):
                response = await client.post(URL, json=_new_document(), headers=HEADERS)
            return (time.process_time() - began) / EXCHANGES * 1e6, response

    return asyncio.run(run())


def _new_document() -> dict[str, dict[str, str]]:
    return {"file": {"url": f"https://files.example.com/invoice-{next(NUMBERS)}.pdf"}}


def fresh_clients() -> None:
    """500 tests that each make a client twice."""
    seconds = {}
    for name, source in FRESH_CLIENTS.items():
        text = source.format(url=URL, body=BODY, headers=HEADERS)
        empty = run_tests("def test_empty(): pass\n", "-p", "no:randomly")
        seconds[name] = run_tests(text, "-p", "no:randomly") - empty
    ours = seconds.pop("pytest-parseapi")
    for name, theirs in seconds.items():
        row("500 tests, two clients each", f"{ours:.2f} s", f"{name} {theirs:.2f} s", ours / theirs)


def run_tests(source: str, *options: str) -> float:
    """Seconds that pytest takes for one file: the best of three."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(source, encoding="utf-8")
        figures = []
        for _ in range(3):
            began = time.perf_counter()
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            figures.append(time.perf_counter() - began)
        return min(figures)


def start_up() -> None:
    """One empty test with the plugin, and with an empty module in its place; no other takes part.

    To load any plugin by name, pytest looks through everything that is installed: both pay that.
    Byte code is kept from run to run, as it is on most machines.
    """
    base = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p"]
    commands = {"with": [*base, "pytest_parseapi.plugin"], "without": [*base, "empty_plugin"]}
    figures: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty_plugin.py").touch()
        Path(folder, "test_it.py").write_text("def test_empty(): pass\n", encoding="utf-8")
        environment = {
            **{name: value for name, value in os.environ.items() if name not in _NO_BYTE_CODE},
            "PYTHONPYCACHEPREFIX": str(Path(folder, "byte_code")),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        for _ in range(121):
            for name, command in commands.items():
                began = time_of_children()
                subprocess.run(
                    command, cwd=folder, env=environment, check=True, capture_output=True
                )
                figures[name].append(time_of_children() - began)
    # Neighbours in time, since machines get faster and slower; the first ones wrote the byte code.
    more = sorted(one - two for one, two in list(zip(*figures.values(), strict=True))[1:])
    usual = 1000 * statistics.mean(more[30:90])
    bare = 1000 * min(figures["without"])
    row(
        "start-up, one empty test",
        f"{bare + usual:.0f} ms",
        f"without it {bare:.0f} ms",
        1 + usual / bare,
    )
    row("  which is more by", f"{usual:.1f} ms", "at most 5 ms", usual / 5)


def time_of_children() -> float:
    """Processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def many_exchanges() -> None:
    """The cost and the memory of an exchange as a test grows."""
    simulation = simulate()
    simulation.start()
    try:
        api = ParseAPI(simulation, simulation.providers["extend"])
        with httpx.Client() as client:
            costs = {}
            done = 0
            for count in (10, 100, 1_000, 10_000, 100_000):
                began = time.process_time()
                for number in range(done, count):
                    if number % 2 == 0:
                        api.fail("OCR_ERROR")
                    client.post(URL, json=BODY, headers=HEADERS)
                costs[count] = (time.process_time() - began) / (count - done) * 1e6
                done = count
        for count, cost in costs.items():
            small = costs[1_000]
            compared = f"at 1,000 {small:.0f} us"
            row(f"exchanges up to {count}", f"{cost:.0f} us", compared, cost / small)
    finally:
        simulation.stop()


def memory() -> None:
    """The memory of an attempt."""
    simulation = simulate()
    simulation.start()
    try:
        api = ParseAPI(simulation, simulation.providers["extend"])
        api.fail("OCR_ERROR", times=10**9)
        with httpx.Client() as client:
            for _ in range(200):
                client.post(URL, json=BODY, headers=HEADERS)
            gc.collect()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(5_000):
                client.post(URL, json=BODY, headers=HEADERS)
            gc.collect()
            used = (tracemalloc.get_traced_memory()[0] - before) / 5_000
            tracemalloc.stop()
    finally:
        simulation.stop()
    row("memory of an attempt", f"{used:.0f} bytes", "at most 1,024 bytes", used / 1024)


def virtual_hour() -> None:
    """An hour of backoff: 60 waits of a minute, each after a failed exchange."""
    simulation = simulate()
    simulation.start()
    try:
        api = ParseAPI(simulation, simulation.providers["extend"])
        api.fail("OCR_ERROR", times=60)
        real = simulation.clock
        began = time.process_time()
        with httpx.Client() as client:
            while client.post(URL, json=BODY, headers=HEADERS).is_error:
                time.sleep(60)
        spent = (time.process_time() - began) * 1000
        assert real.elapsed == 3600
    finally:
        simulation.stop()
    row("an hour of backoff", f"{spent:.0f} ms", "at most 50 ms", spent / 50)


def row(what: str, ours: str, compared: str, ratio: float) -> None:
    """Print a row of the table."""
    print(f"{what:<30}{ours:>14}   {compared:<28}{ratio:>7.2f}")


if __name__ == "__main__":
    print(f"{'':<30}{'this plugin':>14}   {'compared with':<28}{'ratio':>7}")
    for measure in (exchange, many_exchanges, memory, virtual_hour, fresh_clients, start_up):
        measure()
