"""10,000 documents submitted as runs by one asyncio consumer, a tenth of them failing.

Run it with ``python benchmarks/runs.py [DOCUMENTS]``. It prints what it costs, after it has checked
the outcome of every document.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
import tracemalloc

import httpx

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.providers.registry import registry

CONCURRENCY = 100


async def parse(client, number, gate):
    """Submit and poll until the run has ended."""
    async with gate:
        url = f"https://files.example.com/{number}.pdf"
        reply = await client.post("/parse_runs", json={"file": {"url": url}})
        run = reply.json()
        while run["status"] == "PROCESSING":
            await asyncio.sleep(1)
            run = (await client.get(f"/parse_runs/{run['id']}")).json()
        return run["status"], run.get("failureReason")


async def consume(api, count):
    gate = asyncio.Semaphore(CONCURRENCY)
    headers = {"authorization": f"Bearer {api.api_key}"}
    async with httpx.AsyncClient(base_url=api.base_url, headers=headers) as client:
        return await asyncio.gather(*(parse(client, number, gate) for number in range(count)))


def measure(count, *, traced):
    """Real seconds, virtual seconds and bytes per document."""
    simulation = Simulation(registry(), Settings(seed="benchmark"), SharedContexts())
    api = ParseAPI(simulation, simulation.providers["extend"])
    reasons = [error.code for error in api.provider.errors if "run" in error.surfaces]
    failing = sorted(random.Random(1).sample(range(count), count // 10))
    expected = dict(zip(failing, itertools.cycle(reasons), strict=False))
    began = time.perf_counter()
    simulation.start()
    try:
        for number, reason in expected.items():
            api.fail_run(reason, document=f"{number}.pdf")
        if traced:
            tracemalloc.start()
        outcomes = asyncio.run(consume(api, count))
        # The clock shows the consumer's time here: the virtual seconds come on top.
        seconds = time.perf_counter() - began - simulation.clock.jumped_ns / 1e9
        used = tracemalloc.get_traced_memory()[0] if traced else 0
        tracemalloc.stop()
        for number, outcome in enumerate(outcomes):
            reason = expected.get(number)
            assert outcome == (("FAILED", reason) if reason else ("PROCESSED", None)), number
        assert not simulation.unused()
        return seconds, api.clock.elapsed, used / count, len(api.attempts)
    finally:
        simulation.stop()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seconds, virtual, _, attempts = measure(count, traced=False)
    print(f"{count:,} documents, {count // 10:,} of them failing: every outcome is right")
    print(f"{attempts:,} exchanges in {seconds:.1f} s of real time, {virtual:.0f} s virtual")
    for part in (count // 10, count // 5):
        used = measure(part, traced=True)[2]
        print(f"{part:,} documents: {used / 1024:.1f} KiB of memory per document")


if __name__ == "__main__":
    main()
