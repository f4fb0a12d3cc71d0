"""Tells a library's files from the consumer's."""

import sysconfig
import threading

import httpx
import pytest

from pytest_parseapi.model.library_code import is_library


@pytest.mark.parametrize(
    "filename",
    [
        threading.__file__,
        httpx.__file__,
        is_library.__wrapped__.__code__.co_filename,
        "<frozen importlib._bootstrap>",
        "/srv/app/.venv/lib/python3.99/site-packages/httpx/_client.py",
        "/usr/lib/python3/dist-packages/requests/api.py",
        r"C:\app\.venv\Lib\site-packages\httpx\_client.py",
        f"{sysconfig.get_path('purelib')}/module.py",
    ],
)
def test_python_itself_what_is_installed_and_the_plugin_are_libraries(filename):
    assert is_library(filename)


@pytest.mark.parametrize(
    "filename",
    [__file__, "/srv/app/client.py", "/srv/site-packages.py", "<doctest client.parse[0]>"],
)
def test_other_files_are_the_consumers(filename):
    assert not is_library(filename)
