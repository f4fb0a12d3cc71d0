"""The text of the sweep: the counts, the findings with lines to paste, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_parseapi.model.mistakes import counted
from pytest_parseapi.model.printable_text import cut
from pytest_parseapi.sweep.results import NO_FAILURE, FindingData, SweepData, VariationData
from pytest_parseapi.sweep.verdicts import VERDICTS

_MAX_LINE_CHARS: Final = 160
_MAX_REASON_CHARS: Final = 240
_MAX_SHOWN: Final = 3


def counts_line(data: SweepData) -> str:
    """How many variations got which verdict."""
    results = [item for item in data["results"] if item["failure"] != NO_FAILURE]
    counts = Counter(item["verdict"] for item in results)
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    broke = sum(bool(item["broken"]) for item in data["results"])
    parts += [f"{broke} broke a rule"] if broke else []
    accepted = sum(bool(item["accepted"]) for item in results)
    parts += [f"{accepted} accepted"] if accepted else []
    tests = len({item["test"] for item in results})
    head = f"{counted(len(results), 'variation')} of {counted(tests, 'test')}"
    return head + (f": {', '.join(parts)}" if parts else "")


def finding_lines(number: int, finding: FindingData) -> list[str]:
    """One finding, in at most 12 lines."""
    head = f"{number}. {finding['title']}: {finding['place']}"
    test = f"in {finding['test']}"
    lines = [
        head if finding["is_new"] else f"{head}  (in the baseline)",
        f"   {finding['where']}  {test}" if finding["where"] else f"   {test}",
        f"   failure   {finding['failure']}",
        f"   seen      {cut(finding['why'], _MAX_REASON_CHARS)}",
    ]
    lines += [
        f"   {'          ' if index else 'paste     '}{line}"
        for index, line in enumerate(finding["lines"])
    ]
    others = [item for item in finding["failures"] if item != finding["failure"]]
    if others:
        lines.append(f"   and {counted(len(others), 'more failure')}: {_some(others)}")
    tests = finding["tests"][1:]
    if tests:
        lines.append(f"   also in {counted(len(tests), 'test')}: {_some(tests)}")
    return lines


def _some(texts: Sequence[str]) -> str:
    return cut(
        "; ".join(texts[:_MAX_SHOWN]) + ("; ..." if len(texts) > _MAX_SHOWN else ""),
        _MAX_LINE_CHARS,
    )


def note_lines(data: SweepData) -> list[str]:
    """The tests that fail although the retry works, each once."""
    notes: dict[str, VariationData] = {}
    for result in sorted(data["results"], key=lambda item: (item["test"], item["failure"])):
        if result["verdict"] == "note":
            notes.setdefault(result["test"], result)
    return [
        f"note: {test}: {cut(result['why'], _MAX_LINE_CHARS)} ({result['failure']})"
        for test, result in notes.items()
    ]


def left_out_lines(data: SweepData) -> list[str]:
    """The tests that were left out: by name and reason, or counted."""
    counts = Counter(item["reason"] for item in data["left_out"] if item["counted"])
    lines = [
        f"left out: {item['test']}: {item['reason']}"
        for item in sorted(data["left_out"], key=lambda item: (item["test"], item["reason"]))
        if not item["counted"]
    ]
    lines += [
        f"left out: {counted(number, 'test')}: {reason}"
        for reason, number in sorted(counts.items())
    ]
    own = data["own_calls"]
    if own:
        noun = "place is a test's own call" if own == 1 else "places are the tests' own calls"
        lines.append(f"left out: {own} {noun}")
    return lines


def test_lines(results: Iterable[VariationData]) -> str:
    """The variations of one test, for its own report."""
    rows = [
        f"{result['verdict'] or 'broke':<13} {result['place']['endpoint']}  {result['failure']}"
        + "".join(f"; broke {item['kind']}" for item in result["broken"])
        for result in sorted(results, key=lambda item: (item["place"]["id"], item["failure"]))
    ]
    return "\n".join([f"sweep: {counted(len(rows), 'variation')}", *rows])


test_lines.__test__ = False  # type: ignore[attr-defined]
