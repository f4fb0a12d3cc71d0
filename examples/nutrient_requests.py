"""Nutrient's page shows a call by requests; this adds what a production service needs around it."""

import json
import logging
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

log = logging.getLogger(__name__)


class ExtractionFailedError(Exception):
    """The document was not parsed."""


def _session() -> requests.Session:
    # urllib3 repeats no POST unless it is told to, and never waits before its first retry.
    retry = Retry(
        total=4,
        backoff_factor=1,
        backoff_jitter=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("POST",),
        raise_on_status=False,
    )
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=retry))
    return session


def parse(path: Path, *, api_key: str, mode: str = "structure") -> dict:
    """The elements of a local document."""
    with _session() as session, path.open("rb") as file:
        try:
            response = session.post(
                "https://api.nutrient.io/extraction/parse",
                headers={"Authorization": f"Bearer {api_key}"},
                files={"file": (path.name, file, "application/pdf")},
                data={"instructions": json.dumps({"mode": mode, "output": {"format": "spatial"}})},
                timeout=(5, 120),
            )
        except requests.RequestException as error:
            raise ExtractionFailedError(f"{path.name}: {error}") from error
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.ok and "output" in body:
        return body["output"]
    log.error(
        "parse of %s failed: %s %s, requestId %s",
        path.name,
        response.status_code,
        body.get("errorMessage"),
        body.get("requestId"),
    )
    raise ExtractionFailedError(f"{path.name}: {response.status_code}")
