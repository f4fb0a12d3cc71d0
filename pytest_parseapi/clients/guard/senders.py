"""The functions by which bytes leave this process: what a connection begins with is judged."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.openings import Openings
from pytest_parseapi.patching.attributes import Patches

__all__ = ["SENDERS", "Sender", "Senders"]

_HEAD: Final = 2048
"""Bytes of a file that are read for its first line."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A function that sends; called with who sends, and what."""

    module: str
    owner: str
    """Its class; empty for a function of the module."""
    name: str
    by: str
    """What a message calls it where no client library shows."""
    of_file: bool = False
    """Whether it sends what is in a file."""
    to_address: bool = False
    """Whether its last argument is an address."""


SENDERS: Final = (
    *(
        Sender(module, owner, name, by)
        for module, owner, by in (
            ("socket", "socket", "socket"),
            ("gevent._socketcommon", "SocketMixin", "gevent"),
            ("gevent._socket3", "socket", "gevent"),
        )
        for name in ("send", "sendall", "sendmsg")
    ),
    Sender("socket", "socket", "sendto", "socket", to_address=True),
    *(
        Sender("eventlet.greenio.base", "GreenSocket", name, "eventlet")
        for name in ("send", "sendall")
    ),
    Sender("eventlet.greenio.base", "GreenSocket", "sendto", "eventlet", to_address=True),
    *(
        Sender(module, "", name, "os", of_file=name in ("sendfile", "splice"))
        for module in ("os", "posix")
        for name in ("write", "writev", "sendfile", "splice")
    ),
    # Those of uvloop's transports cannot be replaced.
    *(
        Sender("asyncio.streams", "StreamWriter", name, "asyncio")
        for name in ("write", "writelines")
    ),
    Sender("anyio._backends._asyncio", "SocketStream", "send", "anyio"),
)


class Senders:
    """Has what is sent judged.

    Args:
        judge: called with a host that is asked for, and who sends.
        patches: replace the functions.
    """

    def __init__(self, judge: Callable[[object, str], None], patches: Patches) -> None:
        self._judge = judge
        self._patches = patches
        self._openings = Openings()

    def replace(self, sender: Sender, module: ModuleType) -> None:
        """Replace a function in its module."""
        owner = getattr(module, sender.owner, None) if sender.owner else module
        if hasattr(owner, sender.name):
            self._patches.put(owner, sender.name, functools.partial(self._judging, sender))

    def _judging(self, sender: Sender, real: Any) -> Any:
        host_of, judge, by = self._openings.host, self._judge, sender.by

        def sent(connection: Any, *args: Any, **options: Any) -> Any:
            # httpcore names it: ``stream.send(item=data)``.
            host = host_of(connection, next(iter((*args, *options.values())), b""))
            if host and _leads_out(connection):
                judge(host, by)
            return real(connection, *args, **options)

        def sent_to(connection: Any, data: Any, *address: Any) -> Any:
            if address:
                judge(address[-1], by)
            return sent(connection, data, *address)

        def sent_of_file(*args: Any, **options: Any) -> Any:
            names = _ARGUMENTS[sender.name]
            given = dict(zip(names, args, strict=False)) | options
            to, of, offset = (given.get(names[place]) for place in _PLACES[sender.name])
            if _leads_out(to, of_pipes=sender.name == "splice"):
                host = host_of(to, _head(of, offset))
                if host:
                    judge(host, by)
            return real(*args, **options)

        chosen = sent_of_file if sender.of_file else sent_to if sender.to_address else sent
        return functools.wraps(real)(chosen)


_ARGUMENTS: Final = {
    "sendfile": ("out_fd", "in_fd", "offset", "count"),
    "splice": ("src", "dst", "count", "offset_src"),
}
_PLACES: Final = {"sendfile": (0, 1, 2), "splice": (1, 0, 3)}
"""Of these, where the bytes go, the file, and where in it they begin."""


def _leads_out(connection: Any, *, of_pipes: bool = False) -> bool:
    """Whether what is written goes into a connection, and not into a file, say.

    Args:
        connection: an object, or a file number.
        of_pipes: whether a pipe may lead to a connection.
    """
    if not isinstance(connection, int):
        return True
    try:
        mode = os.fstat(connection).st_mode
    except OSError:
        return False
    return stat.S_ISSOCK(mode) or (of_pipes and stat.S_ISFIFO(mode))


def _head(number: Any, offset: Any) -> bytes:
    with contextlib.suppress(OSError, TypeError):
        begin = os.lseek(number, 0, os.SEEK_CUR) if offset is None else offset
        return os.pread(number, _HEAD, begin)
    return b""
