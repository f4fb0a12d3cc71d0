"""Prints if ``-p no:terminal`` has switched pytest's own reporter off."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pytest_parseapi.model.printable_text import show


class PlainOutput:
    """Collects lines by the methods of pytest's terminal reporter, and prints them all at once."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def section(self, title: str) -> None:
        """Begin a part."""
        self.write_line(f"=== {title} ===")

    def write_line(self, line: str, **_markup: Any) -> None:
        """Add a line."""
        self._lines.append(line)

    def print(self, config: pytest.Config) -> None:
        """Print what was added, past pytest's capture."""
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture(in_=False)
        show("\n".join(self._lines), sys.stdout)
        if capture is not None:
            capture.resume_global_capture()
