"""Type checkers accept what is right among the public calls, and refuse what is wrong."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _marked():
    lines = (HERE / "wrong_calls.py").read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


def _by_mypy(name, cache):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={cache}", str(HERE / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return {int(found) for found in re.findall(rf"{name}:(\d+): error", done.stdout)}


def _by_pyright(name, _cache):
    if shutil.which("node") is None:
        pytest.skip("needs Node.js")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", str(HERE / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        pytest.skip(f"pyright does not run here: {done.stderr.strip()[-200:]}")
    found = json.loads(done.stdout[done.stdout.index("{") :])["generalDiagnostics"]
    return {item["range"]["start"]["line"] + 1 for item in found if item["severity"] == "error"}


CHECKERS = {"mypy": _by_mypy, "pyright": _by_pyright}


@pytest.mark.parametrize("checker", CHECKERS)
def test_right_calls_are_accepted(checker, tmp_path):
    assert CHECKERS[checker]("right_calls.py", tmp_path) == set()


@pytest.mark.parametrize("checker", CHECKERS)
def test_wrong_calls_are_refused_each(checker, tmp_path):
    assert CHECKERS[checker]("wrong_calls.py", tmp_path) == _marked()
