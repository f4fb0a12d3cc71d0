"""A library is intercepted when it is imported; a test that never imports it pays nothing."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from pytest_parseapi.patching.imports import ImportHook


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A module that looks at its own loader while it runs."""
    (tmp_path / "late_library.py").write_text("seen = __loader__, __spec__.loader\nvalue = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "late_library"
    sys.modules.pop("late_library", None)


def test_pyfakefs_stays_in_front(monkeypatch):
    front = type("DynamicPatcher", (), {"__module__": "pyfakefs.some_module"})()
    monkeypatch.setattr(sys, "meta_path", [front, *sys.meta_path])
    hook = ImportHook()
    hook.when("json.none", print)
    assert sys.meta_path[:2] == [front, hook]
    hook.stop()


def test_a_module_is_handed_over_once_it_ran(library):
    found = []
    before = list(sys.meta_path)
    waiting = ImportHook()
    waiting.when(library, lambda module: found.append(module.value))
    assert not found

    module = __import__(library)

    assert found == [1]
    assert sys.meta_path == before
    loader = importlib.util.find_spec(library).loader
    assert module.seen == (module.__loader__, module.__spec__.loader)
    assert {type(loader)} == {type(item) for item in module.seen}
    waiting.stop()


def test_a_loaded_module_is_handed_over_at_once(library):
    module = __import__(library)
    found = []
    ImportHook().when(library, found.append)
    assert found == [module]


def test_one_hook_serves_many(library, tmp_path):
    """Also two functions for one module, in the order in which they were given."""
    (tmp_path / "later_library.py").write_text("")
    found = []
    waiting = ImportHook()
    before = list(sys.meta_path)
    waiting.when(library, lambda _module: found.append("first"))
    waiting.when(library, lambda _module: found.append("second"))
    waiting.when("later_library", lambda _module: found.append("later"))
    assert len(sys.meta_path) == len(before) + 1
    __import__(library)
    assert found == ["first", "second"]
    __import__("later_library")
    del sys.modules["later_library"]
    assert found == ["first", "second", "later"]
    assert sys.meta_path == before


def test_two_hooks_wait_for_one_module(library):
    """The one that waited first acts first."""
    found = []
    first, second = ImportHook(), ImportHook()
    first.when(library, lambda _module: found.append("first"))
    second.when(library, lambda _module: found.append("second"))
    __import__(library)
    assert found == ["first", "second"]


def test_whoever_asks_whether_it_is_installed_does_not_import_it(library):
    found = []
    waiting = ImportHook()
    waiting.when(library, found.append)
    spec = importlib.util.find_spec(library)
    assert spec is not None
    assert not found
    __import__(library)
    assert len(found) == 1


def test_an_import_after_the_test_is_left_alone(library):
    found = []
    waiting = ImportHook()
    waiting.when(library, found.append)
    spec = importlib.util.find_spec(library)
    waiting.stop()
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    __import__(library)
    assert not found


def test_a_missing_module_is_missing_as_ever():
    waiting = ImportHook()
    waiting.when("no_such_library", lambda _module: None)
    try:
        with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_library'"):
            __import__("no_such_library")
    finally:
        waiting.stop()


def test_each_client_may_be_imported_during_its_test(pytester, separate):
    pytester.makepyfile(
        """
        import asyncio, sys, pytest

        URL = "https://api.extend.ai/parse"
        OPTIONS = {
            "json": {"file": {"url": "https://files.example.com/a.pdf"}},
            "headers": {"Authorization": "Bearer key", "x-extend-api-version": "2026-02-09"},
        }

        @pytest.fixture(autouse=True)
        def finders(request):
            before = list(sys.meta_path)
            yield
            assert sys.meta_path == before

        @pytest.mark.parametrize("name", ["requests", "httpx2", "aiohttp", "httpx"])
        def test_it(extend_api, name):
            assert name == "httpx" or name not in sys.modules
            library = __import__(name)
            if name == "aiohttp":
                async def post():
                    async with library.ClientSession() as session:
                        async with session.post(URL, **OPTIONS) as response:
                            return response.status
                status = asyncio.run(post())
            else:
                status = library.post(URL, timeout=5, **OPTIONS).status_code
            assert status == 200
            assert [attempt.client for attempt in extend_api.attempts] == [name]

        def test_nothing_is_left():
            import aiohttp, httpx, httpx2, requests, urllib3
            for function in (
                aiohttp.TCPConnector._create_connection,
                httpx.HTTPTransport.handle_request,
                httpx2.AsyncHTTPTransport.handle_async_request,
                requests.sessions.get_environ_proxies,
                urllib3.HTTPConnectionPool._make_request,
            ):
                assert not function.__module__.startswith("pytest_parseapi"), function
        """
    )
    separate().assert_outcomes(passed=5)
