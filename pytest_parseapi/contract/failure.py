"""A failure that a case scripts: its name, and what the provider says about it."""

from __future__ import annotations

from pytest_parseapi.catalogue.faults import NetworkFault
from pytest_parseapi.catalogue.model import DocumentedError
from pytest_parseapi.catalogue.provider import Provider

__all__ = ["Named", "documented", "may_be_retried", "name_of"]

Named = DocumentedError | NetworkFault


def name_of(error: Named) -> str:
    """What a test calls it."""
    return error.code if isinstance(error, DocumentedError) else error.name


def may_be_retried(provider: Provider, error: Named | str | None) -> bool:
    """Whether the provider advises to retry it."""
    if isinstance(error, DocumentedError):
        return error.retryable
    if not isinstance(error, NetworkFault) or error.status is None or error.status < 500:  # noqa: PLR2004
        return False
    same = [item.retryable for item in provider.errors if item.status == error.status]
    return all(same) if same else provider.advice_for("server_errors") is not None


def documented(provider: Provider, error: Named) -> str:
    """What the provider says about an error, and where."""
    if isinstance(error, NetworkFault):
        return f"{error.name}: {error.description}"
    retry = "may be retried" if error.retryable else "is not to be retried"
    basis = "" if error.basis == "documented" else f"; basis: {error.basis}"
    where = f"({error.source}{basis})"
    return f"{provider.title} documents {error.code} ({error.status}): it {retry} {where}"
