"""What the consumer prints, whatever pytest has put in the place of ``sys.stdout``.

The tap sits on the ``write`` of the stream's buffer: there text and bytes pass, also from a logger
that has kept the stream or its ``write``. ``os.write`` bypasses every stream, and is replaced
separately.
Reading captured output would take it from the test.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_parseapi.patching.attributes import Patches
from pytest_parseapi.record.evidence.line import Line, without_source_lines

_DESCRIPTORS: Final = {1: "stdout", 2: "stderr"}


class Output:
    """Copies what is written to standard output and error.

    Args:
        now: virtual seconds since the test began.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._written: list[tuple[str, float, bytes | str]] = []
        self._tapped: dict[int, Any] = {}
        self._last: tuple[Any, Any] = (None, None)
        self._is_paused = False
        self._patches = Patches()

    def start(self) -> None:
        """Tap the present streams, and those that others put in their place later."""
        # The process's own streams are used while pytest's capture is disabled.
        for name in ("stdout", "stderr"):
            self._tap(name, getattr(sys, f"__{name}__"))

        def replaces(real: Any) -> Any:
            def look_after(owner: Any, *args: Any, **kwargs: Any) -> Any:
                result = real(owner, *args, **kwargs)
                self.look()
                return result

            return look_after

        def writes(real: Any) -> Any:
            def write(descriptor: Any, data: Any, /) -> Any:
                name = _DESCRIPTORS.get(descriptor)
                if name is not None and not self._is_paused:
                    self._written.append((name, self._now(), bytes(data)))
                return real(descriptor, data)

            return write

        self._patches.put(contextlib._RedirectStream, "__enter__", replaces)
        # A subtest, a tear-down and ``getfixturevalue("capsys")`` begin captures of their own. In
        # a worker of xdist, the stream below the capture is none of those tapped above.
        capture = sys.modules.get("_pytest.capture")
        if capture is not None:
            for name in ("start_capturing", "suspend_capturing"):
                self._patches.put(capture.MultiCapture, name, replaces)
        self._patches.put(os, "write", writes)
        self.look()

    def look(self) -> None:
        """Tap the present ``sys.stdout`` and ``sys.stderr``, which may have been replaced."""
        streams = (sys.stdout, sys.stderr)
        if streams[0] is self._last[0] and streams[1] is self._last[1]:
            return
        self._last = streams
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            self._tap(name, stream)

    def stop(self) -> None:
        """Remove every tap."""
        self._flush()
        self._patches.stop()
        self._tapped.clear()
        self._last = (None, None)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Ignore what is written meanwhile."""
        # What waits in the buffers belongs to the time before, and at the end to the pause.
        self._flush()
        self._is_paused = True
        try:
            yield
        finally:
            self._flush()
            self._is_paused = False

    def clear(self) -> None:
        """Forget what was written."""
        self._flush()
        self._written.clear()

    def lines(self) -> Iterator[Line]:
        """Each line written, without the source lines of tracebacks."""
        self._flush()
        for name in ("stdout", "stderr"):
            chunks = [(when, data) for source, when, data in self._written if source == name]
            text = "".join(
                data if isinstance(data, str) else data.decode(errors="replace")
                for _, data in chunks
            )
            when = chunks[-1][0] if chunks else 0.0
            for line in without_source_lines(text):
                if line.strip():
                    yield Line(name, line, when=when)

    def _flush(self) -> None:
        for stream in self._tapped.values():
            with contextlib.suppress(Exception):
                stream.flush()

    def _tap(self, name: str, stream: Any) -> None:
        if stream is None or id(stream) in self._tapped:
            return

        def tapped(write: Any) -> Any:
            def tap(data: Any) -> Any:
                if not self._is_paused:
                    kept = data if isinstance(data, str) else bytes(data)
                    self._written.append((name, self._now(), kept))
                return write(data)

            return tap

        # A test's own stream may not accept attributes.
        with contextlib.suppress(AttributeError, TypeError):
            self._patches.put(getattr(stream, "buffer", None) or stream, "write", tapped)
            self._tapped[id(stream)] = stream
