"""Type checkers accept right calls of the public API, and refuse wrong ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = (HERE / "right_calls.py", HERE / "wrong_calls.py")


def _marked():
    lines = (HERE / "wrong_calls.py").read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}


def _by_mypy(cache):
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={cache}", *map(str, FILES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return {
        path.name: {int(found) for found in re.findall(rf"{path.name}:(\d+): error", done.stdout)}
        for path in FILES
    }


def _by_pyright(_cache):
    if shutil.which("node") is None:
        pytest.skip("needs Node.js")
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", *map(str, FILES)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in {0, 1}:
        pytest.skip(f"pyright does not run here: {done.stderr.strip()[-200:]}")
    report = json.loads(done.stdout[done.stdout.index("{") :])
    assert report["summary"]["filesAnalyzed"] == len(FILES)
    found = [item for item in report["generalDiagnostics"] if item["severity"] == "error"]
    return {
        path.name: {
            item["range"]["start"]["line"] + 1
            for item in found
            if Path(item["file"]).name == path.name
        }
        for path in FILES
    }


CHECKERS = {"mypy": _by_mypy, "pyright": _by_pyright}


@pytest.fixture(scope="module", params=CHECKERS)
def errors(request, tmp_path_factory):
    """The lines with errors by file, of one start of a checker."""
    return CHECKERS[request.param](tmp_path_factory.mktemp("cache"))


def test_right_calls_are_accepted(errors):
    assert errors["right_calls.py"] == set()


def test_wrong_calls_are_refused_each(errors):
    assert errors["wrong_calls.py"] == _marked()
