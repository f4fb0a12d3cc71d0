"""The log of a server. A slow reader must not stop the server."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from typing import Final, TextIO

from pytest_parseapi.model.printable_text import one_line

_MAX_WAITING_LINES: Final = 10_000
_LAST_WAIT_SECONDS: Final = 2.0


class ServerLog:
    """Writes lines in its own thread, so that a slow or closed reader stops no request.

    Args:
        stream: where to write; standard output where None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._lines: queue.Queue[str | None] = queue.Queue(_MAX_WAITING_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name="parseapi log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Write a line, or drop it if too many lines wait."""
        with contextlib.suppress(queue.Full):
            if self._dropped:
                self._lines.put_nowait(f"{self._dropped} lines were not written")
                self._dropped = 0
            self._lines.put_nowait(one_line(line))
            return
        self._dropped += 1

    def close(self) -> None:
        """Write the lines that wait, if the reader accepts them."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(_LAST_WAIT_SECONDS)

    def _work(self) -> None:
        while (line := self._lines.get()) is not None:
            # A full disk may have room later, so the next line is tried again.
            with contextlib.suppress(OSError, ValueError, AttributeError):
                self._print(line)

    def _print(self, line: str) -> None:
        stream = self._stream
        data = f"{line}\n".encode(stream.encoding or "utf-8", "backslashreplace")
        try:
            descriptor = stream.fileno()
        except (OSError, AttributeError):
            stream.write(data.decode(stream.encoding or "utf-8"))
            stream.flush()
            return
        # Not through Python's buffer, which would try again when the process ends, and fail.
        while data:
            data = data[os.write(descriptor, data) :]
