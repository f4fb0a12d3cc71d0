"""A session without a simulation loads as few modules and hooks as possible."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_parseapi
from pytest_parseapi import plugin
from pytest_parseapi.plugin import hookspecs

FIXTURES = (
    *("_parseapi_test", "parseapi", "parseapi_factory", "extend_api", "nutrient_api"),
    "documented_error",
)
LOADED = """
    import sys

    def pytest_sessionfinish(session):
        names = [name for name in sys.modules if name.startswith("pytest_parseapi")]
        print("loaded", *sorted(names))
        print("phases", session.config.pluginmanager.has_plugin("parseapi-phases"))
"""


def test_a_session_without_a_simulation_loads_four_modules(pytester, separate):
    pytester.makeconftest(LOADED)
    pytester.makepyfile("def test_plain(): pass")
    result = separate()
    result.assert_outcomes(passed=1)
    modules = ["", ".clock", ".plugin", ".plugin.hookspecs"]
    # The header asks whether the interpreter is supported.
    names = " ".join(
        sorted(f"pytest_parseapi{name}" for name in [*modules, ".clock.platform_support"])
    )
    result.stdout.fnmatch_lines_random([f"*loaded {names}", "*phases False"])


def test_pytest_loads_the_modules_as_they_are_written():
    """All of an installed plugin is marked for pytest's rewriting, which is slow to load."""
    code = """if True:
        import sys
        from _pytest.assertion import install_importhook
        from _pytest.config import get_config
        config = get_config()
        if "inicfg" not in dir(config):  # the lowest pytest reads it
            config.inicfg = {}
        hook = install_importhook(config)
        hook.mark_rewrite("pytest_parseapi", "pytest_parseapi.plugin")
        import pytest_parseapi.plugin.hookspecs, pytest_parseapi.model.http
        hook.mark_rewrite("pytest_parseapi", "pytest_parseapi.plugin")  # a session within it
        for name, module in sys.modules.items():
            if name.startswith("pytest_parseapi") and module.__loader__ is hook:
                print(name)
    """
    command = [sys.executable, "-Werror", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["pytest_parseapi"]


def test_pytest_finds_the_hooks_and_the_fixtures():
    hooks = {name for name in vars(plugin) if name.startswith("pytest_")} - {"pytest_parseapi"}
    assert {*hooks, *FIXTURES} <= {*dir(plugin)}
    assert {"pytest", "hookspecs", "_OPTIONS", "Any"}.isdisjoint(dir(plugin))
    assert sorted(dir(hookspecs)) == sorted(hookspecs.__all__)


@pytest.mark.parametrize(
    "test",
    [
        "def test_it(extend_api): raise SystemError",
        "@pytest.mark.parse_error('OCR_ERROR')\ndef test_it(): raise SystemError",
        "@pytest.fixture\ndef api(request): return request.getfixturevalue('parseapi')\n"
        "def test_it(api): raise SystemError",
    ],
    ids=["fixture", "marker", "fixture that asks for it"],
)
def test_a_simulated_test_has_its_hooks(pytester, separate, test):
    pytester.makeconftest(LOADED)
    pytester.makepyfile(f"import pytest\n{test}")
    result = separate("-p", "no:randomly")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines_random(["*phases True"])


def test_a_script_that_is_not_used_is_told_where_a_fixture_asks_for_the_simulation(nested):
    test = """
        import pytest

        @pytest.fixture
        def api(request):
            return request.getfixturevalue("extend_api")

        @pytest.mark.parametrize("number", range(2))
        def test_it(api, number):
            api.fail("OCR_ERROR")
    """
    result = nested(test)
    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("scripted failures that no request met:") == 2


def test_the_stub_has_the_names_of_the_package_from_where_they_are():
    stub = ast.parse(Path(pytest_parseapi.__file__).with_suffix(".pyi").read_text())
    homes = {
        name.name: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    (listed,) = (node for node in stub.body if isinstance(node, ast.Assign))
    assert sorted(ast.literal_eval(listed.value)) == sorted(homes) == pytest_parseapi.__all__
    for name, home in homes.items():
        assert getattr(importlib.import_module(home), name) is getattr(pytest_parseapi, name)
