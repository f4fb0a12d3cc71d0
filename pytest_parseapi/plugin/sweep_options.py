"""Reads the options and ini values of the sweep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from pytest_parseapi.plugin.session import told_by_pytest
from pytest_parseapi.sweep.baseline import Baseline, read_baseline
from pytest_parseapi.sweep.variations import AskedKinds, asked_kinds

_NEED_SWEEP: Final = ("kinds", "baseline", "baseline_write", "depth")


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """The options of a session's sweep.

    Args:
        kinds: which failures.
        packages: the packages whose code is the consumer's, beside the files under the root.
        baseline: the findings that are known.
        path: where they stand; None where there is no such file.
        write: whether the findings of this session are to be written there.
    """

    kinds: AskedKinds
    packages: tuple[str, ...] = ()
    baseline: Baseline
    path: Path | None = None
    write: bool = False


def sweep_request(config: pytest.Config) -> SweepRequest:
    """Read the options of the sweep.

    Raises:
        pytest.UsageError: an option is wrong.
    """
    options = config.option
    depth = 1 if options.parseapi_sweep_depth is None else options.parseapi_sweep_depth
    if depth < 1:
        raise pytest.UsageError(f"--parseapi-sweep-depth must be an integer >= 1, not {depth}")
    given: str | None = options.parseapi_sweep_baseline
    write: bool = options.parseapi_sweep_baseline_write
    if write and given is None:
        raise pytest.UsageError(
            "--parseapi-sweep-baseline-write needs --parseapi-sweep-baseline=FILE: the file to "
            "write"
        )
    path = None if given is None else config.invocation_params.dir / given
    with told_by_pytest():
        kinds = asked_kinds(options.parseapi_sweep_kinds or "", depth)
        is_new = path is None or (write and _may_be_overwritten(path))
        known = Baseline() if path is None or is_new else read_baseline(path, given or "")
    packages = tuple(config.getini("parseapi_sweep_code"))
    return SweepRequest(kinds=kinds, packages=packages, baseline=known, path=path, write=write)


def _may_be_overwritten(path: Path) -> bool:
    """Whether a new baseline may replace a file unread: it is named as JSON, empty or not there."""
    try:
        return path.suffix.lower() == ".json" or path.stat().st_size == 0
    except OSError:
        return True  # writing it will say what is wrong


def check_sweep_options(config: pytest.Config) -> None:
    """Stop the session where an option has no effect without ``--parseapi-sweep``.

    Raises:
        pytest.UsageError: such an option is given.
    """
    for name in _NEED_SWEEP:
        if getattr(config.option, f"parseapi_sweep_{name}") not in (None, False):
            option = f"--parseapi-sweep-{name.replace('_', '-')}"
            raise pytest.UsageError(f"{option} is for --parseapi-sweep, which is not given")
