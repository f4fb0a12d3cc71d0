"""Which rules the tests of a session broke: a table for people, and lines for GitHub's actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.model.printable_text import aligned

RULES: Final = "parseapi_rules"
"""Where a test's report keeps the rules that it broke; a plain list, for workers of xdist."""
MESSAGE: Final = "parseapi_message"
"""Where a test's report keeps its whole message; the short summary has its first line."""
_MOST_ANNOTATIONS: Final = 10
_MAX_RULE_CHARS: Final = 60
_HEADINGS: Final = ("look at", "cases", "rule", "first place")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRule:
    """A rule that one test broke.

    Args:
        name: the attribute of a contract that turns the rule off, or the check that failed.
        rule: what should have held, in a sentence.
        test: the test's node id; empty until the test is known.
        file: the file of the test, relative to where pytest was started.
        line: the line in it, counted from 1.
        page: the address of the provider's page behind the rule, or an empty text.
        attempts: the numbers of the attempts that broke it, where they are known.
    """

    name: str
    rule: str
    test: str = ""
    file: str = ""
    line: int = 0
    page: str = ""
    attempts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """One rule with the tests that broke it."""

    name: str
    cases: int
    first: BrokenRule
    others: int = 0
    """How many other sentences the rule has in the other cases, such as for other errors."""

    def rule(self, most: int | None = None) -> str:
        """What should have held, in that many characters at most."""
        others = f", and {self.others} more" if self.others else ""
        text = self.first.rule
        if most is not None and len(text) + len(others) > most:
            text = text[: most - len(others) - 3] + "..."
        return text + others


def rows_of(broken: Iterable[BrokenRule]) -> list[RuleRow]:
    """The rules, each once; those that most tests broke come first."""
    by_name: dict[str, list[BrokenRule]] = {}
    for item in broken:
        by_name.setdefault(item.name, []).append(item)
    rows = [
        RuleRow(
            name=name,
            cases=len({item.test for item in items}),
            first=items[0],
            others=len({item.rule for item in items}) - 1,
        )
        for name, items in by_name.items()
    ]
    return sorted(rows, key=lambda row: (-row.cases, row.name))


def table(rows: Sequence[RuleRow]) -> list[str]:
    """The lines of the table, one for each rule."""
    cells = [(row.name, str(row.cases), row.rule(_MAX_RULE_CHARS), row.first.test) for row in rows]
    return aligned([_HEADINGS, *cells], right={_HEADINGS.index("cases")})


def step_summary(rows: Sequence[RuleRow], failed: int) -> str:
    """The table in Markdown, for the summary of a step.

    Args:
        rows: the rules.
        failed: how many tests broke one.
    """
    if not rows:
        return "### pytest-parseapi: no rule is broken\n"
    lines = [f"### pytest-parseapi: {len(rows)} rules broken in {failed} tests", ""]
    lines += [f"| {' | '.join(_HEADINGS)} |", "| --- | ---: | --- | --- |"]
    for row in rows:
        cells = (f"`{row.name}`", str(row.cases), row.rule(), f"`{row.first.test}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def error_lines(broken: Sequence[BrokenRule]) -> list[str]:
    """At most 10 lines that GitHub shows beside the tests, rules that were not shown yet first."""
    names: set[str] = set()
    first: list[BrokenRule] = []
    again: list[BrokenRule] = []
    for item in broken:
        (again if item.name in names else first).append(item)
        names.add(item.name)
    return [
        f"::error file={_property(item.file)},line={item.line},"
        f"title={_property(item.name)}::{_data(f'{item.rule} ({item.test})')}"
        for item in (first + again)[:_MOST_ANNOTATIONS]
    ]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
