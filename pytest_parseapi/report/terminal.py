"""The coverage of the documented errors as a compact table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from pytest_parseapi.model.lookup import SURFACES
from pytest_parseapi.model.printable_text import aligned, one_line
from pytest_parseapi.report.data import ReportData, RowData

_HEADINGS = ("provider", "surface", "documented", "simulated", "checked", "")
_NUMBERS = range(2, 5)
_WIDTH = 96


def summary(report: ReportData) -> list[str]:
    """The table, and what is missing, as lines."""
    groups = _groups(report["coverage"])
    used = {provider for (provider, _), rows in groups.items() if any(r["in_use"] for r in rows)}
    if not used:
        return ["no test asked a simulated provider for anything"]
    table = [
        _row(provider, surface, rows)
        for (provider, surface), rows in groups.items()
        if provider in used
    ]
    lines = aligned([_HEADINGS, *table], right=_NUMBERS)
    missing = []
    for (provider, surface), rows in groups.items():
        if provider in used:
            missing += _missing(f"{provider} {surface}", rows)
    unused = [item["name"] for item in report["providers"] if item["name"] not in used]
    if missing:
        lines += ["", *missing]
    if unused:
        lines += ["", f"not used by any test: {', '.join(unused)}"]
    return [one_line(line) for line in lines]


def verdict(report: ReportData, fail_under: float | None) -> tuple[str, bool]:
    """The total in a sentence, and whether it is enough."""
    counted = [row for row in report["coverage"] if row["in_use"]]
    held = sum(row["checked"] > 0 for row in counted)
    percent = report["percent"]
    text = f"documented errors checked: {held} of {len(counted)} ({percent:g} %)"
    if fail_under is None:
        return text, True
    if percent < fail_under:
        return f"FAIL {text}, required are {fail_under:g} %", False
    return f"{text}, required are {fail_under:g} %", True


def _groups(coverage: Iterable[RowData]) -> dict[tuple[str, str], list[RowData]]:
    groups: dict[tuple[str, str], list[RowData]] = {}
    for row in coverage:
        groups.setdefault((row["provider"], row["surface"]), []).append(row)
    return dict(sorted(groups.items(), key=lambda item: (item[0][0], _position(item[0][1]))))


def _position(surface: str) -> tuple[int, str]:
    """The known surfaces first; one of a third party's own after them."""
    known = list(SURFACES)
    return (known.index(surface) if surface in known else len(known)), surface


def _row(provider: str, surface: str, rows: Sequence[RowData]) -> tuple[str, ...]:
    counted = [row for row in rows if row["in_use"]]
    if not counted:
        return (provider, surface, str(len(rows)), "-", "-", "not used by any test")
    simulated = sum(row["simulated"] > 0 for row in counted)
    checked = sum(row["checked"] > 0 for row in counted)
    aside = len(rows) - len(counted)
    note = f"{checked * 100 // len(counted):>3} %"
    if aside:
        note += f"  ({aside} of endpoints that no test uses)"
    return (provider, surface, str(len(rows)), str(simulated), str(checked), note)


def _missing(where: str, rows: Iterable[RowData]) -> list[str]:
    counted = [row for row in rows if row["in_use"]]
    never = [row["code"] for row in counted if not row["simulated"]]
    unchecked = [row["code"] for row in counted if row["simulated"] and not row["checked"]]
    return [
        *_wrapped(f"{where}, never simulated: ", never),
        *_wrapped(f"{where}, simulated but not checked: ", unchecked),
    ]


def _wrapped(label: str, codes: Sequence[str]) -> list[str]:
    if not codes:
        return []
    return textwrap.wrap(
        label + ", ".join(codes),
        width=_WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
