"""Nutrient's Data Extraction API as one value."""

from __future__ import annotations

from typing import Final

from pytest_parseapi.model.provider import Provider
from pytest_parseapi.providers.nutrient.behaviour import NutrientBehaviour
from pytest_parseapi.providers.nutrient.endpoints import (
    ADVICE,
    API_KEY,
    BASE_URL,
    ENDPOINTS,
    HOSTS,
)
from pytest_parseapi.providers.nutrient.errors import ERRORS, OWN_ERRORS
from pytest_parseapi.providers.nutrient.runs import RUNS

NUTRIENT: Final = Provider(
    name="nutrient",
    title="Nutrient",
    base_url=BASE_URL,
    hosts=HOSTS,
    api_key=API_KEY,
    unauthorized="unauthorized",
    errors=ERRORS,
    own_errors=OWN_ERRORS,
    endpoints=ENDPOINTS,
    main_endpoint="/extraction/parse",
    idempotency_header="Idempotency-Key",
    advice=ADVICE,
    behaviour=NutrientBehaviour(),
    runs=RUNS,
    takes_files=True,
    fixture="nutrient_api",
)
"""Nutrient's Data Extraction API."""
