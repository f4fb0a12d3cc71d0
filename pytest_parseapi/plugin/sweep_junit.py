"""The variations of each test in JUnit's XML: one ``system-out`` a test."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.junitxml import bin_xml_escape, xml_key

from pytest_parseapi.sweep.results import VariationData
from pytest_parseapi.sweep.text import test_lines


class JUnit:
    """Writes into the XML that ``--junitxml`` asks for.

    Args:
        config: the session's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tests: dict[str, Any] = {}

    def keep(self, report: pytest.TestReport) -> None:
        """Keep what the XML has of a test, before its last report closes it."""
        xml = self._config.stash.get(xml_key, None)
        if xml is not None and report.when == "teardown":
            self._tests[report.nodeid] = xml.node_reporter(report)

    def write(self, results: Iterable[VariationData]) -> None:
        """Add the variations to their tests."""
        by_test: dict[str, list[VariationData]] = {}
        for result in results:
            by_test.setdefault(result["test"], []).append(result)
        for test, found in by_test.items():
            reporter = self._tests.get(test)
            if reporter is None:
                continue
            element = ET.SubElement(reporter.to_xml(), "system-out")
            element.text = bin_xml_escape(test_lines(found))
