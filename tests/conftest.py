"""What all tests share."""

from __future__ import annotations

import importlib
import pkgutil

import hypothesis.core  # noqa: F401
import pytest

import pytest_parseapi

# A nested run of pytest in this process forgets what it imported, and would import it all again in
# the next one.
for _module in pkgutil.walk_packages(pytest_parseapi.__path__, "pytest_parseapi."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)


@pytest.fixture(autouse=True)
def at_a_desk(monkeypatch):
    """pytest prints more where it finds itself in CI; nested runs print the same everywhere."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def nested(pytester):
    """Runs pytest in this process on a file of tests, without plugins that disturb."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")

    def run(text, *options):
        pytester.makepyfile(text)
        quiet = ("randomly", "rerunfailures", "cacheprovider")
        off = [option for name in quiet for option in ("-p", f"no:{name}")]
        return pytester.runpytest_inprocess(*off, *options)

    return run
