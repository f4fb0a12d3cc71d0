"""The limit on the real time of one run."""

from __future__ import annotations

import time
from typing import Final

_FAR_FACTOR: Final = 5.0


class Limit:
    """How long a run may take, by the time that this process has worked.

    The machine may be busy with something else: the clock on the wall counts only when it is far
    over the limit.

    Args:
        seconds: the limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._worked = time.process_time()
        self._began = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether the run took longer."""
        worked = time.process_time() - self._worked
        return (
            worked > self.seconds or time.perf_counter() - self._began > _FAR_FACTOR * self.seconds
        )

    @property
    def is_far_over(self) -> bool:
        """Whether the process has worked so long on the run that no fuse is waited for."""
        return time.process_time() - self._worked > _FAR_FACTOR * self.seconds
