"""The example application: each planted bug is found at its line, and its fixed twin is right."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "examples" / "invoice_app"
KINDS = "retryable,final,runs,webhooks"
DUMPER = """
import json, pathlib

def pytest_terminal_summary(config):
    summary = config.pluginmanager.get_plugin("parseapi-sweep-summary")
    text = json.dumps({"findings": summary.findings, "data": summary.data})
    pathlib.Path("sweep.json").write_text(text)
"""


@pytest.fixture
def example(pytester, nested, monkeypatch):
    """Sweeps the example's tests; gives the findings and the data."""

    def run(which, *options, passed=14):
        for item in ("conftest.py", "test_invoice_documents.py", "test_invoice_runs.py"):
            shutil.copy(APP / item, pytester.path)
        for name in ("planted", "mended"):
            shutil.copytree(APP / name, pytester.path / name, dirs_exist_ok=True)
        pytester.makepyfile(dumper=DUMPER)
        monkeypatch.setenv("INVOICES", which)
        monkeypatch.syspath_prepend(pytester.path)
        # This session may have collected the example, too.
        ours = ("invoices", "test_invoice_documents", "test_invoice_runs")
        for name in [item for item in sys.modules if item.partition(".")[0] in ours]:
            monkeypatch.delitem(sys.modules, name)
        result = nested(None, "--parseapi-sweep", *options, plugins=["dumper"])
        result.assert_outcomes(passed=passed)
        found = json.loads((pytester.path / "sweep.json").read_text())
        return result, found["findings"], found["data"]

    return run


def planted():
    """The planted bugs: title, file and line."""
    for path in sorted((APP / "planted").rglob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if found := re.search(r"# planted: (.+)", line):
                yield found[1], f"{path.relative_to(APP).as_posix()}:{number}"


def test_every_planted_bug_is_found_at_its_line_and_can_be_shown_again(example, pytester, nested):
    result, findings, data = example("planted", f"--parseapi-sweep-kinds={KINDS}")
    # Network faults are most of the failures, and one test is enough to see what they show.
    network = ("--parseapi-sweep-kinds=network", "-k", "receipt")
    findings += [
        item for item in example("planted", *network, passed=1)[1] if item["title"] == "crashed"
    ]
    found = {(item["title"], line) for item in findings for line in item["where"].split(" <- ")}
    assert len(set(planted())) >= 13
    assert set(planted()) - found == set()
    # A receiver that takes what nobody signed is seen where the delivery is made.
    assert {item["where"] for item in findings if item["place"].startswith("webhook")} >= {
        "test_invoice_runs.py:27",
        "test_invoice_runs.py:34",
    }
    assert all(len(item["lines"]) <= 6 for item in findings)
    assert result.ret == 1
    assert data["left_out"] == []

    sources = {path.name: path.read_text() for path in pytester.path.glob("test_*.py")}
    for number, finding in enumerate(findings):
        name = finding["test"].partition("::")[0]
        text = pasted(sources[name], finding)
        (pytester.path / f"test_f{number}.py").write_text(text)
    ids = [
        f"test_f{number}.py::{finding['test'].partition('::')[2]}"
        for number, finding in enumerate(findings)
    ]
    result = nested(None, *ids, "-p", "no:randomly")
    reports = defaultdict(str)
    for report in result.reprec.getreports():
        if getattr(report, "when", "") and report.failed:
            reports[report.nodeid] += report.longreprtext
    assert {item for item in ids if item not in reports} == set()
    wrong = {
        item: (finding["title"], finding["why"], reports[item])
        for item, finding in zip(ids, findings, strict=True)
        if reason(finding) not in reports[item]
    }
    assert wrong == {}


def reason(finding):
    """What a red test says where it is red for the reason of a finding."""
    verdict, why = finding["title"].partition(" ")[0], finding["why"]
    if verdict == "broke":
        return why.partition(": ")[0]
    if verdict in ("crashed", "not"):
        return re.search(r"(\w+Error)", why)[1]
    if verdict == "endless":
        return why[:30]
    return "rule broken: " if "assert_" in finding["lines"][-1] else "was taken"


def with_arguments(head, names):
    """The first line of a function with more arguments."""
    before, old = re.fullmatch(r"(.*)\((.*)\):", head).groups()
    return f"{before}({', '.join([*filter(None, [old]), *names])}):"


def pasted(source, finding):
    """A file of tests with the lines of a finding in its test."""
    lines = source.splitlines()
    names = finding["test"].split("::")[1:]
    body = ast.parse(source).body
    for name in names:
        node = next(item for item in body if getattr(item, "name", "") == name)
        body = node.body
    indent = " " * body[0].col_offset
    first, last, above = [], [], []
    into = None
    for line in finding["lines"]:
        if line.startswith("# at "):
            at, wrong = re.fullmatch(r"# at .*:(\d+): webhook\(\.\.\., (.*)\)", line).groups()
            lines[int(at) - 1] = lines[int(at) - 1].replace("webhook()", f"webhook({wrong})")
        elif line.startswith("#"):
            into = {"# first": first, "# last ": last, "# above": above}[line[:7]]
            if found := re.search(r"add the arguments? (.+) to the test", line):
                head = node.lineno - 1
                names = [name for name in found[1].split(", ") if name not in lines[head]]
                lines[head] = with_arguments(lines[head], names)
        else:
            into.append(line)
    end = node.end_lineno
    lines[end:end] = [indent + line for line in last]
    start = body[0].lineno - 1
    lines[start:start] = [indent + line for line in first]
    start = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
    pad = " " * node.col_offset
    lines[start:start] = [pad + line for line in above]
    return "\n".join(lines) + "\n"


def test_the_mended_twin_has_no_finding(example):
    result, findings, data = example("mended", f"--parseapi-sweep-kinds={KINDS}")
    assert findings == []
    assert result.ret == 0
    assert data["left_out"] == []
    assert len(data["results"]) > 150
