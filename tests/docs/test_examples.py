"""Every example in the README and on the site works as the page says."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PLACE = re.compile(
    r"<!-- (?:run: (?P<file>[\w.]+)(?P<how>.*?)"
    r"|(?P<output>output of the run)|(?P<shown>not run).*?) -->"
)
BLOCK = re.compile(r"\n```(?:python|text|toml|ini)\n(.*?)```\n", re.DOTALL)
PYTHON = re.compile(r"\n```python\n")


@dataclass
class Example:
    """Files of a page, what becomes of the last of them, and what that prints."""

    page: str
    file: str
    text: str
    passes: bool
    support: dict[str, str]
    options: tuple[str, ...] = ()
    output: list[str] = field(default_factory=list)


def _examples(path):
    text = path.read_text(encoding="utf-8")
    page = path.relative_to(ROOT).as_posix()
    found: list[Example] = []
    support: dict[str, str] = {}
    for place in PLACE.finditer(text):
        block = BLOCK.match(text, place.end())
        if place["shown"]:
            continue
        if place["output"]:
            assert block is not None, (page, place[0])
            found[-1].output.append(block[1])
            continue
        how = place["how"]
        if "passes" not in how and "fails" not in how:
            assert block is not None, (page, place[0])
            support[place["file"]] = block[1]
            continue
        example = block[1] if block else found[-1].text
        change = re.search(r"with (.+) -> (.+)", how)
        if change:
            assert change[1] in example
            example = example.replace(change[1], change[2])
        beside = re.search(r"beside ([\w.]+)", how)
        with_them = dict(support)
        if beside:
            with_them[beside[1]] = next(
                item.text for item in reversed(found) if item.file == beside[1]
            )
        options = re.search(r"options: (\S+)", how)
        given = tuple(options[1].split(",")) if options else ()
        found.append(Example(page, place["file"], example, "passes" in how, with_them, given))
    return found


EXAMPLES = [example for page in PAGES for example in _examples(page)]


def _plugins(example):
    text = example.text + "".join(example.support.values())
    return ["pytest_asyncio.plugin"] if "pytest.mark.asyncio" in text else []


def _is_in(output, shown):
    """Whether the page shows what the run printed; a line that ends in "..." is cut short there."""
    if " ...\n" not in output:
        return output in shown
    lines = [re.escape(line.removesuffix("...")) + ".*" for line in output.splitlines()]
    return re.search("\n".join(lines), shown) is not None


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda item: f"{item.page}:{item.file}-{item.passes}"
)
def test_the_example_does_what_the_page_says(example, pytester, nested, separate, monkeypatch):
    for name in (example.file, *example.support):
        # Tests of this suite have such names.
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    monkeypatch.syspath_prepend(pytester.path)
    for name, text in {**example.support, example.file: example.text}.items():
        (pytester.path / name).write_text(text, encoding="utf-8")

    if "celery" in example.text:
        # A worker sets the level of the root logger, and celery adds levels of its own.
        result = separate(*example.options)
    else:
        result = nested(None, *example.options, plugins=_plugins(example))

    shown = result.stdout.str()
    assert (result.ret == 0) is example.passes, shown
    for output in example.output:
        assert _is_in(output, shown + "\n")
    assert example.passes or example.output


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_python_block_is_run_or_says_why_not(path):
    text = path.read_text(encoding="utf-8")
    followed = sum(
        bool(BLOCK.match(text, place.end()))
        for place in PLACE.finditer(text)
        if (place["file"] or place["shown"]) and PYTHON.match(text, place.end())
    )
    assert len(PYTHON.findall(text)) == followed


def test_the_readme_has_examples():
    assert sum(example.page == "README.md" for example in EXAMPLES) >= 4
