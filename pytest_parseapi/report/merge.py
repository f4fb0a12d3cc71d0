"""``python -m pytest_parseapi merge``: one report of the reports of several sessions."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_parseapi.model.printable_text import show
from pytest_parseapi.report.coverage import WORST_FIRST, report_of
from pytest_parseapi.report.data import ReportData, ReportedProvider, SweepSection, TestData
from pytest_parseapi.report.files import (
    ReportFileError,
    is_of_something_else,
    json_text,
    page,
    read_json,
    write,
)
from pytest_parseapi.report.options import fail_under
from pytest_parseapi.report.terminal import summary, verdict


def merged(reports: Iterable[ReportData], threshold: float | None = None) -> ReportData:
    """The tests of every report against the errors that any of them knows.

    Args:
        reports: the reports.
        threshold: the percentage that is required.
    """
    known = list(reports)
    providers: dict[str, ReportedProvider] = {}
    tests: dict[str, TestData] = {}
    for report in known:
        for provider in report["providers"]:
            other = providers.get(provider["name"])
            providers[provider["name"]] = provider if other is None else _both(other, provider)
        for test in report["tests"]:
            before = tests.get(test["id"])
            tests[test["id"]] = test if before is None else min(before, test, key=_badness)
    commits = {report.get("commit") for report in known}
    sweeps = [report["sweep"] for report in known if "sweep" in report]
    return report_of(
        list(providers.values()),
        tests.values(),
        commit=commits.pop() if len(commits) == 1 else None,
        threshold=threshold,
        sweep=_one_sweep(sweeps) if sweeps else None,
    )


def _one_sweep(sweeps: list[SweepSection]) -> SweepSection:
    return SweepSection(
        findings=[item for sweep in sweeps for item in sweep["findings"]],
        results=[item for sweep in sweeps for item in sweep["results"]],
        left_out=[item for sweep in sweeps for item in sweep["left_out"]],
        own_calls=sum(sweep["own_calls"] for sweep in sweeps),
    )


def _both(one: ReportedProvider, other: ReportedProvider) -> ReportedProvider:
    errors = {error["code"]: error for error in (*other["errors"], *one["errors"])}
    ordered = [error["code"] for error in (*one["errors"], *other["errors"])]
    return ReportedProvider(
        name=one["name"],
        title=one["title"],
        errors=[errors[code] for code in dict.fromkeys(ordered)],
    )


def _badness(test: TestData) -> tuple[int, str]:
    """What went wrong in one shard comes first; the rest makes the order of files irrelevant."""
    return WORST_FIRST.index(test["outcome"]), json.dumps(test, sort_keys=True)


def add_merge(commands: Any) -> None:
    """Add the command ``merge`` to a command line."""
    parser = commands.add_parser(
        "merge",
        help="merge the JSON reports of several sessions, such as a suite's shards",
        description="Merge the files that --parseapi-report=json:PATH wrote into one report. Of a "
        "test that ran in several sessions, the worst result counts.",
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a JSON report")
    parser.add_argument("--html", type=Path, metavar="PATH", help="write the page here")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the merged data here")
    parser.add_argument(
        "--fail-under",
        type=fail_under,
        metavar="PERCENT",
        help="exit with 1 if less of the documented errors was checked",
    )


def merge(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit status: 0, 1 where too little was checked, or 2 where a file is no report, or one
        cannot be written. Nothing is written then.
    """
    try:
        report = merged([read_json(path) for path in options.files], options.fail_under)
        write(_texts(report, options))
    except ReportFileError as error:
        show(f"pytest_parseapi: {error}", sys.stderr)
        return 2
    text, enough = verdict(report, options.fail_under)
    show("\n".join([*summary(report), "", text]), sys.stdout)
    return 0 if enough else 1


def _texts(report: ReportData, options: argparse.Namespace) -> dict[Path, str]:
    """What to write, by path."""
    texts = {}
    for kind in ("json", "html"):
        path = getattr(options, kind)
        if path is not None and is_of_something_else(path, kind):
            raise ReportFileError(f"--{kind} would overwrite {path}, which is no such report")
    if options.json is not None:
        texts[options.json] = json_text(report)
    if options.html is not None:
        if options.json is not None and os.path.realpath(options.json) == os.path.realpath(
            options.html
        ):
            raise ReportFileError(f"--json and --html would both write to {options.html}")
        texts[options.html] = page(report)
    return texts
