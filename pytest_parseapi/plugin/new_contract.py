"""``--parseapi-init``: writes a contract class for a callable, with the policy that it measured."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Final

import pytest

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulated_providers import Settings
from pytest_parseapi.api.simulation import Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.contract.case_kinds import PARSING
from pytest_parseapi.contract.measure import Measured, Unmeasurable, measure
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.plugin.contract_option import check_arguments, imported
from pytest_parseapi.plugin.session import session_of, told_by_pytest

_OPTION: Final = "--parseapi-init"
_MAX_SHOWN_WAITS: Final = 8


def write_contract(config: pytest.Config) -> None:
    """Measure the callable, and write ``test_NAME_contract.py`` in the current folder.

    Args:
        config: the session's configuration, which no session follows.

    Raises:
        pytest.UsageError: an option is wrong, the file exists, or the callable cannot be measured.
    """
    options = config.option
    target: str = options.parseapi_init
    config._do_configure()  # hooks of conftest.py files may add providers
    with told_by_pytest():
        provider = session_of(config).default_provider(options.parseapi_provider)
    path = config.invocation_params.dir / f"test_{provider.name.replace('-', '_')}_contract.py"
    if path.exists() or path.is_symlink():
        raise pytest.UsageError(
            f"{_OPTION}: {path} exists, and is left as it is: rename it, or delete it"
        )
    surface: str | None = options.parseapi_surface
    if surface is not None and surface not in PARSING:
        raise pytest.UsageError(f"--parseapi-surface={surface}: {nearest(surface, PARSING)}")
    parse = imported(config, _OPTION, target)
    check_arguments(_OPTION, target, parse)
    providers = session_of(config).providers
    contexts = SharedContexts()

    @contextmanager
    def new_api() -> Iterator[ParseAPI]:
        simulation = Simulation(providers, Settings(seed=target), contexts)
        simulation.start()
        try:
            simulation.begin_call()
            yield ParseAPI(simulation, provider)
        finally:
            simulation.stop()

    aside = io.StringIO()  # what the consumer prints and logs is no answer of the option
    try:
        with redirect_stdout(aside), redirect_stderr(aside):
            found = measure(new_api, parse, provider.name, surface)
    except (Unmeasurable, UsageError, SimulationStopped) as error:
        raise pytest.UsageError(f"{_OPTION} {target}: {error}") from None
    except SystemExit as error:
        raise pytest.UsageError(
            f"{_OPTION} {target}: it ended the process by {error!r}; a contract needs a function "
            "that returns or raises an Exception"
        ) from None
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_module(target, provider, found))
    except OSError as error:
        raise pytest.UsageError(f"{_OPTION}: {path} cannot be written: {error}") from None
    print(path)  # noqa: T201 - the option's answer


def _module(target: str, provider: Provider, found: Measured) -> str:
    module, _, name = target.partition(":")
    title = "".join(part.capitalize() for part in provider.name.replace("-", "_").split("_"))
    about = f"The contract of {target} with {provider.title}: a test for each failure."
    lines = [
        f'"""{about}"""',
        "",
        f"import {module}",
        "from pytest_parseapi import ParseErrorContract",
        "",
        "",
        f"class Test{title}Contract(ParseErrorContract):",
        f'    provider = "{provider.name}"',
        f'    surface = "{found.surface}"',
        *_stated("max_attempts", "HTTP attempts of one request", found.attempts),
    ]
    if found.surface == "run":
        lines += _stated("max_submissions", "runs of one document", found.submissions)
    if found.waits:
        shown = ", ".join(f"{wait:.2f}" for wait in found.waits[:_MAX_SHOWN_WAITS])
        lines.append(f"    # waits before retries, in seconds: {shown}")
    if found.immediate_first_retry:
        lines.append("    immediate_first_retry = True  # the first retry came at once")
    lines.append(f"    parse = staticmethod({module}.{name})")
    return "\n".join(lines) + "\n"


def _stated(name: str, what: str, counts: dict[str, int]) -> list[str]:
    """The attribute where all failures got the same number, else a comment that says each."""
    if not counts:
        return [f"    # {name} = ...: how many {what}; no end was seen"]
    if len(set(counts.values())) == 1:
        return [f"    {name} = {next(iter(counts.values()))}  # {what}, as measured"]
    each = ", ".join(f"{code} {count}" for code, count in counts.items())
    return [f"    # {name} = ...: {what} differ: {each}"]
