"""What a session is asked to report."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.report.files import is_of_something_else

TERMINAL: Final = "terminal"
GITHUB: Final = "github"
_FILES: Final = ("html", "json")
_NOTHING: Final[Mapping[str, str | None]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """The reports that options ask for.

    Args:
        terminal: whether a table is printed.
        html: where to write the page.
        json: where to write the data.
        fail_under: the percentage below which the session fails.
        root: the folder whose commit the reports name.
    """

    terminal: bool = False
    html: tuple[Path, ...] = ()
    json: tuple[Path, ...] = ()
    fail_under: float | None = None
    root: Path = field(default=Path(), compare=False)


def report_kind(text: str) -> str:
    """Check a value of ``--parseapi-report``."""
    kind, _, path = text.partition(":")
    if text in (TERMINAL, GITHUB) or (kind in _FILES and path):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no report: terminal, html:PATH or json:PATH, or github "
        "(before a path to tests, write --parseapi-report=terminal)"
    )


def fail_under(text: str) -> float:
    """Check a value of ``--parseapi-fail-under``."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:  # noqa: PLR2004 - a percentage
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage from 0 to 100")
    return value


def requested(
    kinds: Iterable[str],
    under: float | None,
    root: Path,
    taken: Mapping[str, str | None] = _NOTHING,
) -> ReportRequest:
    """What the options ask for.

    Args:
        kinds: the values of ``--parseapi-report``.
        under: the value of ``--parseapi-fail-under``.
        root: the folder that relative paths start from.
        taken: the files of other options, which no report may overwrite.

    Raises:
        UsageError: two reports have the same path, or one has that of another option or file.
    """
    asked = list(kinds)
    others = {_real(root, file): f"{name}={file}" for name, file in taken.items() if file}
    paths: dict[str, list[Path]] = {kind: [] for kind in _FILES}
    written: dict[str, str] = {}
    for item in asked:
        kind, _, path = item.partition(":")
        if not path:
            continue
        # As --junit-xml reads its path: where it comes from pytest's configuration, or after a
        # colon, no shell has done so.
        path = os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111 - this one never fails
        same = _real(root, path)
        if same in others:
            raise UsageError(
                f"--parseapi-report={item} would overwrite the file of {others[same]}: give the "
                "report a path of its own"
            )
        if same in written:
            raise UsageError(
                f"--parseapi-report={item} and --parseapi-report={written[same]} would write to "
                "the same file: give each report a path of its own"
            )
        if is_of_something_else(root / path, kind):
            raise UsageError(
                f"--parseapi-report={item} would overwrite a file that is no such report: give the "
                f"report a path of its own, such as {kind}:report.{kind}"
            )
        written[same] = item
        paths[kind].append(root / path)
    return ReportRequest(
        terminal=TERMINAL in asked,
        html=tuple(paths["html"]),
        json=tuple(paths["json"]),
        fail_under=under,
        root=root,
    )


def _real(root: Path, path: str) -> str:
    return os.path.realpath(root / path)
