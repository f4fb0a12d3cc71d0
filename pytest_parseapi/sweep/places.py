"""The places in the consumer's code that send a request, or receive a delivery."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.record.evidence.frames import Frame, Site

WEBHOOK = "webhook"
"""What stands for the endpoint where the test makes a delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An endpoint, and the chain of the consumer's own frames.

    Args:
        provider: the provider's name.
        endpoint: method and path, or ``webhook``.
        frames: the consumer's own frames, innermost first; of a delivery the line that makes it.
    """

    provider: str
    endpoint: str
    frames: tuple[Frame, ...] = ()

    @property
    def where(self) -> str:
        """File and line of each frame, innermost first; empty if none was seen."""
        return " <- ".join(map(str, self.frames))

    @property
    def key(self) -> str:
        """The place without line numbers, which change whenever a file is edited."""
        frames = " <- ".join(f"{frame.path}:{frame.name}" for frame in self.frames)
        return f"{self.provider} {self.endpoint} {frames}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedExchange:
    """One request of the consumer, or one delivery of the test, in one run of a test.

    Args:
        place: where it was asked for.
        number: the number of its attempt, or of the delivery.
        site: whose frames were seen.
        endpoint: what was asked; None for a delivery.
        names: every name of the document that it was about.
        in_setup: whether it came before the test's own code.
        wider_fixture: the class-, module- or session-scoped fixture that was being set up.
    """

    place: Place
    number: int
    site: Site
    endpoint: Endpoint | None = None
    names: tuple[str, ...] = ()
    in_setup: bool = False
    wider_fixture: str = ""

    @property
    def document(self) -> str | None:
        """The best name of the document; None where the request named none."""
        return self.names[0] if self.names else None

    @property
    def is_delivery(self) -> bool:
        """Whether this is a delivery."""
        return self.endpoint is None

    @property
    def is_of_the_test(self) -> bool:
        """Whether the test itself sends the request."""
        return self.site.by_test and not self.is_delivery
