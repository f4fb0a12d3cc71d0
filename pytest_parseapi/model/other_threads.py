"""Where the other threads of the process are."""

from __future__ import annotations

import sys
from _thread import get_ident
from types import FrameType

__all__ = ["frames_of_others"]


def frames_of_others() -> dict[int, FrameType]:
    """The innermost frame of each thread but the calling one, by the thread's identity.

    A function with its own frame among its locals waits for the garbage collector when it has
    returned, and with it the locals of all threads. Before 3.12.3, Python crashes where a view of
    an ``io.BytesIO`` is among what the collector finds, and `multiprocessing` sends by such views.
    """
    frames = sys._current_frames()
    del frames[get_ident()]
    return frames
