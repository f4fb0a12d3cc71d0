"""Every example in the README does what the README says that it does."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
PLACE = re.compile(r"<!-- (?:run: (?P<file>[\w.]+)(?P<how>.*?)|(?P<output>output of the run)) -->")
BLOCK = re.compile(r"\n```(?:python|text)\n(.*?)```\n", re.DOTALL)


@dataclass
class Example:
    """A file of the README, what becomes of it, and what it prints."""

    file: str
    text: str
    passes: bool
    output: str = ""
    support: str = ""


def examples():
    found: list[Example] = []
    support = ""
    for place in PLACE.finditer(README):
        block = BLOCK.match(README, place.end())
        if place["output"]:
            found[-1].output = block[1]
        elif place["file"] == "conftest.py":
            support = block[1]
        else:
            text = block[1] if block else found[-1].text
            change = re.search(r"with (.+) -> (.+)", place["how"])
            if change:
                assert change[1] in text
                text = text.replace(change[1], change[2])
            found.append(Example(place["file"], text, "passes" in place["how"], support=support))
            support = ""
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda item: f"{item.file}-{item.passes}")
def test_the_example_does_what_the_readme_says(example, pytester, nested, monkeypatch):
    name = example.file.removesuffix(".py")
    monkeypatch.delitem(sys.modules, name, raising=False)  # tests of this suite have such names
    pytester.makepyfile(**{name: example.text})
    if example.support:
        pytester.makeconftest(example.support)

    result = nested()

    assert (result.ret == 0) is example.passes, result.stdout.str()
    shown = result.stdout.str()
    assert example.output in shown + "\n"
    assert example.passes or example.output


def test_every_python_block_is_an_example():
    blocks = README.count("\n```python\n")

    assert blocks == sum(
        bool(BLOCK.match(README, place.end())) for place in PLACE.finditer(README) if place["file"]
    )
    assert blocks >= 4
