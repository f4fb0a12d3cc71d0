"""An endpoint that a provider documents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pytest_parseapi.model.frozen import keep_as_tuples
from pytest_parseapi.model.multipart import UPLOAD_SAMPLE

_URL: Final = b'{"url":"https://files.example.com/document.pdf"}'
VARIABLE: Final = re.compile(r"\{([^{}/]*)\}")
"""A variable in the template of a path."""
_NO_PATH: Final = re.compile("(?!)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A method and a path template, such as ``POST /parse_runs/{id}/cancel``.

    Args:
        method: the HTTP method.
        path: the path below `Provider.base_url`; ``{name}`` stands for one segment.
        polls: whether a request here asks after a run (repeating it is no retry).
        submits: whether a request here submits a document to become a run.
        public: whether a request here needs no credential (a presigned URL, say).
        result: whether it serves the result of a run that ended (fetching it is no poll).
        customer_fields: the fields of its replies in which customers name things themselves, such
            as ``"metadata"``, ``"output.data"`` or ``"data[].metadata"``.
        samples: good requests to it, each a content type and a body: more than one where replies
            look different by what was asked. Recordings of real traffic often lack the bodies of
            requests, and ``compare`` takes these. By default a form with a file for a path that
            ends in ``upload`` or ``uploads``, else a JSON object with a ``url`` for a POST, and no
            body for other methods.
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
    customer_fields: tuple[str, ...] = ()
    samples: tuple[tuple[str, bytes], ...] = ()
    source: str = ""
    source_read: str = ""
    uploads: bool = field(init=False, repr=False, compare=False)
    """Whether its replies give the id of a file that the request carried."""
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # What is wrong is reported by the registry, which knows whose endpoint it is.
        path = self.path if isinstance(self.path, str) else ""
        object.__setattr__(self, "_pattern", _pattern(path))
        uploads = self.method == "POST" and path.rpartition("/")[2] in ("upload", "uploads")
        object.__setattr__(self, "uploads", uploads)
        keep_as_tuples(self, "customer_fields", "samples")
        if not self.samples:
            object.__setattr__(self, "samples", (self._sample(),))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def match(self, path: str) -> dict[str, str] | None:
        """The path's variables, or None where the path is not of this endpoint."""
        found = self._pattern.fullmatch(path)
        return None if found is None else found.groupdict()

    def _sample(self) -> tuple[str, bytes]:
        if self.method != "POST":
            return "", b""
        return UPLOAD_SAMPLE if self.uploads else ("application/json", _URL)


def _pattern(path: str) -> re.Pattern[str]:
    """What the paths of a template look like; nothing looks like a template that is wrong."""
    parts = VARIABLE.split(path)
    pattern = "".join(
        f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
    try:
        return re.compile(pattern + "/?")
    except re.error:
        return _NO_PATH
