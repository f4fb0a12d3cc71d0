"""Coverage of the documented errors, as pure functions of what tests did."""

from __future__ import annotations

import argparse
import io
import json
import sys
from itertools import permutations

import pytest

from pytest_parseapi.cli import main
from pytest_parseapi.providers.registry import built_in_providers
from pytest_parseapi.report.coverage import catalogue, percent, report_of
from pytest_parseapi.report.files import json_text, page, read_json, write
from pytest_parseapi.report.merge import merged
from pytest_parseapi.report.options import ReportRequest, fail_under, report_kind, requested
from pytest_parseapi.report.terminal import summary, verdict

ALL = catalogue(built_in_providers())
SMALL = [
    {
        "name": "acme",
        "title": "Acme",
        "errors": [
            {
                "code": code,
                "status": 500,
                "retryable": True,
                "surfaces": surfaces,
                "endpoints": endpoints,
                "basis": "documented",
                "source": "docs.acme.example",
                "description": "It is what it is.",
            }
            for code, surfaces, endpoints in (
                ("BUSY", ["http"], []),
                ("BROKEN", ["http", "run"], ["/parse"]),
                ("LOST", ["http"], ["/extract"]),
            )
        ],
    }
]


def api(*received, checks=("assert_recovered",), endpoints=("/parse",), surfaces=("http",)):
    return {
        "provider": "acme",
        "received": [list(item) for item in received],
        "checks": list(checks),
        "endpoints": list(endpoints),
        "surfaces": list(surfaces),
        "attempts": [],
        "left_out": 0,
        "runs": [],
    }


def case(name, *apis, outcome="passed"):
    return {"id": name, "outcome": outcome, "tries": 1, "message": "", "apis": list(apis)}


def counts(*tests):
    return {
        (row["code"], row["surface"]): (row["in_use"], row["simulated"], row["checked"])
        for row in report_of(SMALL, tests)["coverage"]
    }


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (case("checked", api(("BUSY", "http"))), (True, 1, 1)),
        (case("no check", api(("BUSY", "http"), checks=())), (True, 1, 0)),
        (case("failed", api(("BUSY", "http")), outcome="failed"), (True, 1, 0)),
        (case("skipped", api(("BUSY", "http")), outcome="skipped"), (True, 1, 0)),
        (case("another error", api(("BROKEN", "http"))), (True, 0, 0)),
        (case("nothing failed", api()), (True, 0, 0)),
        (case("no request", api(endpoints=(), surfaces=())), (False, 0, 0)),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else None,
)
def test_checked_means_received_in_a_passing_test_with_a_check(test, expected):
    assert counts(test)["BUSY", "http"] == expected


def test_what_a_suite_cannot_meet_is_not_counted():
    """No run was asked for, and no request went to the endpoint that can lose a document."""
    found = counts(case("one", api(("BUSY", "http"), ("BROKEN", "http"))))
    assert found == {
        ("BUSY", "http"): (True, 1, 1),
        ("BROKEN", "http"): (True, 1, 1),
        ("BROKEN", "run"): (False, 0, 0),
        ("LOST", "http"): (False, 0, 0),
    }
    report = report_of(SMALL, [case("one", api(("BUSY", "http"), ("BROKEN", "http")))])
    assert report["percent"] == 100.0


def test_surfaces_are_counted_apart():
    found = counts(case("one", api(("BROKEN", "run"), surfaces=("http", "run"))))
    assert found["BROKEN", "run"] == (True, 1, 1)
    assert found["BROKEN", "http"] == (True, 0, 0)


@pytest.mark.parametrize(
    ("used", "checked", "expected"), [(0, 0, 0.0), (3, 2, 66.6), (3, 3, 100.0), (1000, 999, 99.9)]
)
def test_percentages_are_never_rounded_up(used, checked, expected):
    rows = [
        {"in_use": True, "checked": int(number < checked), "simulated": 1} for number in range(used)
    ]
    assert percent(rows) == expected


