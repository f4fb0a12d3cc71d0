"""Methods of libraries in C, also if another plugin has replaced the library."""

from __future__ import annotations

import asyncio
import ssl
from types import ModuleType

import pytest

from pytest_parseapi.clients.guard.c_types import _HEAP_TYPE, CTypes
from pytest_parseapi.clock.platform_support import why_not_in_place


class Curl:
    """As pytest-recording has it: it holds the real one, and has no option of its own."""

    def __getattr__(self, name):
        raise AttributeError(name)


def _check_host(*_arguments):
    raise AssertionError


@pytest.mark.parametrize("names", [("Curl",), ("Curl", "CurlMulti"), ()])
def test_a_stand_in_of_another_plugin_is_left_alone(names):
    module = ModuleType("pycurl")
    for name in names:
        setattr(module, name, Curl)
    before = dict(vars(Curl))
    types = CTypes(_check_host)
    types.replace(module)
    assert dict(vars(Curl)) == before
    types.stop()


def test_a_class_that_is_changed_in_memory_is_not_replaced_in_each_module(extend_api):
    """It would be looked for in all of them, before each test."""
    if why := why_not_in_place():
        pytest.skip(why)
    pycurl = pytest.importorskip("pycurl")
    for kind in (pycurl.Curl, pycurl.CurlMulti):
        assert not kind.__flags__ & _HEAP_TYPE


def _without_certificate(purpose):
    context = ssl.SSLContext(purpose)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    return context


def test_a_tls_connection_of_uvloop_that_is_open_already_has_its_host_checked():
    uvloop = pytest.importorskip("uvloop")

    asked = []

    async def main():
        server = await asyncio.start_server(
            lambda _reader, accepted: accepted.close(),
            "127.0.0.1",
            ssl=_without_certificate(ssl.PROTOCOL_TLS_SERVER),
        )
        _, writer = await asyncio.open_connection(
            *server.sockets[0].getsockname(),
            ssl=_without_certificate(ssl.PROTOCOL_TLS_CLIENT),
            server_hostname="api.example.com",
        )
        types = CTypes(lambda host, by: asked.append((host, by)))
        types.replace(uvloop.loop)
        try:
            writer.write(b"POST /parse HTTP/1.1\r\n")
            writer.transport.writelines([b"\r\n"])
        finally:
            types.stop()
            writer.write(b"not looked at any more")
            writer.transport.abort()
            server.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert asked == [("api.example.com", "uvloop")] * 2
