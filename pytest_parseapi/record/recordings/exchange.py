"""One exchange of a recording, and a recording as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_parseapi.model.http import Fault, Reply, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedExchange:
    """One request, and how its exchange ended.

    Args:
        request: what was asked.
        result: the reply with its body decompressed, or the fault where none arrived.
        seconds: how long the reply took; None where the file does not tell.
        began: when the request was sent, as ``time.time()`` counts; None where unknown.
        has_body: whether the file kept the reply's body.
    """

    request: Request
    result: Reply | Fault
    seconds: float | None = None
    began: float | None = None
    has_body: bool = True

    @property
    def ended(self) -> float | None:
        """When the reply arrived, as ``time.time()`` counts; None where unknown."""
        return None if self.began is None else self.began + (self.seconds or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The exchanges of one file with the hosts that were asked for, oldest first.

    Args:
        name: the file, as the user named it.
        exchanges: the exchanges.
    """

    name: str
    exchanges: tuple[RecordedExchange, ...]
