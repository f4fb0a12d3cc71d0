"""Reports as files: the JSON data, and the page made of it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pytest_parseapi.report.format import FORMAT, VERSION, ReportData

__all__ = ["ReportFileError", "page", "read_json", "write_html", "write_json"]


class ReportFileError(Exception):
    """A file is no report."""


def write_json(report: ReportData, path: Path) -> None:
    """Write the data, one test a line; equal runs make equal files."""
    about = {key: value for key, value in report.items() if key != "tests"}
    lines = [f"{_text(key)}: {_text(value)}," for key, value in about.items()]
    tests = ",\n".join(_text(test) for test in report["tests"])
    _write(path, "\n".join(["{", *lines, '"tests": [', f"{tests}]}}"]) + "\n")


def write_html(report: ReportData, path: Path) -> None:
    """Write the page, one file that needs no other."""
    _write(path, page(report))


def read_json(path: Path) -> ReportData:
    """Read a report's data.

    Raises:
        ReportFileError: there is no such file, or it is no report that this version reads.
    """
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReportFileError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise ReportFileError(f"{path} is not JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ReportFileError(f"{path} was not written by --parseapi-report=json:PATH")
    if found.get("version") != VERSION:
        raise ReportFileError(
            f"{path} has version {found.get('version')} of the format, this reads {VERSION}"
        )
    report: ReportData = found  # type: ignore[assignment]
    return report


def page(report: ReportData) -> str:
    """The whole page: template, style, script and data in one."""
    parts = files("pytest_parseapi.report") / "page"
    text = (parts / "index.html").read_text(encoding="utf-8")
    # "<" would let a test's name or message end the script element.
    data = _text(report).replace("<", "\\u003c")
    for place, content in {
        "/* style.css */": (parts / "style.css").read_text(encoding="utf-8"),
        "/* script.js */": (parts / "script.js").read_text(encoding="utf-8"),
        "/* data */": data,
    }.items():
        text = text.replace(place, content, 1)
    return text


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
