"""The catalogue as text, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.catalogue.provider import Provider

__all__ = ["error_json", "error_table"]


def error_table(providers: Iterable[Provider]) -> str:
    """Every documented error of every provider, one a line."""
    headings = ("provider", "code", "status", "retry", "surfaces", "basis", "source")
    rows: list[tuple[str, ...]] = [headings]
    rows += [_row(provider, error) for provider in providers for error in provider.errors]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def error_json(providers: Iterable[Provider]) -> str:
    """Every documented error of every provider, as a JSON list of objects."""
    errors = [asdict(error) for provider in providers for error in provider.errors]
    return json.dumps(errors, indent=2, ensure_ascii=False)


def _row(provider: Provider, error: DocumentedError) -> tuple[str, ...]:
    return (
        provider.name,
        error.code,
        str(error.status),
        "yes" if error.retryable else "no",
        ",".join(error.surfaces),
        error.basis,
        error.source,
    )
