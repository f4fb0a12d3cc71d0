"""Remembers requests that a test's own mocks did not answer, though they mock the same host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pytest_parseapi.model.http import Request
from pytest_parseapi.model.redaction import redacted

if TYPE_CHECKING:
    from pytest_parseapi.service.service import SimulatedService

_MOST_ANSWERS: Final = 3


class _Miss(NamedTuple):
    """Requests that a mock left to the simulation."""

    provider: str
    mock: str
    asked: str


class MockMisses:
    """Remembers requests that mocks left to the simulation, so that a message can name the mock."""

    def __init__(self) -> None:
        self._found: dict[_Miss, tuple[str, ...]] = {}

    def note(
        self, service: SimulatedService, request: Request, mock: str, answers: Iterable[str]
    ) -> None:
        """Note that a mock has no answer for a request.

        Args:
            service: the one whose host is asked.
            request: what is asked.
            mock: what messages call the mock.
            answers: what it has, by `answer_text`; what is for other hosts does not count.
        """
        here = (item for item in answers if request.host in item.replace("\\", ""))
        found = tuple(dict.fromkeys(map(redacted, here)))
        if found:
            self._found[_Miss(service.provider.name, mock, f"{request.method} {request.path}")] = (
                found
            )

    def lines(self, provider: str | None = None) -> list[str]:
        """The requests that mocks left to the simulation, one line each.

        Args:
            provider: the name of the one that was asked; None for all.
        """
        found = self._found.items()
        return [
            _line(miss, answers) for miss, answers in found if provider in (None, miss.provider)
        ]

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()


def answer_text(method: Any, url: Any, more: Iterable[str] = (), *, used_up: object = False) -> str:
    """The text of the requests that a mock is for: ``POST https://api.example.com/parse``.

    Args:
        method: any for None.
        url: a text, a pattern, or a library's URL.
        more: names of what else a request must have; values may be secrets.
        used_up: whether the mock will not give this answer again.
    """
    where = getattr(url, "pattern", url)
    others = " and ".join(more)
    asked = f"{str(method).upper()} {where}" if isinstance(method, str) and method else str(where)
    text = f"{asked} with its own {others}" if others else asked
    return f"{text} (used up)" if used_up else text


def _line(miss: _Miss, answers: tuple[str, ...]) -> str:
    shown = list(answers[:_MOST_ANSWERS])
    if len(answers) > _MOST_ANSWERS:
        shown.append(f"{len(answers) - _MOST_ANSWERS} more")
    return (
        f"{miss.mock} has no answer for {miss.asked}, so the simulation was asked; "
        f"{miss.mock} has: {', '.join(shown)}"
    )
