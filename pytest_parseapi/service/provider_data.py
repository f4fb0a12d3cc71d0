"""What a provider remembers of one test: its ids, its state and its runs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from typing import Any

from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.service.provider_functions import ProviderFunctions
from pytest_parseapi.service.run_table import RunTable


class Ids:
    """Makes ids for one provider in one test.

    Args:
        seed: what they depend on, such as the test's node id.
    """

    def __init__(self, seed: str) -> None:
        self._seed = hashlib.blake2s(seed.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))

    def new(self, prefix: str) -> str:
        """Make an id: the prefix, a part that differs in each test, and a number."""
        return f"{prefix}{self._seed}{next(self._numbers[prefix]):08d}"


class ProviderData:
    """What a provider remembers of one test; `SimulatedService.reset` puts a new one in its place.

    Args:
        provider: the provider.
        functions: asks its functions.
        document_names: finds the names by which requests mean a document.
        seed: what its ids depend on.
    """

    __slots__ = ("ids", "runs", "state")

    def __init__(
        self,
        provider: Provider,
        functions: ProviderFunctions,
        document_names: DocumentNames,
        seed: str,
    ) -> None:
        description = provider.runs
        self.ids = Ids(seed)
        self.state: Any = functions.new_state()
        """The state that its own functions keep."""
        self.runs = None if description is None else RunTable(description, document_names)
        """Every run of the test; None if the provider has no runs."""
