"""The documentation's site builds without a warning, and leaves out no public name."""

from __future__ import annotations

import ast
import inspect
import itertools
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args
from urllib.parse import unquote, urlsplit

import pytest

import pytest_parseapi
from pytest_parseapi import ParseAPI, strategies
from pytest_parseapi.checks.kinds import KINDS, Kind
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.model.stops import StopKind
from pytest_parseapi.plugin import hookspecs
from pytest_parseapi.providers.registry import built_in_providers

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site; a warning fails the build."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E"]
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees"), str(ROOT / "docs"), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])


@pytest.fixture(scope="session")
def pages(site):
    return {
        path.relative_to(site).as_posix(): _Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }


def _ids(pages):
    return {found for page in pages.values() for found in page.ids}


def _leads_nowhere(site, pages, path, link):
    parts = urlsplit(link)
    target = _joined(path, unquote(parts.path)) if parts.path else path
    if parts.scheme or parts.netloc or target.startswith("_static/"):
        return False
    if target.startswith(("_sources/", "_downloads/")):
        return not (site / target).is_file()
    return target not in pages or (
        bool(parts.fragment) and unquote(parts.fragment) not in pages[target].ids
    )


def test_each_link_within_the_site_leads_somewhere(site, pages):
    links = [(path, link) for path, page in pages.items() for link in page.links]
    assert len(links) > len(pages)
    assert [link for link in links if _leads_nowhere(site, pages, *link)] == []


def _joined(path, link):
    parts = path.split("/")[:-1]
    for part in link.split("/"):
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def test_every_public_name_is_in_the_reference(pages):
    wanted = {f"pytest_parseapi.{name}" for name in pytest_parseapi.__all__}
    assert wanted - _ids(pages) == set()


def test_every_member_of_the_api_is_in_the_reference(pages):
    members = {name for name, _ in inspect.getmembers(ParseAPI) if not name.startswith("_")}
    assert {f"pytest_parseapi.ParseAPI.{name}" for name in members} - _ids(pages) == set()


def _text(site, page):
    return re.sub(r"<[^>]+>", "", (site / "reference" / page).read_text(encoding="utf-8"))


def test_every_error_is_in_the_reference(site):
    text = _text(site, "errors.html")
    codes = [error.code for provider in built_in_providers() for error in provider.errors]
    assert [code for code in codes if code not in text] == []


def test_every_contract_attribute_is_in_the_reference(site):
    text = _text(site, "contract.html")
    names = [
        name
        for name, value in vars(ContractPolicy).items()
        if not name.startswith("_") and not inspect.isfunction(value)
    ]
    assert [name for name in names if name not in text] == []
    assert "_by_options" not in text


@pytest.fixture(scope="session")
def asked():
    """What pytest itself says about the plugin."""

    def ask(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "parseapi", *arguments]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "200"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT / "docs"
        )
        return done.stdout

    return ask


def _missing(names, text):
    assert names
    return sorted(name for name in names if name not in text)


def test_every_option_and_ini_value_is_in_the_reference(site, asked):
    text = asked("--help")
    shown = _text(site, "options.html")
    assert _missing(set(re.findall(r"--parseapi-[a-z-]+", text)), shown) == []
    assert _missing(set(re.findall(r"^ +(parseapi_\w+)", text, re.MULTILINE)), shown) == []


def test_every_marker_is_in_the_reference(site, asked):
    names = set(re.findall(r"@pytest\.mark\.(\w*parse\w*)\(", asked("--markers")))
    assert names == {"parse_error", "parse_run_failed", "each_parse_error", "parseapi"}
    assert _missing(names, _text(site, "markers.html")) == []


def test_every_fixture_is_in_the_reference(site, asked):
    names = set(re.findall(r"^(\w+) -- .*pytest_parseapi", asked("--fixtures"), re.MULTILINE))
    assert names >= {"extend_api", "nutrient_api", "parseapi", "parseapi_factory"}
    assert _missing(names, _text(site, "fixtures.html")) == []


def test_every_check_and_hook_is_in_the_reference(site):
    checks = {name for name, _ in inspect.getmembers(ParseAPI) if name.startswith("assert_")}
    assert _missing(checks, _text(site, "checks.html")) == []
    assert _missing(set(hookspecs.__all__), _text(site, "hooks.html")) == []


