"""Which folder may import which, and where a provider may be named."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

import pytest_parseapi

ROOT = Path(pytest_parseapi.__file__).parent
NAME = ROOT.name

PAGE = ROOT.parent / "docs" / "architecture.md"


def folders_of_the_page():
    """What each folder may import, as the page on the architecture lists it, from the top down."""
    table = PAGE.read_text(encoding="utf-8").partition("## What may import what")[2]
    rows = re.findall(r"^\| `(\w+)/` \| (.*?)\s*\|", table.partition("\n## ")[0], re.MULTILINE)
    return {folder: set(re.findall(r"`(\w+)/`", imports)) for folder, imports in rows}


MAY_IMPORT = folders_of_the_page()


def modules():
    return sorted(path for path in ROOT.rglob("*.py"))


def folder_of(path):
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else None


def imported_names(node):
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module]
    return [item.name for item in node.names] if isinstance(node, ast.Import) else []


@functools.cache
def all_imported(path):
    """The names of all imports of a module; each is read once for all tests."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [name.split(".") for node in nodes for name in imported_names(node)]


def imported(path):
    return [parts for parts in all_imported(path) if parts[0] == NAME]


def edges():
    found = {}
    for path in modules():
        here = folder_of(path)
        for parts in imported(path):
            there = parts[1] if len(parts) > 1 else None
            if here and there in MAY_IMPORT and there != here:
                found.setdefault((here, there), []).append(str(path.relative_to(ROOT)))
    return found


def test_the_page_names_files_and_functions_that_exist():
    text = re.sub(r"```.*?```", "", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    named = re.findall(r"`([\w./]+)`", text)
    files = {name.replace("NAME", "*") for name in named if "/" in name or name.endswith(".py")}
    assert len(files) > 40
    assert [name for name in files if not any(top.glob(name) for top in (ROOT, ROOT.parent))] == []
    defined = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            defined.add(getattr(node, "name", None))
            if isinstance(node, ast.ClassDef):
                defined.update(f"{node.name}.{getattr(item, 'name', '')}" for item in node.body)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined.add(node.id)
    names = {name for name in named if re.fullmatch(r"_?[A-Z]\w+(\.\w+)?|[a-z]+(_[a-z]+)+", name)}
    assert len(names) > 25
    assert names - {"AssertionError"} - defined == set()


def test_each_folder_is_on_the_list():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(MAY_IMPORT)


def test_each_folder_imports_from_folders_below_it():
    order = list(MAY_IMPORT)
    above = {name: MAY_IMPORT[name] - {*order[place + 1 :]} for place, name in enumerate(order)}
    assert {name: wrong for name, wrong in above.items() if wrong} == {}


@pytest.mark.parametrize(
    "path", sorted(ROOT.rglob("__init__.py")), ids=lambda path: path.parent.name
)
def test_each_folder_says_what_is_in_it_and_that_it_is_private(path):
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert path.parent == ROOT or "Private" in docstring or "private" in docstring


def test_only_public_modules_list_their_names():
    """A private one would hide from a search for dead code what nothing uses."""
    found = {str(path.relative_to(ROOT)) for path in modules() if "\n__all__" in path.read_text()}
    assert found == {"__init__.py", "strategies.py", "plugin/hookspecs.py"}


def test_imports_are_those_that_the_page_allows():
    wrong = {
        f"{here} -> {there}": files
        for (here, there), files in edges().items()
        if there != "model" and there not in MAY_IMPORT[here]
    }
    assert wrong == {}


def test_no_import_is_allowed_that_nothing_needs():
    used = set(edges())
    allowed = {(name, other) for name, others in MAY_IMPORT.items() for other in others}
    assert allowed - used == set()


def test_only_the_plugin_imports_pytest():
    found = [
        str(path.relative_to(ROOT))
        for path in modules()
        if folder_of(path) != "plugin"
        for parts in all_imported(path)
        if parts[0] in {"pytest", "_pytest"}
    ]
    assert found == []


def test_no_two_folders_import_each_other():
    pairs = set(edges())
    assert {tuple(sorted(pair)) for pair in pairs if pair[::-1] in pairs} == set()


def test_providers_import_the_model_alone():
    folder = ROOT / "providers"
    for path in folder.rglob("*.py"):
        own = path.parent.name
        for parts in imported(path):
            allowed = parts[1] == "model" or parts[1:3] == ["providers", own]
            assert allowed or path.name == "registry.py", f"{path} imports {'.'.join(parts)}"


# They read URLs and sizes, and word messages: a third party has them at hand, or needs them not.
HELPERS = {
    *("coded", "is_http_url", "megabytes", "parts_of_url", "shown", "size_of", "unique_names"),
    "SimulationStopped",
}


def test_built_in_providers_are_made_of_the_public_kit():
    used = {
        item.name
        for path in (ROOT / "providers").glob("*/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{NAME}.model.")
        for item in node.names
    }
    assert used - {*pytest_parseapi.__all__} == HELPERS


def documented(tree):
    """The lines of docstrings, where examples stand."""
    lines = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for item in body if isinstance(body, list) else ():
            if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
                lines.update(range(item.lineno, item.end_lineno + 1))
    return lines


WORDS = re.compile(
    r"\bextend(_api|-?ai)?\b|\bExtend[A-Z]|nutrient|/parse_runs|/extraction", re.IGNORECASE
)
# Lists grow; the two fixtures; the ini value's default.
USUAL = re.compile(
    r"\.extend\(|(def |\.api\(\")(extend|nutrient)(_api|\"\))|\"default\": \"extend\"|\"extend\"$"
)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_provider_is_named_outside_its_folder(path):
    if folder_of(path) == "providers":
        return
    source = path.read_text()
    skipped = documented(ast.parse(source))
    found = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(source.splitlines(), 1)
        if number not in skipped and WORDS.search(line) and not USUAL.search(line)
    ]
    assert found == []


OWN_OBJECTS = {
    "api": {"cls", "error"},
    "plugin": {"cls", "report", "module", "sys", "ParseErrorContract"},
}
"""What is ours under these names, and what pytest lets its plugins set."""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_patching_sets_attributes_of_other_libraries(path):
    owners = set(re.findall(r"(?<![.\w])setattr\((\w+)", path.read_text(encoding="utf-8")))
    allowed = OWN_OBJECTS.get(folder_of(path), set()) | {"self"}
    assert folder_of(path) == "patching" or owners <= allowed


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if folder_of(path) in ("clients", "clock")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_patching_sets_what_another_library_calls_private(path):
    """Also without ``setattr``: they set no private name but their own."""
    found = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and re.match(r"_(?!_)", node.attr)
        and ast.unparse(node.value) not in ("self", "cls", "made")
    ]
    assert found == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_api_knows_the_private_names_of_a_parse_api(path):
    """The others ask ``api/internals.py``."""
    found = re.findall(r"\b(?:api|of_provider)\._\w+", path.read_text(encoding="utf-8"))
    assert folder_of(path) == "api" or found == []
