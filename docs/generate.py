"""Makes the tables of the reference from the code, so that they cannot differ from it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest_parseapi
from pytest_parseapi import ParseAPI, ParseErrorContract, strategies
from pytest_parseapi.checks.kinds import ALL_AT_ONCE, KINDS, Kind, page_behind
from pytest_parseapi.clock.endless_waits import MAX_WAITS
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.faults import FAULTS
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.model.stops import StopKind
from pytest_parseapi.plugin import hookspecs, markers, pytest_addoption
from pytest_parseapi.providers.registry import built_in_providers
from pytest_parseapi.service.fuse import MAX_POLLS

MARKERS = ("parse_error", "parse_run_failed", "each_parse_error", "parseapi")


def write_reference(folder: Path) -> None:
    """Write every table into a folder, as one Markdown file each."""
    folder.mkdir(exist_ok=True)
    for name, make in TABLES.items():
        text = make()
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def table(headings: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(headings)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def fixtures() -> str:
    """The fixtures that the plugin gives."""
    from pytest_parseapi import plugin

    rows = [
        (f"`{name}`", _summary(_function(value)))
        for name, value in vars(plugin).items()
        if _is_fixture(value) and not name.startswith("_")
    ]
    return table(["fixture", "gives"], rows)


def marker_table() -> str:
    """The markers with their signatures."""
    from pytest_parseapi import plugin

    rows = []
    for name in MARKERS:
        signature = inspect.signature(getattr(markers, name))
        shown = signature.replace(return_annotation=inspect.Signature.empty)
        plain = shown.replace(
            parameters=[
                item.replace(annotation=inspect.Parameter.empty)
                for item in shown.parameters.values()
            ]
        )
        text = str(plain).replace("*, ", "", 1) if "(*, " in str(plain) else str(plain)
        rows.append((f"`{name}{text}`", plugin._MARKERS[name].partition("): ")[2]))
    return table(["marker", "does"], rows)


def checks() -> str:
    """The checks of `ParseAPI`, by the first line of what they say."""
    rows = [
        (f"{{py:meth}}`{name}() <pytest_parseapi.ParseAPI.{name}>`", _summary(method))
        for name, method in _members(ParseAPI)
        if name.startswith("assert_")
    ]
    return table(["check", "passes when"], rows)


def contract_attributes() -> str:
    """The class attributes of a contract, with their defaults."""
    return table(
        ["attribute", "default", "meaning"],
        [(f"`{name}`", f"`{default}`", text) for name, default, text in _attributes()],
    )


def options() -> str:
    """The options of the command line."""
    recorded = _Recorded()
    pytest_addoption(recorded)  # type: ignore[arg-type]
    rows = [
        (f"`{names[0]}{_value(keywords)}`", keywords.get("help", ""))
        for names, keywords in recorded.options
    ]
    return table(["option", "does"], rows)


def ini_values() -> str:
    """The ini values."""
    recorded = _Recorded()
    pytest_addoption(recorded)  # type: ignore[arg-type]
    rows = [(f"`{name}`", f"`{default!r}`", text) for name, text, default in recorded.ini]
    return table(["ini value", "default", "meaning"], rows)


def hooks() -> str:
    """The hooks that a `conftest.py` or another plugin can implement."""
    rows = [
        (f"`{name}{_names(getattr(hookspecs, name))}`", _summary(getattr(hookspecs, name)))
        for name in hookspecs.__all__
    ]
    return table(["hook", "gives"], rows)


def errors() -> str:
    """The documented errors of the built-in providers."""
    parts = []
    for provider in built_in_providers():
        rows = [_error_row(error) for error in provider.errors]
        parts += [f"## {provider.title}", ""]
        parts.append(table(["code", "status", "retryable", "where", "basis", "meaning"], rows))
    return "\n".join(parts)


def faults() -> str:
    """The network faults and broken replies."""
    return table(
        ["name", "what happens"], [(f"`{fault.name}`", fault.description) for fault in _faults()]
    )


def advice() -> str:
    """What the providers advise, and where they say it."""
    parts = []
    for provider in built_in_providers():
        rows = [(f"`{item.topic}`", item.text, _link(item.source)) for item in provider.advice]
        parts += [f"## {provider.title}", "", table(["topic", "advice", "page"], rows)]
    return "\n".join(parts)


STOPS: dict[StopKind, str] = {
    "miss": "The test asked for what is not simulated, or a script of it is wrong.",
    "fuse": f"The consumer retries (`parseapi_max_attempts`), polls ({MAX_POLLS:,} times) or waits "
    f"({MAX_WAITS:,} times in a row) without end.",
    "hang": "The consumer waits for what will never come.",
}


def kinds() -> str:
    """The kinds of findings: what a failing check says in its first line, and where it is said."""
    rows = [
        (
            f"`{name}`",
            kind.text,
            _WHERE.get(name) or _check(kind.check or ALL_AT_ONCE),
            ", ".join(
                filter(None, (_advised(provider, name) for provider in built_in_providers()))
            ),
        )
        for name, kind in KINDS.items()
    ]
    return table(["kind", "what should have held", "check", "pages"], rows)


def stops() -> str:
    """The kinds of stops: what ends a test at once."""
    if set(STOPS) != set(get_args(StopKind)):
        raise ValueError(f"other stops than the code's: {set(STOPS) ^ set(get_args(StopKind))}")
    return table(["kind", "what happened"], [(f"`{kind}`", text) for kind, text in STOPS.items()])


_WHERE: dict[Kind, str] = {
    "nothing_to_check": "every check",
    "other": "the contract, the sweep, the server",
}


def _check(name: str) -> str:
    return f"{{py:meth}}`{name}() <pytest_parseapi.ParseAPI.{name}>`"


def _advised(provider: Provider, kind: Kind) -> str:
    page = page_behind(provider, kind)
    return f"[{provider.title}](https://{page})" if page else ""


_WIDTH = 60  # what a page shows beside the names


def tree() -> str:
    """The package's folders and modules, each by the first line of what it says about itself."""
    root = Path(pytest_parseapi.__file__).parent
    entries = sorted(_entries(root), key=lambda path: (path.is_file(), path.name))
    width = max(len(path.name) for path in entries) + 1
    lines = [f"{root.name}/"]
    for path in entries:
        corner = "`-- " if path == entries[-1] else "|-- "
        name = path.name + "/" * path.is_dir()
        first, *rest = textwrap.wrap(_says(path), _WIDTH) or [""]
        lines.append(f"{corner}{name:<{width}}  {first}".rstrip())
        bar = " " if path == entries[-1] else "|"
        lines += [f"{bar}   {'':<{width}}  {text}" for text in rest]
    return "```text\n" + "\n".join(lines) + "\n```\n"


