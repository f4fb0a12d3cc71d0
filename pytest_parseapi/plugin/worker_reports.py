"""Escapes reports of pytest-xdist's workers: one that cannot be sent would end the session.

Half of a surrogate pair is enough: in a document's name that a consumer quotes, or in its output.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape in each report what cannot be sent, but for its test's id, which both sides know."""
    data = yield
    if not isinstance(data, dict):
        return data
    return {key: item if key == "nodeid" else _sendable(item) for key, item in data.items()}


def _sendable(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_sendable, value))
    return value