def test_failures_come_first_and_the_order_of_tests_does_not_matter():
    tests = [
        case("b", api(("BUSY", "http"))),
        case("a", api(("BUSY", "http"))),
        case("z", api(("BROKEN", "http")), outcome="failed"),
        case("c", api(("LOST", "http")), outcome="skipped"),
    ]
    texts = {json.dumps(report_of(SMALL, order)) for order in permutations(tests)}
    assert len(texts) == 1
    assert [test["id"] for test in json.loads(texts.pop())["tests"]] == ["z", "a", "b", "c"]


def test_the_table():
    tests = [
        case("one", api(("BUSY", "http"))),
        case("two", api(("BROKEN", "http"), checks=())),
    ]
    report = report_of([*SMALL, {"name": "zeta", "title": "Zeta", "errors": []}], tests)
    aside = "(1 of endpoints that no test uses)"
    assert summary(report) == [
        "provider  surface  documented  simulated  checked",
        f"acme      http              3          2        1   50 %  {aside}",
        "acme      run               1          -        -  not used by any test",
        "",
        "acme http, simulated but not checked: BROKEN",
        "",
        "not used by any test: zeta",
    ]
    assert verdict(report, None) == ("documented errors checked: 1 of 2 (50 %)", True)
    assert verdict(report, 50.0)[1]
    assert verdict(report, 50.1) == (
        "FAIL documented errors checked: 1 of 2 (50 %), required are 50.1 %",
        False,
    )


def test_the_table_of_a_suite_that_simulated_nothing():
    assert summary(report_of(ALL, [])) == ["no test asked a simulated provider for anything"]
    assert verdict(report_of(ALL, []), 1.0)[1] is False
    assert verdict(report_of(ALL, []), 0.0)[1] is True


def test_shards_merge_to_the_whole_in_any_order():
    tests = [case(str(number), api(("BUSY", "http"))) for number in range(9)]
    whole = report_of(SMALL, tests)
    shards = [report_of(SMALL, tests[number::3]) for number in range(3)]
    for order in permutations(shards):
        assert merged(order) == whole


def test_of_a_test_in_two_shards_the_worst_result_counts():
    good = report_of(SMALL, [case("same", api(("BUSY", "http")))])
    bad = report_of(SMALL, [case("same", api(("BUSY", "http")), outcome="failed")])
    for order in ((good, bad), (bad, good)):
        report = merged(order)
        assert [test["outcome"] for test in report["tests"]] == ["failed"]
        assert report["percent"] == 0.0


def test_shards_that_know_different_errors():
    fewer = [{**SMALL[0], "errors": SMALL[0]["errors"][:1]}]
    report = merged([report_of(fewer, []), report_of(ALL, []), report_of(SMALL, [])])
    assert [item["name"] for item in report["providers"]] == ["acme", "extend", "nutrient"]
    assert [error["code"] for error in report["providers"][0]["errors"]] == [
        "BUSY",
        "BROKEN",
        "LOST",
    ]


def test_a_file_reads_as_it_was_written(tmp_path):
    report = report_of(SMALL, [case("é</script>", api(("BUSY", "http")))])
    write({tmp_path / "new" / "a.json": json_text(report)})
    assert read_json(tmp_path / "new" / "a.json") == report


