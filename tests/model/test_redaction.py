"""Secrets in URLs are hidden in messages; the rest of a URL is shown."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from pytest_parseapi.model.mistakes import SimulationStopped
from pytest_parseapi.model.redaction import redacted, without_secrets
from pytest_parseapi.model.stops import Stops

SIGNED = [
    "X-Amz-Signature=S3CRET&page=2",
    "page=2&X-Goog-Signature=S3CRET",
    "sv=2020&sig=S3CRET%3D",
    "Expires=1&Signature=S3CRET&Key-Pair-Id=K",
    "token=S3CRET",
    "api_key=S3CRET#top",
]
LINKS = [f"https://ada:S3CRET@files.example.com/a.pdf?{query}" for query in SIGNED]


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(
    "text", ["GET {}", "https://api.example.com/x?u={}", "https://api.example.com/x?u={quoted}&a=1"]
)
def test_no_secret_of_a_link_is_left(link, text):
    whole = text.format(link, quoted=quote(link, safe=""))
    for hide in (redacted, without_secrets):
        hidden = hide(whole)
        assert "S3CRET" not in hidden
        assert "***" in hidden or "?..." in hidden


@pytest.mark.parametrize(
    "text",
    [
        "POST https://files.example.com/a.pdf?page=2&design=modern",
        "https://api.example.com/x?u=https%3A%2F%2Ffiles.example.com%2Fa%40b.pdf",
        "write to ada@example.com, 3 % of 40 %",
        "no URL: sig=1",
    ],
)
def test_what_is_no_secret_stays(text):
    assert without_secrets(text) == text


def test_what_stops_a_test_tells_no_secret():
    stops = Stops()
    with pytest.raises(SimulationStopped, match=r"^GET https://\*\*\*@files.example") as seen:
        stops.stop(f"GET {LINKS[0]} is not simulated")
    assert "S3CRET" not in f"{seen.value}{stops.message}{stops.report()}"
    broken = Stops()
    broken.broken(f"broke at {LINKS[1]}")
    assert "S3CRET" not in broken.message
