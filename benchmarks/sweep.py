"""How long a sweep of 1,000 variations takes on two workers of pytest-xdist.

``python benchmarks/sweep.py`` prints the seconds of three sessions, and their variations.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APP = """
import time

import httpx


def parse(document):
    for attempt in range(3):
        try:
            reply = httpx.post(
                "https://api.extend.ai/parse",
                json={"file": {"url": document}},
                headers={"authorization": "Bearer sk_test_0123456789"},
            )
        except httpx.TransportError:
            reply = None
        if reply is not None and reply.status_code == 200:
            return reply.text
        time.sleep(2**attempt)
    raise RuntimeError("not parsed")
"""
TESTS = """
import pytest
from app import parse


@pytest.mark.parametrize("number", range(28))
def test(extend_api, number):
    assert parse(f"https://files.example.com/{number}.pdf")
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(APP)
        Path(folder, "test_many.py").write_text(TESTS)
        for _ in range(3):
            began = time.perf_counter()
            options = ["-q", "-n", "2", "-p", "no:cacheprovider", "--parseapi-sweep"]
            ended = subprocess.run(
                [sys.executable, "-m", "pytest", *options],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            seconds = time.perf_counter() - began
            found = re.search(r"\d+ variations of \d+ tests", ended.stdout)
            print(f"{seconds:.1f} s  {found[0] if found else ended.stdout[-500:]}")


if __name__ == "__main__":
    main()
