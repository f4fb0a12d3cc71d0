"""The command line: the simulated API as a server, the catalogue of errors, merged reports."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NoReturn

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.printable_text import aligned
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.providers.registry import provider_named, registry
from pytest_parseapi.report.compare import add_compare, compare
from pytest_parseapi.report.merge import add_merge, merge
from pytest_parseapi.serve import ServedScript, read_script, serve
from pytest_parseapi.service.run_script import run_step_for
from pytest_parseapi.service.script import steps_for


def error_table(providers: Iterable[Provider]) -> str:
    """Every documented error of every provider, one a line."""
    headings = ("provider", "code", "status", "retry", "surfaces", "endpoints", "basis", "source")
    rows: list[tuple[str, ...]] = [headings]
    rows += [_row(provider, error) for provider in providers for error in provider.errors]
    return "\n".join(aligned(rows))


def _error_json(providers: Iterable[Provider]) -> str:
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
_HOST_NAME: Final = re.compile(r"[\w-][\w.-]*|\[?[0-9A-Fa-f:.]*::?[0-9A-Fa-f:.]+\]?")
_HIGHEST_SPEED: Final = 100
_EXIT_WRONG_USE: Final = 2


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
        if asked.command == "compare":
            return compare(asked, registry())
        if asked.command == "serve":
            provider = provider_named(registry(), asked.provider)
            for scripted in (*asked.fail, *asked.fail_run):
                _check_names(provider, scripted)
            serve(
                provider,
                host=asked.host,
                port=asked.port,
                script=[
                    *([] if asked.script is None else read_script(asked.script)),
                    *asked.fail,
                    *asked.fail_run,
                ],
                allowed=asked.allow_host,
                speed=asked.speed,
            )
        else:
            _list(asked.provider, as_json=asked.json)
    except UsageError as error:
        _complain(f"{error}".replace("\n", " "))
        return _EXIT_WRONG_USE
    except OSError as error:
        # Nothing more can be written, also not what is still kept for the end of the process.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            # The reader of the output has seen enough.
            return 0
        _complain(f"cannot write the output: {error.strerror or error}")
        return 1
    return 0


def _complain(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        line = f"pytest_parseapi: {text}\n".encode("utf-8", "backslashreplace").decode()
        print(line, end="", file=sys.stderr, flush=True)  # noqa: T201 - a command's own answer


def _list(provider: str | None, *, as_json: bool) -> None:
    known = registry()
    chosen = list(known.values()) if provider is None else [provider_named(known, provider)]
    print((_error_json if as_json else error_table)(chosen), flush=True)  # noqa: T201 - the answer


def _parser() -> argparse.ArgumentParser:
    known = ", ".join(registry())
    parser = _Parser(
        prog="python -m pytest_parseapi",
        description="Simulated document-parsing APIs, and every error that they document.",
        allow_abbrev=False,
    )
    commands: Any = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands, known)
    _add_errors(commands, known)
    add_merge(commands)
    add_compare(commands)
    return parser


def _add_serve(commands: Any, known: str) -> None:
    server = commands.add_parser(
        "serve",
        help="serve a simulated API over HTTP",
        description="Serve a simulated API over HTTP, in real time, until Ctrl-C.",
        allow_abbrev=False,
    )
    server.add_argument("provider", help=known)
    server.add_argument(
        "--host", type=_address, default="127.0.0.1", help="the address to listen at"
    )
    server.add_argument("--port", type=_port, default=0, help="default: any free one")
    server.add_argument(
        "--fail",
        type=_failure,
        action="append",
        default=[],
        metavar="CODE[:TIMES]",
        help="let requests fail: a documented code, a status or a network fault; 1 time, TIMES "
        "times, or forever with :always; several in order",
    )
    server.add_argument(
        "--fail-run",
        type=_run_failure,
        action="append",
        default=[],
        metavar="CODE[:TIMES]",
        help="let runs end as failed for this documented reason",
    )
    server.add_argument(
        "--script",
        type=Path,
        metavar="FILE",
        help='a JSON list of calls, such as [{"fail": {"errors": [429], "retry_after": 2}}]',
    )
    server.add_argument(
        "--allow-host",
        type=_host_name,
        action="append",
        default=[],
        metavar="NAME",
        help="serve requests whose Host header has this name, too, such as a container's",
    )
    server.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N",
        help="take the clients' clock to run N times faster, up to 100; default: 1",
    )


def _add_errors(commands: Any, known: str) -> None:
    errors = commands.add_parser(
        "errors",
        help="list the documented errors",
        description="List every documented error of one provider, or of all.",
        allow_abbrev=False,
    )
    errors.add_argument("provider", nargs="?", help=f"{known}; default: all")
    errors.add_argument("--json", action="store_true", help="as JSON, for programs")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_HIGHEST_PORT}")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= _HIGHEST_SPEED:
        raise argparse.ArgumentTypeError(
            f"speed must be a number > 0 and <= {_HIGHEST_SPEED}, not {text!r}"
        )
    return speed


def _address(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError(
            "an address is a name or number of this machine, such as '127.0.0.1'; 0.0.0.0 and :: "
            f"are all of them, and {text!r} is none"
        )
    return text.strip("[]")


def _host_name(text: str) -> str:
    if _HOST_NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no host name such as 'parse.internal': without scheme, port and wildcard"
        )
    return text


def _failure(text: str) -> ServedScript:
    code, times = _code_and_times(text)
    return ServedScript("fail", {"errors": [code], "times": times})


def _run_failure(text: str) -> ServedScript:
    code, times = _code_and_times(text)
    return ServedScript("fail_run", {"error": code, "times": times})


def _check_names(provider: Provider, scripted: ServedScript) -> None:
    """Say of an unknown error what is meant, also where another provider documents it."""
    others = registry().values()
    try:
        if scripted.name == "fail":
            steps_for(provider, scripted.arguments["errors"], others=others)
        else:
            run_step_for(provider, scripted.arguments["error"], others=others)
    except UsageError as mistake:
        raise mistake.written_in("option") from None


def _code_and_times(text: str) -> tuple[str | int, int | str]:
    code, colon, times = text.partition(":")
    if not colon:
        count: int | str = 1
    elif times.casefold() == "always":
        count = "always"
    elif times.isascii() and times.isdecimal():
        count = int(times)
    else:
        raise argparse.ArgumentTypeError(
            f"{text!r}: TIMES must be an integer >= 0 or 'always', not {times!r}"
        )
    return (int(code) if code.isascii() and code.isdecimal() else code), count
