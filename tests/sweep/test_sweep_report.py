"""The sweep in reports: the data, the page, and JUnit's XML."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

TEST = """
def test_silent(extend_api): silent(INVOICE)
def test_right(extend_api): parse(INVOICE)
def test_scripted(extend_api):
    extend_api.fail("OCR_ERROR")
    parse(INVOICE)
"""


def test_the_data(sweep, pytester):
    result = sweep(TEST, "--parseapi-report=json:out.json", "--parseapi-report=html:out.html")
    report = json.loads((pytester.path / "out.json").read_text())
    swept = report["sweep"]
    assert [item["title"] for item in swept["findings"]] == [
        "unnoticed",
        "broke request_id",
        "broke retryable_error",
    ]
    assert len(swept["results"]) == 12
    assert {item["verdict"] for item in swept["results"]} == {"unnoticed", "recovered", "reported"}
    assert [item["reason"] for item in swept["left_out"]] == ["it scripts failures itself"]
    shown = swept["findings"][0]
    assert shown["failure"] == "OCR_ERROR (500) once"
    assert any("extend_api.fail(" in line for line in shown["lines"])
    assert 'id="sweep"' in (pytester.path / "out.html").read_text()
    # What the sweep makes fail is no failure that the tests simulated.
    assert {row["code"] for row in report["coverage"] if row["simulated"]} == {"OCR_ERROR"}
    assert result.ret == 1


def test_reports_without_a_sweep_have_no_such_part(nested, pytester):
    nested("def test(extend_api): pass", "--parseapi-report=json:out.json")
    assert "sweep" not in json.loads((pytester.path / "out.json").read_text())


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_junit_has_one_system_out_a_test(sweep, separate, pytester, workers):
    sweep(TEST)
    options = ["--parseapi-sweep", "--parseapi-sweep-kinds=retryable", "--junitxml=out.xml"]
    separate(*options, *workers, plugins=["xdist"])
    cases = ET.parse(pytester.path / "out.xml").getroot().iter("testcase")
    found = {case.get("name"): [item.text for item in case.findall("system-out")] for case in cases}
    assert found["test_scripted"] == []
    (silent,), (right,) = found["test_silent"], found["test_right"]
    assert silent.startswith("sweep: 6 variations\n")
    assert silent.count("unnoticed     POST /parse  ") == 6
    assert "recovered     POST /parse  OCR_ERROR (500) once" in right
