"""Known and accepted findings."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sweep_app import APP

TEST = "def test(extend_api): silent(INVOICE)"


def test_a_baseline_lets_only_new_findings_fail(sweep, pytester):
    option = "--parseapi-sweep-baseline=known.json"
    written = sweep(TEST, option, "--parseapi-sweep-baseline-write")
    assert written.ret == 0
    assert re.search(r"baseline of 3 findings: .*known\.json", written.text)
    known = json.loads((pytester.path / "known.json").read_text())
    assert known["findings"] == [
        "broke request_id | extend POST /parse app.py:ask <- app.py:silent",
        "broke retryable_error | extend POST /parse app.py:ask <- app.py:silent",
        "unnoticed | extend POST /parse app.py:ask <- app.py:silent",
    ]

    again = sweep(TEST, option, app="# a line more\n" + APP.lstrip())
    assert again.ret == 0
    assert "sweep: 0 new findings, 3 in the baseline" in again.text
    assert again.text.count("(in the baseline)") == 3

    more = sweep(TEST + "\ndef test_more(extend_api): once(INVOICE)", option)
    assert more.ret == 1
    assert "sweep: 2 new findings, 3 in the baseline" in more.text

    mended = sweep("def test(extend_api): parse(INVOICE)", option)
    assert mended.ret == 0
    assert mended.text.count("no longer found, though in the baseline: ") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "the file is not JSON"),
        ("{}", "the file was not written by --parseapi-sweep-baseline-write"),
        (
            '{"format": "pytest-parseapi sweep baseline", "version": 9}',
            "the file has version 9 of the format, this reads 1",
        ),
        (
            '{"format": "pytest-parseapi sweep baseline", "version": 1, "findings": 5}',
            "the file is damaged: findings is not a list of texts",
        ),
        ("[" * 100_000, "the file is not JSON"),
    ],
)
def test_a_file_that_is_no_baseline(sweep, pytester, text, message):
    (pytester.path / "known.json").write_text(text)
    result = sweep(TEST, "--parseapi-sweep-baseline=known.json")
    assert result.ret == 4
    assert f"--parseapi-sweep-baseline=known.json: {message}" in result.stderr.str()


def test_findings_are_printed_where_there_is_no_terminal_reporter(sweep):
    result = sweep(TEST, "-p", "no:terminal")
    assert result.ret == 1
    assert "=== sweep ===\n" in result.text
    assert result.text.endswith("\nsweep: 3 findings")


def test_a_baseline_does_not_overwrite_a_file_of_something_else(sweep, pytester):
    (pytester.path / "other.py").write_text("OTHER = 1")
    option = "--parseapi-sweep-baseline=other.py"
    result = sweep(TEST, option, "--parseapi-sweep-baseline-write")
    assert result.ret == 4
    assert f"{option}: the file is not JSON" in result.stderr.str()
    assert (pytester.path / "other.py").read_text() == "OTHER = 1"


def test_a_baseline_stays_whole_where_a_new_one_cannot_be_written(sweep, pytester, monkeypatch):
    known = pytester.path / "known.json"
    known.write_text("the one before")

    def full(_path, _target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    options = ("--parseapi-sweep-baseline=known.json", "--parseapi-sweep-baseline-write")
    result = sweep(TEST, *options)
    assert f"the baseline was not written to {known}: No space left on device" in result.text
    assert (result.ret, known.read_text()) == (1, "the one before")


def test_a_test_accepts_findings_by_failure_and_reason(sweep):
    accept = {"OCR_ERROR": "best effort", "RATE_LIMIT_EXCEEDED": "best effort"}
    result = sweep(f"@pytest.mark.parseapi(sweep_accept={accept})\n{TEST}")
    assert result.ret == 0
    assert "6 accepted" in result.text
    assert "sweep: 0 findings" in result.text

    result = sweep(f"@pytest.mark.parseapi(sweep_accept={{'OCR_ERROR': 'best effort'}})\n{TEST}")
    assert result.ret == 1
    assert "failure   RATE_LIMIT_EXCEEDED (429) once" in result.text
    assert "failure   OCR_ERROR" not in result.text


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "sweep_accept={'OCR_EROR': 'why'}",
            "marker parseapi: sweep_accept has no failure 'OCR_EROR': did you mean 'OCR_ERROR'?",
        ),
        ("sweep_accept=['OCR_ERROR']", "sweep_accept gives the reason for each failure"),
        ("sweep_accept={'OCR_ERROR': ''}", "sweep_accept gives the reason for each failure"),
        ("sweep='no'", "sweep is True or False, not 'no'"),
    ],
)
def test_a_wrong_marker(nested, argument, message):
    result = nested(f"import pytest\n@pytest.mark.parseapi({argument})\ndef test(extend_api): pass")
    result.assert_outcomes(errors=1)
    assert message in result.stdout.str()
