"""What a ``Retry-After`` header asks for."""

from __future__ import annotations

import datetime as dt
import math
from email.utils import parsedate_to_datetime

__all__ = ["moment_of"]


def moment_of(value: str, now: float) -> float | None:
    """The earliest time for a retry, as ``time.time()`` counts.

    Args:
        value: the header: seconds, or an HTTP date.
        now: when the reply arrived.

    Returns:
        The time; None where the header says neither.

    Example:
        >>> moment_of("30", 1000.0)
        1030.0
    """
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return now + seconds if 0 <= seconds < math.inf else None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    # HTTP dates are UTC, also in the old format that names no zone.
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
