"""What stops a test: mistakes in the test itself, and requests that nothing can answer.

Both derive from ``BaseException``, so that neither ``except Exception`` nor a retry loop of the
consumer takes them for a failure of the API.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

__all__ = ["SimulationStopped", "UsageError", "nearest"]

_PART: Final = 3
"""How much of a name is enough to find it by."""


class UsageError(BaseException):
    """The test asked for something that does not exist, such as an unknown error code."""


class SimulationStopped(BaseException):
    """The simulation cannot go on: a miss, the fuse, or a wait that would never end."""


def nearest(name: object, known: Iterable[object], limit: int = 3) -> str:
    """The words that point from a wrong name to the nearest right ones.

    Args:
        name: what the user wrote.
        known: every right name.
        limit: how many names to propose.

    Returns:
        ``"did you mean 'OCR_ERROR'?"``, or the known names where none is near.

    Example:
        >>> nearest("OCR_EROR", ["OCR_ERROR", "CORRUPT_FILE"])
        "did you mean 'OCR_ERROR'?"
    """
    names = [str(item) for item in known]
    folded = {item.casefold(): item for item in reversed(names)}
    near = difflib.get_close_matches(str(name).casefold(), list(folded), n=limit, cutoff=0.6)
    if not near and len(str(name)) >= _PART:
        near = [item for item in folded if str(name).casefold() in item][:limit]
    if near:
        return "did you mean " + " or ".join(repr(folded[item]) for item in near) + "?"
    return "known: " + (", ".join(names) if names else "none")
