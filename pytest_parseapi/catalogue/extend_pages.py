"""The pages of Extend's documentation, and the official client: what the catalogue rests on."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ASYNC",
    "BATCHES",
    "CLIENT",
    "GENERAL_CODES",
    "NEWER_REFERENCE",
    "PARSE_CODES",
    "PARSING",
    "RATE_LIMITS",
    "REFERENCE",
    "WEBHOOKS",
]

PARSING: Final = "docs.extend.ai/parsing/error-handling"
PARSE_CODES: Final = "docs.extend.ai/2026-02-09/product/parsing/error-codes"
GENERAL_CODES: Final = "docs.extend.ai/2026-02-09/developers/error-codes"
RATE_LIMITS: Final = "docs.extend.ai/general/rate-limits.md"
ASYNC: Final = "docs.extend.ai/developers/async-processing"
WEBHOOKS: Final = "docs.extend.ai/webhooks/best-practices"
BATCHES: Final = "docs.extend.ai/product/batch-processing"
REFERENCE: Final = "docs.extend.ai/developers/api-reference/endpoints/parse/"
NEWER_REFERENCE: Final = "docs.extend.ai/api-reference/endpoints/parse/"
CLIENT: Final = "extend-ai 1.20.0: "