def test_every_kind_of_message_is_in_the_reference_and_every_check_has_one(site):
    text = _text(site, "messages.html")
    assert _missing({*get_args(Kind), *get_args(StopKind)}, text) == []
    checks = {name for name, _ in inspect.getmembers(ParseAPI) if name.startswith("assert_")}
    assert _missing(checks, text) == []


def _texts(node, names):
    """The fixed texts of an expression."""
    if isinstance(node, ast.Name):
        return names.get(node.id, ())
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "rule_of":
        return [KINDS[node.args[0].value].text]
    return [
        item.value
        for item in ast.walk(node)
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]


def _rules(path):
    """The fixed texts of the rules that a module states."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        node.target.id if isinstance(node, ast.AnnAssign) else node.targets[0].id: _texts(
            node.value, {}
        )
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Constant | ast.Call)
    }
    for node in ast.walk(tree):
        given = isinstance(node, ast.keyword) and node.arg == "rule"
        if given or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "rule"):
            yield from _texts(node.value, names)


def _cells_of_messages():
    """What the tables of messages search for, without the generated table of kinds."""
    page = (ROOT / "docs" / "reference" / "messages.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \| ", page.partition("## Kinds of findings")[0], re.MULTILINE)
    return [cell for row in rows for cell in re.findall(r"`([^`]+)`", row) if " " in cell]


def test_every_rule_is_in_the_table_of_messages():
    cells = _cells_of_messages()
    patterns = [re.escape(cell).replace(r"\.\.\.", ".*") for cell in cells]
    modules = [
        path
        for folder in ("checks", "contract")
        for path in (ROOT / "pytest_parseapi" / folder).glob("*.py")
    ]
    rules = {rule.strip(" ,") for path in modules for rule in _rules(path) if rule.count(" ") > 2}
    assert len(rules) > 40
    whole = {rule for rule in rules if any(re.search(item, rule) for item in patterns)}
    assert _missing(rules - whole, "\n".join(cells)) == []


def test_each_message_of_the_table_is_the_code_s():
    cells = _cells_of_messages()
    assert len(cells) > 50
    said = "\n".join(
        "".join(_texts(node, {}))
        for path in (ROOT / "pytest_parseapi").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant | ast.JoinedStr)
    )
    parts = {part.strip() for cell in cells for part in cell.split("...")}
    assert _missing(parts, said) == []


def test_every_strategy_is_in_the_reference(pages):
    wanted = {f"pytest_parseapi.strategies.{name}" for name in strategies.__all__}
    assert wanted - _ids(pages) == set()


def test_the_architecture_begins_with_the_tree(site):
    page = (site / "architecture.html").read_text(encoding="utf-8")
    first = re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)
    root = ROOT / "pytest_parseapi"
    entries = {
        path.name
        for path in root.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    lines = re.sub(r"<[^>]+>", "", first[1]).splitlines()
    assert lines[0] == "pytest_parseapi/"
    assert {line[4:].split()[0].rstrip("/") for line in lines[1:] if "-- " in line[:4]} == entries


def test_every_guide_is_in_the_table_of_contents():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    guides = {path.stem for path in (ROOT / "docs" / "how-to").glob("*.md")}
    explained = {path.stem for path in (ROOT / "docs" / "explanation").glob("*.md")}
    assert _missing({f"how-to/{name}" for name in guides}, text) == []
    assert _missing({f"explanation/{name}" for name in explained}, text) == []


def test_no_line_of_the_changelog_stands_twice():
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.strip()]
    assert sorted({line for line in entries if entries.count(line) > 1}) == []


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


# The page, or a table in it.
TOO_WIDE = """
    [document.documentElement, ...document.querySelectorAll("article table.docutils")]
        .some((shown) => shown.scrollWidth > shown.clientWidth + 1)
"""


@pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium"
)
def test_no_page_is_wider_than_the_screen(site, pages):
    playwright = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    wide = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        window = browser.new_page(offline=True)
        for name in pages:
            window.goto((site / name).as_uri())
            for scheme, width in itertools.product(("light", "dark"), (1280, 400)):
                window.emulate_media(color_scheme=scheme)
                window.set_viewport_size({"width": width, "height": 900})
                if window.evaluate(TOO_WIDE):
                    wide.append((name, scheme, width))
        browser.close()
    assert wide == []
