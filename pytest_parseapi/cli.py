"""The command line: the simulated API as a server, the catalogue of errors, merged reports."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final, NoReturn

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.providers.registry import provider_named, registry
from pytest_parseapi.report.merge import add_merge, merge
from pytest_parseapi.serve import Scripted, serve
from pytest_parseapi.service.script import ALWAYS

__all__ = ["error_json", "error_table", "main"]


def error_table(providers: Iterable[Provider]) -> str:
    """Every documented error of every provider, one a line."""
    headings = ("provider", "code", "status", "retry", "surfaces", "endpoints", "basis", "source")
    rows: list[tuple[str, ...]] = [headings]
    rows += [_row(provider, error) for provider in providers for error in provider.errors]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def error_json(providers: Iterable[Provider]) -> str:
    """Every documented error of every provider, as a JSON list of objects."""
    errors = [asdict(error) for provider in providers for error in provider.errors]
    return json.dumps(errors, indent=2, ensure_ascii=False)


def _row(provider: Provider, error: DocumentedError) -> tuple[str, ...]:
    return (
        provider.name,
        error.code,
        str(error.status),
        "yes" if error.retryable else "no",
        ",".join(error.surfaces),
        ",".join(error.endpoints) or "all",
        error.basis,
        error.source,
    )


_HIGHEST_PORT: Final = 65_535
_WRONG: Final = 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: what follows ``python -m pytest_parseapi``; those of this process where None.

    Returns:
        The exit status: 0, or 2 where the command was wrong.

    Example:
        >>> main(["errors", "acme"])  # doctest: +SKIP
        2
    """
    try:
        asked = _parser().parse_args(arguments)
        if asked.command == "merge":
            return merge(asked)
        if asked.command == "serve":
            serve(
                provider_named(registry(), asked.provider),
                host=asked.host,
                port=asked.port,
                failures=asked.fail,
                run_failures=asked.fail_run,
            )
        else:
            _list(asked.provider, as_json=asked.json)
    except UsageError as error:
        print(f"pytest_parseapi: {error}", file=sys.stderr)  # noqa: T201 - a command's own answer
        return _WRONG
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        sys.stderr.close()
    return 0


def _list(provider: str | None, *, as_json: bool) -> None:
    known = registry()
    chosen = list(known.values()) if provider is None else [provider_named(known, provider)]
    print((error_json if as_json else error_table)(chosen), flush=True)  # noqa: T201 - the answer


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m pytest_parseapi",
        description="Simulated document-parsing APIs, and every error that they document.",
        allow_abbrev=False,
    )
    commands: Any = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    server = commands.add_parser(
        "serve",
        help="serve a simulated API over HTTP",
        description="Serve a simulated API over HTTP, in real time, until Ctrl-C.",
        allow_abbrev=False,
    )
    server.add_argument("provider", help="extend, nutrient")
    server.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    server.add_argument("--port", type=_port, default=0, help="default: any free one")
    server.add_argument(
        "--fail",
        type=_scripted,
        action="append",
        default=[],
        metavar="CODE[:TIMES]",
        help="let requests fail: a documented code, a status or a network fault; 1 time, TIMES "
        "times, or for ever with :always; several in order",
    )
    server.add_argument(
        "--fail-run",
        type=_scripted,
        action="append",
        default=[],
        metavar="CODE[:TIMES]",
        help="let runs end as failed for this documented reason",
    )
    errors = commands.add_parser(
        "errors",
        help="list the documented errors",
        description="List every documented error of one provider, or of all.",
        allow_abbrev=False,
    )
    errors.add_argument("provider", nargs="?", help="extend, nutrient; default: all")
    errors.add_argument("--json", action="store_true", help="as JSON, for programs")
    add_merge(commands)
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_HIGHEST_PORT}")
    return int(text)


def _scripted(text: str) -> Scripted:
    code, colon, times = text.partition(":")
    if not colon:
        count: float = 1
    elif times.casefold() == "always":
        count = ALWAYS
    elif times.isascii() and times.isdecimal():
        count = int(times)
    else:
        raise argparse.ArgumentTypeError(
            f"{text!r}: TIMES is a whole number or 'always', not {times!r}"
        )
    return Scripted(int(code) if code.isascii() and code.isdecimal() else code, count)
