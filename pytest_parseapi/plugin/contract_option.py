"""``--parseapi-contract``: the contract of a callable, without a test file."""

from __future__ import annotations

import importlib
import inspect
import sys
import types
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_parseapi.contract.preflight import parse_mistake
from pytest_parseapi.model.mistakes import nearest
from pytest_parseapi.plugin.contract import ParseErrorContract

_CLASS: Final = "TestContract"


class ContractOption:
    """Collects one contract for a callable, in the place of test files.

    Args:
        target: ``package.module:function``, or a class derived from `ParseErrorContract`.
        provider: the provider's name.
        surface: ``"http"`` or ``"run"``.
    """

    def __init__(self, config: pytest.Config, target: str, provider: str, surface: str) -> None:
        self._target = target
        self._contract = _contract(config, target, provider, surface)
        here = str(Path(__file__))
        if config.args_source is pytest.Config.ArgsSource.ARGS:
            config.args = [*(item for item in config.args if item != here), here]
        else:
            config.args = [here]

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Turn this very file into the contract's module."""
        if file_path != Path(__file__):
            return None
        module: _ContractModule = _ContractModule.from_parent(
            parent, path=file_path, nodeid=self._target
        )
        module.contract = self._contract
        return module


class _ContractModule(pytest.Module):
    contract: type[ParseErrorContract]

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(_CLASS)
        setattr(module, _CLASS, self.contract)
        return module


def _contract(
    config: pytest.Config, target: str, provider: str, surface: str
) -> type[ParseErrorContract]:
    found = imported(config, "--parseapi-contract", target)
    if inspect.isclass(found) and issubclass(found, ParseErrorContract):
        return found
    if not callable(found):
        raise pytest.UsageError(f"--parseapi-contract {target}: {found!r} cannot be called")
    check_arguments("--parseapi-contract", target, found)
    parse = staticmethod(found)
    try:
        return type(
            _CLASS,
            (ParseErrorContract,),
            {"parse": parse, "provider": provider, "surface": surface, "_by_options": True},
        )
    except TypeError as error:
        raise pytest.UsageError(f"--parseapi-contract {target}: {error}") from None


def check_arguments(option: str, target: str, parse: Any) -> None:
    """See that a callable takes one document.

    Raises:
        pytest.UsageError: it takes nothing, or needs more.
    """
    mistake = parse_mistake(parse)
    if mistake:
        raise pytest.UsageError(f"{option} {target}: {mistake}")


def imported(config: pytest.Config, option: str, target: str) -> Any:
    """What ``package.module:function`` names.

    Raises:
        pytest.UsageError: there is no such thing.
    """
    name, colon, path = target.partition(":")
    if not colon or not name or not path:
        raise pytest.UsageError(f"{option} takes package.module:function, not {target!r}")
    if name.endswith(".py") or "/" in name or "\\" in name:
        module = ".".join(Path(name).with_suffix("").parts).lstrip(".")
        raise pytest.UsageError(
            f"{option} takes package.module:function, not the path of a file: did you mean "
            f"'{module}:{path}'?"
        )
    # As python -m does: what lies where pytest was started can be imported.
    start = str(config.invocation_params.dir)
    if start not in sys.path:
        sys.path.insert(0, start)
    try:
        found: Any = importlib.import_module(name)
    except ImportError as error:
        raise pytest.UsageError(f"{option} {target}: {error}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the import runs
        raise pytest.UsageError(
            f"{option} {target}: {name} cannot be imported, it raised {error!r}"
        ) from None
    owner = found
    for part in path.split("."):
        if not hasattr(found, part):
            known = [item for item in dir(found) if not item.startswith("_")]
            raise pytest.UsageError(
                f"{option} {target}: there is no {part!r}, {nearest(part, known)}"
            )
        owner, found = found, getattr(found, part)
    plain = inspect.isfunction(inspect.getattr_static(owner, path.rpartition(".")[2]))
    if inspect.isclass(owner) and plain:
        raise pytest.UsageError(
            f"{option} {target}: it is a method that needs an instance of {owner.__name__}; name "
            "one that the module has, or write a function of one document that makes one"
        )
    return found
