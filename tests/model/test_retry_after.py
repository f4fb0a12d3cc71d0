"""Reads the Retry-After header."""

from __future__ import annotations

import pytest

from pytest_parseapi.model.http import moment_of

NOW = 1_445_412_000.0  # Wed, 21 Oct 2015 07:20:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        (" 30 ", 30),
        ("1.5", 1.5),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 480),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", 480),
        ("Wed Oct 21 07:28:00 2015", 480),
        ("Wed, 21 Oct 2015 09:28:00 +0200", 480),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 480),
        ("Wed, 21 Oct 2015 07:19:00 GMT", -60),
        ("-1", None),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read(value, seconds, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert moment_of(value, NOW) == (None if seconds is None else NOW + seconds)
