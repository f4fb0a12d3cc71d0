"""Reads the query parameters of Extend's endpoints."""

from __future__ import annotations

from urllib.parse import parse_qs

from pytest_parseapi.exchange import Request
from pytest_parseapi.service.extend_rejections import either, invalid

__all__ = ["query_choice", "query_flag", "query_text"]


def query_text(request: Request, name: str) -> str | None:
    """A query parameter as it is, the last of several, or None where it is absent."""
    values = _values(request, name)
    return values[-1] if values else None


def query_choice(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    """A query parameter that takes one of a few values, or None where it is absent."""
    values = _values(request, name)
    for value in values:
        if value not in allowed:
            raise invalid(f"The query parameter {name} must be {either(allowed)}.")
    return values[-1] if values else None


def query_flag(request: Request, name: str) -> bool:
    """A query parameter that is true or false; requests sends Python's ``True`` as it is."""
    values = [item.lower() for item in _values(request, name)]
    for value in values:
        if value not in ("true", "false"):
            raise invalid(f"The query parameter {name} must be true or false.")
    return values[-1:] == ["true"]


def _values(request: Request, name: str) -> list[str]:
    return parse_qs(request.query, keep_blank_values=True).get(name, [])
