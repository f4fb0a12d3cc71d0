"""What a failing comparison prints of attempts, runs and deliveries: no signature, no password."""

from __future__ import annotations

import httpx
import pytest
from plain_consumer import send

QUERIES = [
    "X-Amz-Signature=secret&X-Amz-Date=1",
    "sv=1&sig=secret",
    "token=secret",
    "id=17&access_key=secret",
]


@pytest.mark.parametrize("query", QUERIES)
def test_no_repr_shows_a_signed_query(extend_api, query):
    url = f"https://ada:secret@files.example.com/a.pdf?{query}"
    headers = {"authorization": f"Bearer {extend_api.api_key}"}
    with httpx.Client(base_url=extend_api.base_url, headers=headers) as client:
        client.post("/parse_runs", json={"file": {"url": url}})
        client.post("/parse", json={"file": {"url": url}})
        client.get(f"/parse_runs?{query}")
    delivery = extend_api.webhook(document=url)
    shown = f"{extend_api.attempts!r} {extend_api.runs!r} {delivery!r} {extend_api.timeline()}"
    assert "secret" not in shown.replace(extend_api.webhook_secret, "")
    assert "a.pdf" in shown


def test_a_repr_shows_the_fields(extend_api):
    send(extend_api)
    assert repr(extend_api.attempts[0]).startswith(
        "Attempt(number=1, method='POST', url='https://api.extend.ai/parse', path='/parse', "
    )
