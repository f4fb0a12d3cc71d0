"""The headers of requests, as the service reads them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from pytest_parseapi.model.http import HeaderLines

Key = TypeVar("Key", bound=Hashable)

_MAX_KNOWN: Final = 256


class KnownHeaders(Generic[Key]):
    """Keeps the headers of the latest requests.

    Args:
        read: makes the headers, with names in lower case, of what a client library has.
    """

    def __init__(self, read: Callable[[Key], HeaderLines]) -> None:
        self._read = read
        self._known: dict[Key, HeaderLines] = {}

    def forget(self, key: Key) -> None:
        """Read them again the next time."""
        self._known.pop(key, None)

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def of(self, key: Key) -> HeaderLines:
        """The headers of a request.

        Args:
            key: what they are made of.
        """
        known = self._known.get(key)
        if known is None:
            if len(self._known) > _MAX_KNOWN:
                self._known.clear()
            known = self._known[key] = self._read(key)
        return known
