"""Registers what options ask for: the sweep, the report, the guard, a callable's contract."""

from __future__ import annotations

import argparse
import sys

import pytest

from pytest_parseapi.model.printable_text import printable, show
from pytest_parseapi.plugin.session import session_of, told_by_pytest
from pytest_parseapi.plugin.sweep_options import check_sweep_options


def register(config: pytest.Config) -> None:
    """Register what options and ini values ask for, and see that no option is without effect.

    Raises:
        pytest.UsageError: an option is wrong.
    """
    options = config.option
    if options.parseapi_sweep:
        from pytest_parseapi.plugin.sweep import register_sweep

        register_sweep(config)
    else:
        check_sweep_options(config)
    if options.parseapi_report or options.parseapi_fail_under is not None:
        _register_report(config)
    if config.getini("parseapi_guard"):
        _register_guard(config)
    if options.parseapi_contract is not None:
        _register_contract_option(config)
    elif options.parseapi_init is None:
        _check_contract_options(options)


def _check_contract_options(options: argparse.Namespace) -> None:
    """Stop the session where an option has no effect without another one."""
    for name in ("provider", "surface"):
        value = getattr(options, f"parseapi_{name}")
        if value is None:
            continue
        ini = "; the ini value parseapi_provider is for every test" if name == "provider" else ""
        raise pytest.UsageError(
            f"--parseapi-{name}={value} is for --parseapi-contract or --parseapi-init, and neither "
            f"is given{ini}"
        )


def _register_report(config: pytest.Config) -> None:
    from pytest_parseapi.plugin.report import ReportPlugin
    from pytest_parseapi.report.options import requested

    options = config.option
    root = config.invocation_params.dir
    taken = {
        "--parseapi-sweep-baseline": options.parseapi_sweep_baseline,
        "--junit-xml": getattr(options, "xmlpath", None),
    }
    with told_by_pytest():
        asked = requested(options.parseapi_report or (), options.parseapi_fail_under, root, taken)
    config.pluginmanager.register(ReportPlugin(config, asked), "parseapi-report")


def _register_guard(config: pytest.Config) -> None:
    from pytest_parseapi.plugin.guard import SessionGuard

    guard = SessionGuard(config)
    config.pluginmanager.register(guard, "parseapi-guard")
    config.add_cleanup(guard.stop)
    guard.start()


def _register_contract_option(config: pytest.Config) -> None:
    from pytest_parseapi.plugin.contract_option import ContractOption

    options = config.option
    with told_by_pytest():
        provider = session_of(config).default_provider(options.parseapi_provider)
    surface = options.parseapi_surface or "http"
    plugin = ContractOption(config, options.parseapi_contract, provider.name, surface)
    config.pluginmanager.register(plugin, "parseapi-contract")


def answer(config: pytest.Config) -> None:
    """Answer ``--parseapi-errors``, or else ``--parseapi-init``.

    Args:
        config: the session's configuration, which no session follows.

    Raises:
        pytest.UsageError: what the option names cannot be used.
    """
    if not config.option.parseapi_errors:
        from pytest_parseapi.plugin.new_contract import write_contract

        write_contract(config)
        return
    from pytest_parseapi.cli import error_table

    config._do_configure()  # hooks of conftest.py files may add providers
    with told_by_pytest():
        providers = session_of(config).providers
    show(printable(error_table(providers.values())), sys.stdout)
