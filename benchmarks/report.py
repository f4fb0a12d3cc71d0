"""What recording for a report costs: 5,000 contract-like cases on two workers and on none.

python benchmarks/report.py [CASES]
"""

import json
import os
import resource
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
    from pytest_parseapi.plugin import report as session
    from pytest_parseapi.report.recorder import TestRecorder
    from pytest_parseapi.report.results import TestResults
    plugin._recorder = timed(plugin._recorder)
    TestRecorder.data = timed(TestRecorder.data)
    session.json.dumps, dumps = timed(session.json.dumps), session.json.dumps
    TestResults.add = timed(TestResults.add)
    session.report_of = timed(session.report_of)
    session.json_text = timed(session.json_text)
    session.write = timed(session.write)
    config.add_cleanup(lambda: setattr(session.json, "dumps", dumps))
    def tell():
        Path(os.environ["SPENT"], str(os.getpid())).write_text(str(spent["seconds"]))
    config.add_cleanup(tell)
"""


def run(place, *options):
    spent = Path(tempfile.mkdtemp(dir=place))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly"]
    command += ["-p", "no:asyncio", "-p", "no:cacheprovider"]
    before = cpu_seconds()
    subprocess.run(
        [*command, *options],
        cwd=place,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SPENT": str(spent)},
    )
    return cpu_seconds() - before, [float(path.read_text()) for path in spent.iterdir()]


def cpu_seconds():
    """Of all processes started so far, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        suite = SUITE.replace("ROUNDS", str(cases // 20))
        (place / "test_suite.py").write_text(suite)
        plain = [run(place)[0], run(place, "-n", "2")[0]]
        recording = [
            run(place, "--parseapi-report=json:one.json")[0],
            run(place, "-n", "2", "--parseapi-report=json:two.json")[0],
        ]
        (place / "conftest.py").write_text(CONFTEST)
        total, shares = run(place, "--parseapi-report=json:one.json")
        reports = [(place / file).read_text() for file in ("two.json", "one.json")]
        tests = len(json.loads(reports[0])["tests"])
        print(
            f"{tests} cases, report of {len(reports[0]) / 1e6:.1f} MB; seconds of processor time:"
        )
        for how, without, with_report in zip(
            ("one process", "two workers"), plain, recording, strict=True
        ):
            print(f"{how}: {without:.1f} without, {with_report:.1f} with a report")
        print(f"spent on recording: {sum(shares):.2f} of {total:.1f}: {sum(shares) / total:.1%}")
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
