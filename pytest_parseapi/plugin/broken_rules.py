"""The table at the end of a session: broken rules, how many tests broke them, and where."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

import pytest

from pytest_parseapi.checks.finding import Finding, check_of, findings_of
from pytest_parseapi.checks.kinds import ALL_AT_ONCE
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.report.rules import (
    MESSAGE,
    RULES,
    BrokenRule,
    error_lines,
    rows_of,
    step_summary,
    table,
)

TEXTS: Final = "parseapi_texts"
"""Where a report of a contract's case keeps what it says of each of its rules."""
CONTRACT: Final = "parseapi_contract"
"""Set on reports of contract cases."""
_TITLE: Final = "broken rules"
_MOST_LINES: Final = 6
_MOST_OF_TIMELINE: Final = 12
_TIMELINE: Final = "timeline of "


def add_broken_rules(item: pytest.Item, error: BaseException, report: pytest.TestReport) -> None:
    """Keep with a report which rules its test broke, and make its short summary one line."""
    if report.outcome != "failed" or isinstance(error, UsageError):
        return
    rules: list[BrokenRule] = error.__dict__.get(RULES) or _of_check(error)
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None and "\n" in crash.message:
        setattr(report, MESSAGE, crash.message)
        first = crash.message.partition("\n")[0]
        if len(rules) > 1:
            first += ": " + "; ".join(broken.rule for broken in rules)
        crash.message = first
    if not rules:
        return
    path, line = place_of(item, crash)
    file = os.path.relpath(path, item.config.invocation_params.dir)
    found = [replace(broken, test=item.nodeid, file=file, line=line) for broken in rules]
    setattr(report, RULES, [asdict(broken) for broken in found])
    if TEXTS in error.__dict__:
        setattr(report, CONTRACT, True)
        setattr(report, TEXTS, error.__dict__[TEXTS])


def _of_check(error: BaseException) -> list[BrokenRule]:
    if not isinstance(error, AssertionError):
        return []
    check = check_of(error)
    return [
        broken_by(finding, f"{check} ({finding.kind})" if check == ALL_AT_ONCE else check)
        for finding in findings_of(error)
    ]


def broken_by(finding: Finding, name: str) -> BrokenRule:
    """A finding as a rule that a test broke; the test is not known yet."""
    return BrokenRule(
        name=name,
        rule=finding.rule,
        page=finding.page,
        attempts=finding.attempts,
    )


def place_of(item: pytest.Item, crash: object = None) -> tuple[str, int]:
    """The file of a test, and the line in it, counted from 1.

    Args:
        item: the test. The place of a test that its class inherits is the class.
        crash: where it failed, which may be a line of its file.
    """
    path, line = str(item.path), (item.location[1] or 0) + 1
    parent = item.getparent(pytest.Class)
    inherited = isinstance(item, pytest.Function) and _file_of(item.function) != path
    if inherited and parent is not None:
        try:
            line = inspect.getsourcelines(parent.obj)[1]
        except (OSError, TypeError):
            line = 1
    elif str(getattr(crash, "path", "")) == path:
        line = getattr(crash, "lineno", line)
    return path, line


def _file_of(function: object) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)  # type: ignore[arg-type]
    return getattr(code, "co_filename", "")


def broken_rules(terminal: pytest.TerminalReporter) -> list[BrokenRule]:
    """The rules that failed tests broke, in the order of their reports."""
    failed = terminal.stats.get("failed", ())
    return [BrokenRule(**data) for report in failed for data in getattr(report, RULES, ())]


def fold(terminal: pytest.TerminalReporter) -> None:
    """Leave one example of each rule of a contract among the failures.

    The other cases keep their line in the short summary.
    """
    shown: set[str] = set()
    for report in terminal.stats.get("failed", ()):
        if not getattr(report, CONTRACT, False):
            continue
        names = [data["name"] for data in getattr(report, RULES)]
        if shown.issuperset(names):
            report._pdbshown = True  # what pytest passes over
            continue
        _shorten(report, names, shown)
        shown.update(names)


def _shorten(report: pytest.TestReport, names: list[str], shown: set[str]) -> None:
    """Remove from an example what an earlier one shows; the first keeps its captured output."""
    report.sections = [
        (title, _shortened(text, _MOST_LINES)) for title, text in report.sections if not shown
    ]
    entries = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", None)
    texts: list[str] | None = getattr(report, TEXTS)
    again = [name for name in dict.fromkeys(names) if name in shown]
    if not entries or texts is None or not again:
        return
    whole = "\n".join(entries[0].lines)
    new = [
        f"rule broken: {text}" for name, text in zip(names, texts, strict=True) if name not in shown
    ]
    new.append(f"also broken, with an example above: {', '.join(again)}\n")
    picture = whole.partition(_TIMELINE)
    new.append(_shortened("".join(picture[1:]), _MOST_OF_TIMELINE))
    # One item a line: pytest 8.2 prints no more lines than there are items.
    entries[0].lines = [*"\n".join(new).rstrip().splitlines(), ""]


def _shortened(text: str, most: int) -> str:
    lines = text.splitlines()
    if len(lines) <= most:
        return text
    left_out = len(lines) - most + 1
    return "\n".join([*lines[: most - 1], f"... {left_out} more lines ..."]) + "\n"


def show(terminal: pytest.TerminalReporter, broken: Sequence[BrokenRule], *, github: bool) -> None:
    """Print the table, the last thing before pytest's own last line.

    Args:
        terminal: where to print it.
        broken: the rules.
        github: whether GitHub's actions are to show them, too.
    """
    rows = rows_of(broken)
    if github:
        _tell_github(terminal, broken)
    if rows:
        terminal.section(_TITLE)
        for line in table(rows):
            terminal.write_line(line)


def _tell_github(terminal: pytest.TerminalReporter, broken: Sequence[BrokenRule]) -> None:
    for line in error_lines(broken):
        terminal.write_line(line)
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    text = step_summary(rows_of(broken), len({item.test for item in broken}))
    try:
        with open(path, "a", encoding="utf-8") as summary:  # noqa: PTH123 - appends
            summary.write(text)
    except OSError as error:
        terminal.write_line(f"pytest-parseapi warning: no step summary was written: {error}")
