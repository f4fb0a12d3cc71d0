"""Checks the functions that send bytes: the first bytes of a connection may name a host."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from pytest_parseapi.clients.guard.checked_functions import HostCheck
from pytest_parseapi.clients.guard.first_bytes import FirstBytes
from pytest_parseapi.patching.attributes import Patches

_MAX_HEAD_BYTES: Final = 2048
"""How much of a file is read for its first line."""


@dataclass(frozen=True, slots=True)
class SendFunction:
    """A function that sends bytes. It gets the sender and the bytes."""

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


SEND_FUNCTIONS: Final = (
    *(
        SendFunction(module, owner, name, by)
        for module, owner, by in (
            ("socket", "socket", "socket"),
            ("gevent._socketcommon", "SocketMixin", "gevent"),
            ("gevent._socket3", "socket", "gevent"),
        )
        for name in ("send", "sendall", "sendmsg")
    ),
    SendFunction("socket", "socket", "sendto", "socket", to_address=True),
    *(
        SendFunction("eventlet.greenio.base", "GreenSocket", name, "eventlet")
        for name in ("send", "sendall")
    ),
    SendFunction("eventlet.greenio.base", "GreenSocket", "sendto", "eventlet", to_address=True),
    *(
        SendFunction(module, "", name, "os", of_file=name in ("sendfile", "splice"))
        for module in ("os", "posix")
        for name in ("write", "writev", "sendfile", "splice")
    ),
    # The methods of uvloop's transports cannot be replaced.
    *(
        SendFunction("asyncio.streams", "StreamWriter", name, "asyncio")
        for name in ("write", "writelines")
    ),
    SendFunction("anyio._backends._asyncio", "SocketStream", "send", "anyio"),
    # trio's sockets keep references to the functions of ``socket``.
    *(SendFunction("trio._socket", "_SocketType", name, "trio") for name in ("send", "sendmsg")),
    SendFunction("trio._socket", "_SocketType", "sendto", "trio", to_address=True),
)


class SendFunctions:
    """Checks the hosts in sent bytes.

    Args:
        check_host: called with a host that is asked for, and who sends.
        patches: replace the functions.
    """

    def __init__(self, check_host: HostCheck, patches: Patches) -> None:
        self._check_host = check_host
        self._patches = patches
        self._first_bytes = FirstBytes()

    def replace(self, function: SendFunction, module: ModuleType) -> None:
        """Replace a function in its module."""
        owner = getattr(module, function.owner, None) if function.owner else module
        if hasattr(owner, function.name):
            self._patches.put(owner, function.name, functools.partial(self._checking, function))

    def _checking(self, function: SendFunction, real: Any) -> Any:
        host_of, check_host, by = self._first_bytes.host, self._check_host, function.by

        def sent(connection: Any, *args: Any, **options: Any) -> Any:
            # httpcore names it: ``stream.send(item=data)``.
            host = host_of(connection, next(iter((*args, *options.values())), b""))
            if host and _leads_out(connection):
                check_host(host, by)
            return real(connection, *args, **options)

        def sent_to(connection: Any, data: Any, *address: Any) -> Any:
            if address:
                check_host(address[-1], by)
            return sent(connection, data, *address)

        def sent_of_file(*args: Any, **options: Any) -> Any:
            names = _ARGUMENT_NAMES[function.name]
            given = dict(zip(names, args, strict=False)) | options
            to, of, offset = (given.get(names[number]) for number in _POSITIONS[function.name])
            if _leads_out(to, of_pipes=function.name == "splice"):
                host = host_of(to, _head(of, offset))
                if host:
                    check_host(host, by)
            return real(*args, **options)

        chosen = sent_of_file if function.of_file else sent_to if function.to_address else sent
        return functools.wraps(real)(chosen)


_ARGUMENT_NAMES: Final = {
    "sendfile": ("out_fd", "in_fd", "offset", "count"),
    "splice": ("src", "dst", "count", "offset_src"),
}
_POSITIONS: Final = {"sendfile": (0, 1, 2), "splice": (1, 0, 3)}
"""Of these, where the bytes go, the file, and where in it they begin."""


def _leads_out(connection: Any, *, of_pipes: bool = False) -> bool:
    """Whether bytes are written to a connection, and not to a file, for example.

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
        return os.pread(number, _MAX_HEAD_BYTES, begin)
    return b""
