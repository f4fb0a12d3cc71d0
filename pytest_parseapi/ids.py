"""Ids that are unique, and the same in each run of a test."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import count

__all__ = ["Ids"]


class Ids:
    """Makes ids for one provider in one test.

    Args:
        seed: what they depend on, such as the test's node id.
    """

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.blake2s(seed.encode()).hexdigest()[:8]
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))

    def new(self, prefix: str) -> str:
        """A new id: the prefix, a part that is the test's own, and a number."""
        return f"{prefix}{self._seed}{next(self._numbers[prefix]):08d}"
