"""An endpoint that a provider documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Endpoint"]

_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A method and a path template, such as ``POST /parse_runs/{id}/cancel``.

    Args:
        method: the HTTP method.
        path: the path below the provider's host; ``{name}`` stands for one segment.
        polls: whether a request here asks after a run (repeating it is no retry).
        submits: whether a request here submits a document to become a run.
        public: whether a request here needs no credential (a presigned URL, say).
        result: whether it serves the result of a run that ended (fetching it is no poll).
        source: the page that documents it.
        source_read: the date on which that page was read, as ``"2026-11-25"``.

    Example:
        >>> Endpoint(method="GET", path="/runs/{id}").match("/runs/r1")
        {'id': 'r1'}
    """

    method: str
    path: str
    polls: bool = False
    submits: bool = False
    public: bool = False
    result: bool = False
    source: str = ""
    source_read: str = ""
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = _VARIABLE.split(self.path)
        pattern = "".join(
            f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
        object.__setattr__(self, "_pattern", re.compile(pattern + "/?"))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def match(self, path: str) -> dict[str, str] | None:
        """The path's variables, or None where the path is not of this endpoint."""
        found = self._pattern.fullmatch(path)
        return None if found is None else found.groupdict()
