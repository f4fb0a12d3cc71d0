"""Prints the zoo's score, also where its tests ran on several workers."""

from __future__ import annotations

_TESTS = {
    "test_a_broken_consumer_is_caught": "broken consumers caught by the rule that names the fault",
    "test_a_right_consumer_is_not_accused": "right consumers not accused",
}


def pytest_terminal_summary(terminalreporter):
    lines = []
    for name, text in _TESTS.items():
        passed, failed = (
            sum(
                f"test_zoo.py::{name}" in report.nodeid
                for report in terminalreporter.stats.get(key, ())
            )
            for key in ("passed", "failed")
        )
        if passed or failed:
            lines.append(f"{passed} of {passed + failed} {text}")
    if lines:
        terminalreporter.write_line("the zoo: " + ", ".join(lines))
