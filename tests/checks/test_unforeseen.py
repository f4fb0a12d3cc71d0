"""Which exceptions are about the code, and not about what failed."""

from __future__ import annotations

import email.utils
import enum
import json
import time

import pytest

from pytest_parseapi.checks.unforeseen import unforeseen_in


def raised_by(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        call()
    return caught.value


@pytest.mark.parametrize(
    "call",
    [
        lambda: {}["requestId"],
        lambda: None.get("code"),
        lambda: json.loads("<html>"),
        lambda: int("Wed, 21 Oct"),
        lambda: enum.Enum("Code", ["OCR"])("NEW"),
        lambda: email.utils.parsedate_to_datetime("20"),
        lambda: time.sleep(-1),
        lambda: 2.0**5000,
        lambda: 1 / 0,
        lambda: ["OCR_ERROR"].index("NEW"),
        lambda: ["OCR_ERROR"].remove("NEW"),
        lambda: "text".index("q"),
        lambda: max([]),
    ],
)
def test_what_python_says_of_code_is_unforeseen(call):
    error = raised_by(call)
    assert list(unforeseen_in(error)) == [error]
    group = ExceptionGroup("tasks", [OSError(), ExceptionGroup("more", [error])])
    assert list(unforeseen_in(group)) == [error]


@pytest.mark.parametrize(
    "error",
    [None, OSError("reset"), ValueError("the API answered 500"), RuntimeError("parse failed")],
)
def test_what_a_consumer_says_is_not(error):
    assert list(unforeseen_in(error)) == []
    if error is not None:
        assert list(unforeseen_in(ExceptionGroup("tasks", [error]))) == []
