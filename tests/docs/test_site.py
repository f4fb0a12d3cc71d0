"""The documentation's site builds without a warning, and leaves out no public name."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import pytest_parseapi
from pytest_parseapi import ParseAPI
from pytest_parseapi.contract.policy import ContractPolicy
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


def _leads_nowhere(pages, path, link):
    parts = urlsplit(link)
    target = _joined(path, unquote(parts.path)) if parts.path else path
    if parts.scheme or parts.netloc or target.startswith(("_sources/", "_static/")):
        return False
    return target not in pages or (
        bool(parts.fragment) and unquote(parts.fragment) not in pages[target].ids
    )


def test_each_link_within_the_site_leads_somewhere(pages):
    links = [(path, link) for path, page in pages.items() for link in page.links]
    assert len(links) > len(pages)
    assert [link for link in links if _leads_nowhere(pages, *link)] == []


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
