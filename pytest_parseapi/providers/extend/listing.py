"""The pages of Extend's lists: of runs, and of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import parse_qs

from pytest_parseapi.model.behaviour import Call
from pytest_parseapi.model.http import Request
from pytest_parseapi.providers.extend.config import either, invalid

# Inferred: no page that could be read gives the default or the maximum.
_PAGE_SIZE: Final = 10
_MOST_PER_PAGE: Final = 1000

_NEXT: Final = "page_"

_Item = TypeVar("_Item", bound="Listed")


def query_text(request: Request, name: str) -> str | None:
    """A query parameter as it is, the last of several, or None where it is absent."""
    values = _values(request, name)
    return values[-1] if values else None


def query_choice(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    """A query parameter that takes one of a few values, or None where it is absent."""
    if not request.query:
        return None
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
    if not request.query:
        return []
    return parse_qs(request.query, keep_blank_values=True).get(name, [])


class Listed(Protocol):
    """What can be in a list."""

    @property
    def id(self) -> str:
        """Its id."""


class Page:
    """One page of a list.

    Args:
        call: the request, which names the page and its size.

    Raises:
        Rejected: the request asks for a wrong size.
    """

    def __init__(self, call: Call) -> None:
        self._token = query_text(call.request, "nextPageToken")
        self._size = _size(call)

    def body(
        self,
        items: Sequence[_Item],
        fits: Callable[[_Item], bool],
        summary: Callable[[_Item], Mapping[str, Any] | None],
    ) -> dict[str, Any]:
        """The body of the reply.

        Args:
            items: the whole list, in order.
            fits: whether an item fits the filters.
            summary: how the list shows an item; None where a look at it leaves it out.

        Raises:
            Rejected: the request asks for a page that no reply gave.
        """
        data: list[Mapping[str, Any]] = []
        body: dict[str, Any] = {"object": "list", "data": data}
        for item in items[self._start(items) :]:
            if not fits(item):
                continue
            if len(data) == self._size:
                # It names an item, so that what is new or deleted moves no page.
                body["nextPageToken"] = _NEXT + item.id
                break
            shown = summary(item)
            if shown is not None:
                data.append(shown)
        return body

    def _start(self, items: Sequence[_Item]) -> int:
        if self._token is None:
            return 0
        for index, item in enumerate(items):
            if self._token == _NEXT + item.id:
                return index
        raise invalid("The query parameter nextPageToken is not one that this API gave.")


def _size(call: Call) -> int:
    given = query_text(call.request, "maxPageSize")
    if given is None:
        return _PAGE_SIZE
    if not given.isdecimal() or not 1 <= int(given) <= _MOST_PER_PAGE:
        raise invalid(f"The query parameter maxPageSize must be from 1 to {_MOST_PER_PAGE:,}.")
    return int(given)
