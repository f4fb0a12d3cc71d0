"""How one exchange ends, as one value from the service to the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.http import Fault, Reply
from pytest_parseapi.model.runs import RunShown


# Not frozen: each exchange makes one, and a frozen one takes seven times as long to make.
@dataclass(slots=True, kw_only=True)
class Outcome:
    """How one exchange ends: with a success, a documented error, or a network fault."""

    result: Reply | Fault
    error: DocumentedError | str | None = None
    """The documented error, the name of the network fault, or None for a success."""
    request_id: str | None = None
    """The id of the request, where the reply carries it and it can be read."""
    shown: RunShown | None = None
    """What the reply shows of a run."""
    listed: tuple[RunShown, ...] = ()
    """What the reply shows of each run of a list or a batch."""
    counts: Literal["polls", "attempts"] | None = None
    """What a success counts toward: the limit of polls, or that of attempts that lead nowhere."""
    rejection: str | None = None
    """Why the API rejected the request, where no script did."""
    mock: str | None = None
    """The mock of the test's own that answered, where the simulation did not."""
    contradiction: str | None = None
    """What the documentation says otherwise than that mock."""
    seconds: float | None = None
    """How long the reply takes; None where the test says that for all replies."""

    def without_reply(self, fault: Fault, error: DocumentedError | str | None) -> Outcome:
        """The same outcome without what the reply shows, since the consumer never got the reply.

        Args:
            fault: how the exchange ended for the consumer.
            error: what goes on record for it.
        """
        return Outcome(
            result=fault,
            error=error,
            rejection=self.rejection,
            mock=self.mock,
            contradiction=self.contradiction,
        )
