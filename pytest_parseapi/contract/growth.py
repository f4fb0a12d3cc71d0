"""Judges whether waits grow exponentially, by their means over many runs.

One run of a jittered backoff proves little. If every wait of a run uses the same random numbers,
growth is visible in each run: full jitter doubles, and a jittered constant does not grow. A
consumer with its own source of random numbers has more noise. So two means whose difference is
within the noise count as a problem only if the whole series does not grow either, and a single run
without a wait may be chance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Final, NamedTuple

from pytest_parseapi.checks.waits import ABOVE_MINIMUM, CAP_FROM, NO_WAIT, WaitProblem

_SLACK_SECONDS: Final = 0.002
_LEAST_GROWTH: Final = 0.02
_LINEAR: Final = 1.05
_SIGMAS: Final = 2.5


class _Step(NamedTuple):
    """The difference of two waits, over all runs that have both."""

    one: int
    two: int
    mean: float
    noise: float
    start: float


def means(runs: Sequence[Sequence[float]]) -> list[float]:
    """The mean of each wait in seconds, over the runs that have it."""
    longest = max((len(run) for run in runs), default=0)
    return [fmean(run[n] for run in runs if len(run) > n) for n in range(longest)]


def has_noise(runs: Sequence[Sequence[float]]) -> bool:
    """Whether runs differ, as those of a jittered backoff do."""
    return any(
        abs(wait - other) > _SLACK_SECONDS
        for run in runs
        for wait, other in zip(run, runs[0], strict=False)
    )


def growth_problem(
    runs: Sequence[Sequence[float]], *, immediate_first: bool = False
) -> WaitProblem | None:
    """The problem of the waits in several runs of one case; None if there is none.

    Args:
        runs: the waits of each run in seconds, oldest first.
        immediate_first: the first wait of each run may be 0.

    Example:
        >>> growth_problem([[0.5, 1, 2, 4, 4]])
        >>> growth_problem([[0.5, 1, 1, 1, 1]]).text
        'the 3rd wait does not grow from the 2nd: 1.000 s after 1.000 s'
    """
    first = 1
    if immediate_first and all(run and run[0] <= NO_WAIT for run in runs):
        runs = [run[1:] for run in runs]
        first = 2
    average = means(runs)
    for number in range(len(average)):
        missing = sum(run[number] <= NO_WAIT for run in runs if len(run) > number)
        if missing and (missing > 1 or not has_noise(runs)):
            hint = "immediate_first_retry = True allows that" if number + first == 1 else ""
            return WaitProblem.missing(f"the {_nth(number + first)} retry", hint)
    steps = [_step(runs, n, n + 1) for n in range(len(average) - 1)]
    floor = _minimum_waits(average, steps)
    cap_from = CAP_FROM + floor
    return _not_growing(runs, average, steps[floor:], first, cap_from) or _linear(steps[floor:])


def _minimum_waits(average: list[float], steps: list[_Step]) -> int:
    """The number of first waits that are equal because of a minimum: 2, 2, 4, 8 has such waits."""
    flat = 0
    while flat < len(steps) and abs(steps[flat].mean) <= _LEAST_GROWTH * steps[flat].start:
        flat += 1
    left = flat < len(steps) and average[flat + 1] >= ABOVE_MINIMUM * average[flat]
    return flat if left else 0


def _not_growing(
    runs: Sequence[Sequence[float]],
    average: list[float],
    steps: list[_Step],
    first: int,
    cap_from: int,
) -> WaitProblem | None:
    for step in steps:
        grown = max(_SLACK_SECONDS, _LEAST_GROWTH * step.start)
        least = -_SLACK_SECONDS if step.two >= cap_from else grown
        if step.mean > least:
            continue
        whole = _step(runs, 0, min(len(average) - 1, cap_from))
        within_noise = step.mean + _SIGMAS * step.noise > least
        if within_noise and whole.mean > max(_SIGMAS * whole.noise, whole.start / 4):
            continue
        verb = "shrinks" if step.mean < -_SLACK_SECONDS else "does not grow"
        return WaitProblem(
            f"the {_nth(step.two + first)} wait {verb} from the {_nth(step.one + first)}: "
            f"{average[step.two]:.3f} s after {average[step.one]:.3f} s"
        )
    return None


def _linear(steps: list[_Step]) -> WaitProblem | None:
    for one, two in pairwise(steps):
        # A cap may cut the last step short: 5, 10, 20, 40, 60.
        if two.two >= CAP_FROM or one.mean <= _SLACK_SECONDS:
            continue
        noise = _SIGMAS * math.hypot(one.noise, two.noise)
        same = abs(two.mean - one.mean) <= max(_SLACK_SECONDS, (_LINEAR - 1) * one.mean)
        # Later steps may be larger still: 1, 2, 3, 5, 8.
        faster = any(
            step.mean > _LINEAR * one.mean + _SIGMAS * math.hypot(one.noise, step.noise)
            for step in steps
        )
        if same and noise <= one.mean and not faster:
            return WaitProblem(f"the waits grow by {one.mean:.3f} s each time: that is linear")
    return None


def _step(runs: Sequence[Sequence[float]], one: int, two: int) -> _Step:
    both = [(run[one], run[two]) for run in runs if len(run) > two]
    rises = [later - earlier for earlier, later in both]
    noise = stdev(rises) / math.sqrt(len(rises)) if len(rises) > 1 else 0.0
    return _Step(one, two, fmean(rises), noise, fmean(earlier for earlier, _ in both))


def _nth(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"
