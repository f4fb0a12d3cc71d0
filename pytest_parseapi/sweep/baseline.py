"""The baseline: known findings, so that only new ones fail a session."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.sweep.findings import SweepFinding

_FORMAT: Final = "pytest-parseapi sweep baseline"
_VERSION: Final = 1


class Baseline:
    """The known findings.

    Args:
        known: how many findings of each key there are.
    """

    def __init__(self, known: Counter[str] | None = None) -> None:
        self._known = Counter() if known is None else known

    def new(self, findings: Iterable[SweepFinding]) -> list[SweepFinding]:
        """The findings that are not known."""
        left = self._known.copy()
        found = []
        for finding in findings:
            if left[finding.key] > 0:
                left[finding.key] -= 1
            else:
                found.append(finding)
        return found

    def gone(self, findings: Iterable[SweepFinding]) -> list[str]:
        """The keys of known findings that are no longer found."""
        left = self._known - Counter(finding.key for finding in findings)
        return sorted(left.elements())


def baseline_text(findings: Iterable[SweepFinding]) -> str:
    """The text of a baseline file: one finding per line, without line numbers of the code."""
    keys = ",\n".join(f"  {json.dumps(key)}" for key in sorted(item.key for item in findings))
    body = f"[\n{keys}\n ]" if keys else "[]"
    return f'{{"format": "{_FORMAT}", "version": {_VERSION},\n "findings": {body}}}\n'


def read_baseline(path: Path, given: str) -> Baseline:
    """The baseline of a file.

    Args:
        path: the file.
        given: the file as the option names it.

    Raises:
        UsageError: there is no such file, or it is no baseline.
    """
    option = f"--parseapi-sweep-baseline={given}"
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{option}: there is no such file; --parseapi-sweep-baseline-write writes it"
        ) from None
    except OSError as error:
        raise UsageError(f"{option}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{option}: the file is not JSON") from None
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise UsageError(f"{option}: the file was not written by --parseapi-sweep-baseline-write")
    if found.get("version") != _VERSION:
        raise UsageError(
            f"{option}: the file has version {found.get('version')} of the format, this reads "
            f"{_VERSION}"
        )
    findings = found.get("findings")
    if not isinstance(findings, list) or not all(isinstance(key, str) for key in findings):
        raise UsageError(f"{option}: the file is damaged: findings is not a list of texts")
    return Baseline(Counter(findings))
