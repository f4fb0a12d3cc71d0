"""The frames of the other threads of the process."""

from __future__ import annotations

import gc
import sys
from _thread import get_ident
from operator import call
from types import FrameType


def frames_of_others() -> dict[int, FrameType]:
    """The innermost frame of each thread but the calling one, by the thread's identity.

    A function with its own frame among its locals waits for the garbage collector when it has
    returned, and with it the locals of all threads. Before 3.12.3, Python crashes where a view of
    an ``io.BytesIO`` is among what the collector finds, and `multiprocessing` sends by such views.
    """
    frames = _frames()
    del frames[get_ident()]
    return frames


def _frames_without_collections() -> dict[int, FrameType]:
    """Before Python 3.12, a collection may begin in there, and run code with a lock held.

    A thread that looks, starts or ends one meanwhile waits for that lock with the interpreter's own
    held, forever. No other thread gets a turn between the calls of `map`.
    """
    after = gc.enable if gc.isenabled() else gc.isenabled
    _, frames, _ = map(call, (gc.disable, sys._current_frames, after))
    return frames  # type: ignore[return-value]


_frames = sys._current_frames if sys.version_info >= (3, 12) else _frames_without_collections