def test_no_name_or_message_ends_the_page_s_script():
    test = case("</script><b>", api(("BUSY", "http")))
    text = page(report_of(SMALL, [{**test, "message": "<!-- </SCRIPT>"}]))
    assert text.count("</script>") == 2
    assert "<b>" not in text
    assert "http" not in text.partition('id="data"')[0].replace("http-equiv", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("nonsense", "is not JSON"),
        ("[]", "was not written by --parseapi-report=json:PATH"),
        ('{"format": "another"}', "was not written by --parseapi-report=json:PATH"),
        (
            '{"format": "pytest-parseapi report", "version": 1}',
            "has version 1 of the format, this reads 2",
        ),
        ('{"tests": [1], "tests": []}', "a.json is damaged: 'tests' stands twice in one object"),
        ('{"percent": 1e999}', "a.json is damaged: '1e999' is too large a number"),
    ],
)
def test_the_command_refuses_what_is_no_report(tmp_path, capsys, content, message):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    assert main(["merge", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_the_command_writes_page_data_and_table(tmp_path, capsys):
    for number, error in enumerate(("BUSY", "BROKEN")):
        report = report_of(SMALL, [case(error, api((error, "http")))])
        write({tmp_path / f"{number}": json_text(report)})
    files = [str(tmp_path / "0"), str(tmp_path / "1")]
    out = [f"--html={tmp_path / 'out.html'}", f"--json={tmp_path / 'out.json'}"]
    assert main(["merge", *files, *out, "--fail-under=100"]) == 0
    assert capsys.readouterr().out.endswith(
        "documented errors checked: 2 of 2 (100 %), required are 100 %\n"
    )
    assert [test["id"] for test in read_json(tmp_path / "out.json")["tests"]] == ["BROKEN", "BUSY"]
    assert "BROKEN" in (tmp_path / "out.html").read_text()
    assert main(["merge", files[0], "--fail-under=100"]) == 1


@pytest.mark.parametrize("kind", ["html", "json"])
def test_the_command_overwrites_nothing_but_a_report(tmp_path, capsys, kind):
    write({tmp_path / "0": json_text(report_of(SMALL, []))})
    other = tmp_path / "test_a.py"
    other.write_text("a test")
    assert main(["merge", str(tmp_path / "0"), f"--{kind}={other}"]) == 2
    assert capsys.readouterr().err == (
        f"pytest_parseapi: --{kind} would overwrite {other}, which is no such report\n"
    )
    assert other.read_text() == "a test"


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", r"\x1b[2J\ud800é"), ("ascii", r"\x1b[2J\ud800\xe9")]
)
def test_the_command_prints_what_no_terminal_takes_as_escapes(
    tmp_path, monkeypatch, encoding, shown
):
    odd = [{**SMALL[0], "errors": [{**SMALL[0]["errors"][0], "code": "\x1b[2J\ud800é"}]}]
    report = report_of([*SMALL, *odd], [case("other", api(("BUSY", "http")))])
    (tmp_path / "a.json").write_text(json.dumps(report))
    output = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(output, encoding))
    assert main(["merge", str(tmp_path / "a.json")]) == 0
    sys.stdout.flush()
    assert f"acme http, never simulated: BROKEN, {shown}\n" in output.getvalue().decode()


@pytest.mark.parametrize("text", ["terminal", "html:a.html", "json:/tmp/a.json", r"json:C:\a.json"])
def test_reports_by_name(text):
    assert report_kind(text) == text


@pytest.mark.parametrize("text", ["tests/", "html", "html:", "xml:a.xml", "", "terminal:x"])
def test_other_reports_are_refused(text):
    with pytest.raises(
        argparse.ArgumentTypeError, match="is no report: terminal, html:PATH or json:PATH"
    ):
        report_kind(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("99.5", 99.5), ("100", 100.0)])
def test_percentages(text, value):
    assert fail_under(text) == value


@pytest.mark.parametrize("text", ["-1", "100.1", "all", "", "nan"])
def test_other_percentages_are_refused(text):
    with pytest.raises(
        argparse.ArgumentTypeError, match=f"{text!r} is no percentage from 0 to 100"
    ):
        fail_under(text)


def test_what_options_ask_for(tmp_path):
    assert requested([], 0.0, tmp_path) == ReportRequest(fail_under=0.0)
    assert requested(["terminal", "html:a.html", "json:b"], None, tmp_path) == ReportRequest(
        terminal=True, html=(tmp_path / "a.html",), json=(tmp_path / "b",)
    )
