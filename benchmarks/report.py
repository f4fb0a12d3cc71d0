"""What recording for a report costs: 5,000 contract-like cases on two workers and on none.

python benchmarks/report.py [CASES]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUITE = """
import logging, time
import httpx, pytest

log = logging.getLogger(__name__)

def parse(api):
    for number in range(4):
        reply = httpx.post(
            api.base_url + "/parse",
            json={"file": {"url": "https://files.example.com/contract.pdf"}},
            headers={"authorization": "Bearer " + api.api_key},
            timeout=5,
        )
        if reply.status_code == 200:
            return
        body = reply.json()
        log.error("failed: %s %s", body["code"], body.get("requestId"))
        if not body["retryable"]:
            return
        time.sleep(2**number)

@pytest.mark.parametrize("round", range(ROUNDS))
@pytest.mark.each_parse_error(times=3)
@pytest.mark.parseapi(strict=False)
def test_case(extend_api, documented_error, round):
    parse(extend_api)
    extend_api.assert_follows_documentation()
"""
# Sums up the time inside of the report's hooks, in each process.
CONFTEST = """
import os, time, pytest
from pathlib import Path

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    plugin = config.pluginmanager.getplugin("parseapi-report")
    if plugin is None:
        return
    spent = {"seconds": 0.0}
    def timed(function):
        def run(*args, **kwargs):
            before = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent["seconds"] += time.perf_counter() - before
        return run
    from pytest_parseapi.report.record import TestRecorder
    from pytest_parseapi.report import session, tally
    plugin._recorder = timed(plugin._recorder)
    TestRecorder.data = timed(TestRecorder.data)
    session.json.dumps, dumps = timed(session.json.dumps), session.json.dumps
    tally.Tally.add = timed(tally.Tally.add)
    config.add_cleanup(lambda: setattr(session.json, "dumps", dumps))
    def tell():
        Path(os.environ["SPENT"], str(os.getpid())).write_text(str(spent["seconds"]))
    config.add_cleanup(tell)
"""


def run(place, *options):
    spent = Path(tempfile.mkdtemp(dir=place))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly"]
    command += ["-p", "no:asyncio", "-p", "no:cacheprovider"]
    before = time.perf_counter()
    subprocess.run(
        [*command, *options],
        cwd=place,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SPENT": str(spent)},
    )
    took = time.perf_counter() - before
    return took, [float(path.read_text()) for path in spent.iterdir()]


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        suite = SUITE.replace("ROUNDS", str(cases // 20))
        (place / "test_suite.py").write_text(suite)
        plain, _ = run(place, "-n", "2")
        (place / "conftest.py").write_text(CONFTEST)
        two, shares = run(place, "-n", "2", "--parseapi-report=json:two.json")
        single, (share,) = run(place, "--parseapi-report=json:one.json")
        reports = [(place / file).read_text() for file in ("two.json", "one.json")]
        tests = len(json.loads(reports[0])["tests"])
        print(f"{tests} cases, report of {len(reports[0]) / 1e6:.1f} MB")
        print(f"two workers: {plain:.1f} s without, {two:.1f} s with a report")
        print(f"one process: {single:.1f} s, {share:.2f} s of them recording: {share / single:.1%}")
        rate = max(shares) / two
        print(f"two workers: at most {max(shares):.2f} s of one process's time: {rate:.1%}")
        print(f"equal files: {reports[0] == reports[1]}")
        for kind in ("html", "json"):
            before = time.perf_counter()
            command = [sys.executable, "-m", "pytest_parseapi", "merge", "one.json"]
            subprocess.run(
                [*command, f"--{kind}=out"], cwd=place, check=True, stdout=subprocess.DEVNULL
            )
            print(f"merge into {kind}: {time.perf_counter() - before:.1f} s")


if __name__ == "__main__":
    main()
