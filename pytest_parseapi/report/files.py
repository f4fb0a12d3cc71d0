"""Reports as files: the JSON data, and the page made of it."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pytest_parseapi.model.printable_text import cut
from pytest_parseapi.report.data import FORMAT, VERSION, ReportData
from pytest_parseapi.report.data_check import misfit

_MAX_SHOWN_CHARS: Final = 40
_MAX_BYTES: Final = 256 * 1024 * 1024
_SCRIPTS: Final = (
    *("base.js", "rules.js", "matrix.js", "sweep.js", "timeline.js", "tests.js", "filters.js"),
)
_HEAD_BYTES: Final = 1024
_SIGNS: Final = MappingProxyType(
    {"json": FORMAT.encode(), "html": b'<meta name="generator" content="pytest-parseapi">'}
)
_ENDINGS: Final = MappingProxyType({"json": (".json",), "html": (".html", ".htm")})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class ReportFileError(Exception):
    """A file is no report, or cannot be written. Its text is one line."""


class _Damage(Exception):  # noqa: N818 - it is what is wrong, told with the file's name
    """What is wrong with the JSON of a report."""


def read_json(path: Path) -> ReportData:
    """Read a report's data.

    Raises:
        ReportFileError: there is no such file, or it is no report that this version reads.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ReportFileError(f"{_name(path)}: {_reason(error)}") from None
    if len(data) > _MAX_BYTES:
        raise ReportFileError(
            f"{_name(path)} has more than {_MAX_BYTES >> 20} MB: too large for a report"
        )
    try:
        found: Any = json.loads(
            data.decode("utf-8-sig"),
            parse_constant=_no_number,
            parse_float=_number,
            object_pairs_hook=_object,
        )
    except _Damage as damage:
        raise ReportFileError(f"{_name(path)} is damaged: {damage}") from None
    except RecursionError:
        raise ReportFileError(f"{_name(path)} is nested too deeply for a report") from None
    except ValueError:
        raise ReportFileError(f"{_name(path)} is not JSON") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ReportFileError(f"{_name(path)} was not written by --parseapi-report=json:PATH")
    version = found.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ReportFileError(
            f"{_name(path)} has version {_short(version)} of the format, this reads {VERSION}"
        )
    problem = misfit(found, ReportData)
    if problem is not None:
        raise ReportFileError(f"{_name(path)} is damaged: {problem}")
    report: ReportData = found  # type: ignore[assignment]
    return report


def json_text(report: ReportData) -> str:
    """The data, one test a line; equal runs make equal texts."""
    about = {key: value for key, value in report.items() if key != "tests"}
    lines = [f"{_text(key)}: {_text(value)}," for key, value in about.items()]
    tests = ",\n".join(_text(test) for test in report["tests"])
    return "\n".join(["{", *lines, '"tests": [', f"{tests}]}}"]) + "\n"


def page(report: ReportData, written: datetime | None = None) -> str:
    """The whole page, one file that needs no other: template, style, script and data in one.

    Args:
        report: the data.
        written: when the page is made; by default now.
    """
    moment = (written or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    parts = files("pytest_parseapi.report") / "page"
    text = (parts / "index.html").read_text(encoding="utf-8")
    # "<" would let a test's name or message end the script element.
    data = _text({**report, "written": moment}).replace("<", "\\u003c")
    for place, content in {
        "/* style.css */": (parts / "style.css").read_text(encoding="utf-8"),
        "/* script */": "\n".join((parts / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        "/* data */": data,
    }.items():
        text = text.replace(place, content, 1)
    return text


def is_of_something_else(path: Path, kind: str) -> bool:
    """Whether a file is there that a report should not take the place of, such as a test's.

    A file whose name ends as a report's does may be overwritten; so may an empty one, and an
    earlier report by whatever name.

    Args:
        path: where the report is to be written.
        kind: ``json`` or ``html``.
    """
    if path.suffix.lower() in _ENDINGS[kind]:
        return False
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return False  # writing it will say what is wrong
    return bool(head) and _SIGNS[kind] not in head


def write(texts: Mapping[Path, str]) -> None:
    """Write all of these files, or none: what stood there before stays until all are complete.

    Raises:
        ReportFileError: one cannot be written.
    """
    complete: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, text in texts.items():
            data = text.encode()
            if path.exists() and not path.is_file():
                # As it is named: what /dev/stdout leads to has no name in the file system.
                _write_special(path, data)
                continue
            target = _target(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            complete.append((_write_beside(target, data), target))
        while complete:
            beside, path = complete[0]
            beside.replace(path)
            complete.pop(0)
    except (OSError, ValueError) as error:
        raise ReportFileError(f"{_name(path)}: {_reason(error)}") from None
    finally:
        for beside, _ in complete:
            beside.unlink(missing_ok=True)


def _target(path: Path) -> Path:
    """The file that a path leads to by links, if any."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # it leads to itself
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _write_beside(target: Path, data: bytes) -> Path:
    """Write a file that can take a target's place in one step."""
    beside = target.with_name(f".parseapi-{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(data)
        if target.exists():
            target.open("ab").close()  # a rename would also replace a file that is write-protected
            beside.chmod(stat.S_IMODE(target.stat().st_mode))
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    return beside


def _write_special(target: Path, data: bytes) -> None:
    """Write to a device or a pipe, which nothing may replace; one that nobody reads is an error."""
    descriptor = os.open(target, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _text(value: Any) -> str:
    """JSON that every reader takes: half of a surrogate pair becomes its visible escape."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _SURROGATE.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _name(path: Path) -> str:
    text = str(path)
    return text if text.isprintable() else ascii(text)


def _short(value: Any) -> str:
    return cut(repr(value), _MAX_SHOWN_CHARS)


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Damage(f"{_short(text)} is too large a number")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that loses nothing: of two values of one name, the last would stand alone."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Damage(f"{_short(twice)} stands twice in one object")
    return found
