"""Writes one documented error down as a row of a provider's catalogue."""

from __future__ import annotations

from pytest_parseapi.catalogue.model import Basis, DocumentedError, Surface

__all__ = ["entry"]


def entry(
    code: str,
    status: int,
    message: str,
    description: str,
    *,
    provider: str,
    source: str,
    on_the_wire: bool = False,
    retryable: bool = False,
    surfaces: tuple[Surface, ...] = ("http",),
    endpoints: tuple[str, ...] = (),
    basis: Basis = "documented",
) -> DocumentedError:
    """A documented error from what differs between the errors of one provider.

    Args:
        code: the documented code, or this package's name where the pages show none.
        status: the HTTP status.
        message: the text that the simulated service sends.
        description: what it means, in a sentence.
        provider: the provider's name.
        source: the page that documents it.
        on_the_wire: whether the body of the reply carries the code.
        retryable: whether the provider advises to send the request again.
        surfaces: where it can appear.
        endpoints: path templates that document it; empty for every endpoint.
        basis: what the entry rests on.
    """
    return DocumentedError(
        provider=provider,
        code=code,
        status=status,
        retryable=retryable,
        message=message,
        wire_code=code if on_the_wire else None,
        surfaces=surfaces,
        endpoints=endpoints,
        source=source,
        basis=basis,
        description=description,
    )
