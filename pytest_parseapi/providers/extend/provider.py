"""Extend's Parse API as one value."""

from __future__ import annotations

from typing import Final

from pytest_parseapi.model.provider import Provider
from pytest_parseapi.providers.extend.behaviour import ExtendBehaviour
from pytest_parseapi.providers.extend.endpoints import (
    ADVICE,
    API_KEY,
    API_VERSION,
    BASE_URL,
    ENDPOINTS,
    HOSTS,
)
from pytest_parseapi.providers.extend.errors import ERRORS
from pytest_parseapi.providers.extend.files import PRESIGNED_ENDPOINTS
from pytest_parseapi.providers.extend.runs import RUNS
from pytest_parseapi.providers.extend.webhooks import WEBHOOKS

EXTEND: Final = Provider(
    name="extend",
    title="Extend",
    base_url=BASE_URL,
    hosts=HOSTS,
    api_key=API_KEY,
    errors=ERRORS,
    endpoints=(*ENDPOINTS, *PRESIGNED_ENDPOINTS),
    main_endpoint="/parse",
    part_option="config.advancedOptions.pageRanges",
    api_version=API_VERSION,
    advice=ADVICE,
    behaviour=ExtendBehaviour(),
    runs=RUNS,
    webhooks=WEBHOOKS,
    fixture="extend_api",
)
"""Extend's Parse API, version 2026-02-09."""
