"""Makes ids for the simulation: those of a recorded reply first."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pytest_parseapi.service.body_reader import RunSeen

_MAX_READ_BYTES: Final = 1_000_000


class RecordedIds:
    """Makes ids for one call: those of the recorded reply first, and then the test's own.

    Args:
        raw: the recorded body.
        body: the same as an object; None where it is none.
        run: the run that it shows.
        run_prefix: the prefix of the simulation's run ids.
        new: makes the test's own ids.
    """

    def __init__(
        self,
        raw: bytes,
        body: dict[str, Any] | None,
        run: RunSeen | None,
        run_prefix: str | None,
        new: Callable[[str], str],
    ) -> None:
        self._text = raw[:_MAX_READ_BYTES].decode(errors="replace")
        self._body = body or {}
        self._run = run
        self._run_prefix = run_prefix
        self._new = new
        self._given: set[str] = set()

    def new(self, prefix: str) -> str:
        """Make an id.

        Args:
            prefix: the prefix of the simulation's ids of this kind.
        """
        if prefix == self._run_prefix and self._run is not None and self._once(self._run.id):
            return self._run.id
        for found in re.finditer(rf"(?<![\w-]){re.escape(prefix)}[\w-]+", self._text):
            if self._once(found[0]):
                return found[0]
        # The ids of an API may have other prefixes than its pages show.
        for name in (f"{prefix.rstrip('_-')}Id", "id"):
            value = self._body.get(name)
            if isinstance(value, str) and value and self._once(value):
                return value
        return self._new(prefix)

    def _once(self, value: str) -> bool:
        """Whether an id was not used yet; it is used from now on."""
        if value in self._given:
            return False
        self._given.add(value)
        return True
