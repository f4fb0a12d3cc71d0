"""Tests of the guard run where only loopback is: what it does not stop must not leave, either."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct

import pytest

_NEW_NETWORK = 0x40000000
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        asked = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, _GET_FLAGS, asked))[1]
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def _is_isolated():
    return [name for _, name in socket.if_nameindex()] == ["lo"]


@pytest.fixture(autouse=True)
def loopback_only():
    """Gives this thread, and those that it begins, a network of their own with loopback only."""
    if _is_isolated():
        yield
        return
    with contextlib.ExitStack() as undo:
        try:
            before = os.open("/proc/self/ns/net", os.O_RDONLY)
            undo.callback(os.close, before)
            _call("unshare", _NEW_NETWORK)
            undo.callback(_call, "setns", before, _NEW_NETWORK)
            _loopback_up()
        except (OSError, AttributeError) as error:
            pytest.skip(f"needs a network namespace (root, or `unshare -rn`): {error}")
        assert _is_isolated()
        yield
