"""The command line: ``python -m pytest_parseapi COMMAND``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from pytest_parseapi.report.command import add_merge

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what follows the program's name; None for the process's own.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pytest_parseapi",
        description="Simulated document-parsing APIs, and what a suite checked against them.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    # Each command adds itself, and sets ``run``.
    add_merge(commands)
    options = parser.parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)
