"""How exactly waits are known: in this process to the millisecond, over a socket less so."""

from __future__ import annotations

from typing import Final

from pytest_parseapi.checks.finding import Finding, Subject
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.record.attempt import Attempt

NO_WAIT: Final = 0.001
"""Up to here, in seconds, a wait counts as none."""
TOLERANCE: Final = 0.002
"""How far a wait, in seconds, may be off."""
CAP_FROM: Final = 3
"""From the wait with this index on, the fourth, equal waits may be a cap."""
OFF_THE_FLOOR: Final = 1.5
"""How many times the first wait a wait must be to have left a floor that all waits share."""
_OVER_A_SOCKET: Final = 0.010
_AT_ONCE_OVER_A_SOCKET: Final = 0.002
_SERVER: Final = "server"


def tolerance(observed: Observed, attempt: Attempt) -> float:
    """How far the wait before an attempt may be off, in seconds.

    Over a socket it is real time, multiplied by the speed of the live server.
    """
    if attempt.client != _SERVER:
        return TOLERANCE
    return max(TOLERANCE, _OVER_A_SOCKET * observed.speed)


def no_wait(observed: Observed, attempt: Attempt) -> float:
    """Up to how many seconds the wait before an attempt counts as none."""
    if attempt.client != _SERVER:
        return NO_WAIT
    return max(NO_WAIT, _AT_ONCE_OVER_A_SOCKET * observed.speed)


def unjudgeable(observed: Observed, attempt: Attempt, bound: float) -> bool:
    """Whether a bound for the wait before an attempt is too near to what cannot be told."""
    return attempt.client == _SERVER and 0 < bound <= 2 * tolerance(observed, attempt)


def too_fast(
    observed: Observed, rule: str, attempt: Attempt, bound: float, subject: Subject
) -> Finding:
    """What is found where waits cannot be judged."""
    limit = bound / (2 * _OVER_A_SOCKET)
    slower = f"serve with a --speed below {limit:g}, or " if observed.speed > 1 else ""
    return Finding(
        kind="nothing_to_check",
        rule=rule,
        subject=subject,
        expected=f"waits above {2 * tolerance(observed, attempt):g} s, which can be judged over a "
        "socket",
        seen=f"speed {observed.speed:g} is too fast to judge waits of {bound:g} s",
        advice=f"{slower}let the client wait longer",
    )