def modules() -> str:
    """What each folder holds."""
    root = Path(pytest_parseapi.__file__).parent
    parts = []
    for folder in sorted(path for path in _entries(root) if path.is_dir()):
        rows = [
            (f"`{path.relative_to(folder).as_posix()}`", _says(path))
            for path in sorted(folder.rglob("*.py"))
            if path.name != "__init__.py"
        ]
        parts.append(f"### `{folder.name}/`\n\n" + table(["module", "what it says"], rows))
    return "\n".join(parts)


def _entries(root: Path) -> Iterator[Path]:
    for path in root.iterdir():
        if path.suffix == ".py" or (path / "__init__.py").is_file():
            yield path


def _says(path: Path) -> str:
    source = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("``", "`")


def names() -> str:
    """Every public name, as a class with its members or as a value."""
    parts = []
    for name in sorted({*pytest_parseapi.__all__} - {"ParseAPI"}):
        value = getattr(pytest_parseapi, name)
        kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
        members = "   :members:\n" if kind == "class" else ""
        entry = f".. auto{kind}:: pytest_parseapi.{name}\n{members}"
        parts.append(f"## `{name}`\n\n```{{eval-rst}}\n{entry}```\n")
    for name in strategies.__all__:
        kind = "class" if inspect.isclass(getattr(strategies, name)) else "function"
        members = "   :members:\n" if kind == "class" else ""
        entry = f".. auto{kind}:: pytest_parseapi.strategies.{name}\n{members}"
        parts.append(f"## `strategies.{name}`\n\n```{{eval-rst}}\n{entry}```\n")
    return "\n".join(parts)


TABLES: dict[str, Callable[[], str]] = {
    "advice": advice,
    "checks": checks,
    "contract-attributes": contract_attributes,
    "errors": errors,
    "faults": faults,
    "fixtures": fixtures,
    "hooks": hooks,
    "ini-values": ini_values,
    "kinds": kinds,
    "markers": marker_table,
    "modules": modules,
    "names": names,
    "options": options,
    "stops": stops,
    "tree": tree,
}


class _Recorded:
    """Stands in for pytest's parser, and keeps what it is given."""

    def __init__(self) -> None:
        self.options: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        self.ini: list[tuple[str, str, Any]] = []

    def getgroup(self, *_: object) -> _Recorded:
        return self

    def addoption(self, *names: str, **keywords: Any) -> None:
        self.options.append((names, keywords))

    def addini(self, name: str, **keywords: Any) -> None:
        self.ini.append((name, keywords["help"], keywords["default"]))


def _error_row(error: DocumentedError) -> tuple[object, ...]:
    return (
        f"`{error.code}`",
        error.status,
        "yes" if error.retryable else "no",
        f"{', '.join(error.surfaces)}: "
        + (", ".join(f"`{path}`" for path in error.endpoints) or "every endpoint"),
        f"[{error.basis}](https://{error.source})" if _is_page(error.source) else error.basis,
        error.description,
    )


def _attributes() -> Iterator[tuple[str, str, str]]:
    """Name, default and text of each public attribute of a contract, as the source has them."""
    for kind in (ContractPolicy, ParseErrorContract):
        yield from (found for found in _attributes_of(kind) if found[0][0] != "_")


def _attributes_of(kind: type) -> Iterator[tuple[str, str, str]]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            documented = (
                isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            )
            text = following.value.value if documented else ""  # type: ignore[union-attr]
            default = ast.unparse(statement.value) if statement.value else ""
            yield statement.target.id, default, " ".join(text.split())


def _faults() -> Iterable[Any]:
    return FAULTS.values() if isinstance(FAULTS, dict) else FAULTS


def _members(kind: type) -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        found.update({name: value for name, value in vars(base).items() if name[0] != "_"})
    return [(name, value) for name, value in found.items() if callable(value)]


def _is_fixture(value: Any) -> bool:
    # Up to pytest 8.3 a fixture is a function with a mark.
    return "Fixture" in type(value).__name__ or hasattr(value, "_pytestfixturefunction")


def _function(value: Any) -> Any:
    for name in ("_fixture_function", "__wrapped__"):
        value = getattr(value, name, value)
    return value


def _summary(function: Any) -> str:
    text = inspect.getdoc(function) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _names(function: Any) -> str:
    return "(" + ", ".join(inspect.signature(function).parameters) + ")"


def _value(keywords: dict[str, Any]) -> str:
    shown = keywords.get("metavar")
    return "" if shown is None else f"={shown}"


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _link(source: str) -> str:
    return f"[{source}](https://{source})" if _is_page(source) else source


def _is_page(source: str) -> bool:
    return "." in source.partition("/")[0] and " " not in source and ":" not in source
