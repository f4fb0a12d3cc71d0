"""A cache of the headers of requests, as the service reads them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeVar

from pytest_parseapi.model.http import HeaderLines

Key = TypeVar("Key", bound=Hashable)

_MAX_KNOWN: Final = 256


class HeaderCache(dict[Key, HeaderLines]):
    """The headers of the latest requests: ``cache[key]`` reads headers that are not cached.

    Args:
        read: makes the headers, with names in lower case, from the key of a client library.
    """

    def __init__(self, read: Callable[[Key], HeaderLines]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, key: Key) -> HeaderLines:
        if len(self) > _MAX_KNOWN:
            self.clear()
        read = self[key] = self._read(key)
        return read

    def forget(self, key: Key) -> None:
        """Remove headers, so that they are read again the next time."""
        self.pop(key, None)
