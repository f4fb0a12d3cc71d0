"""Misspelt names: the message shows the nearest right one, and the line of the test."""

from __future__ import annotations

import copy

import pytest

from pytest_parseapi import UsageError


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda api: api.fail("OCR_ERROR", tims=2),
            "fail() has no argument 'tims': did you mean 'times'?",
        ),
        (
            lambda api: api.fail_run("OCR_ERROR", poll=2),
            "fail_run() has no argument 'poll': did you mean 'polls'?",
        ),
        (
            lambda api: api.assert_retried(document_name="a.pdf"),
            "assert_retried() has no argument 'document_name': did you mean 'document'?",
        ),
        (
            lambda api: api.webhook(runs=None),
            "webhook() has no argument 'runs': did you mean 'run'?",
        ),
    ],
)
def test_an_argument_that_does_not_exist(extend_api, call, message):
    with pytest.raises(UsageError) as stop:
        call(extend_api)
    assert str(stop.value) == message


@pytest.mark.asyncio
async def test_an_argument_of_a_coroutine(extend_api):
    with pytest.raises(UsageError) as stop:
        await extend_api.deliver_async(extend_api.webhook(), print, trys=2)
    assert str(stop.value) == "deliver_async() has no argument 'trys': did you mean 'tries'?"


def test_an_attribute_that_does_not_exist(extend_api):
    with pytest.raises(AttributeError) as error:
        extend_api.assert_recoverd()
    assert str(error.value).startswith(
        "'ParseAPI' object has no attribute 'assert_recoverd': did you mean 'assert_recovered'"
    )
    with pytest.raises(AttributeError) as error:
        _ = extend_api.quite_another
    assert str(error.value) == "'ParseAPI' object has no attribute 'quite_another'"


def test_hasattr_of_an_unknown_attribute_is_false(extend_api):
    assert not hasattr(extend_api, "fial")
    assert getattr(extend_api, "fial", 5) == 5
    assert copy.copy(extend_api).provider is extend_api.provider


def test_the_last_line_shown_is_the_test_s(pytester, nested):
    result = nested("def test(extend_api): extend_api.fial('OCR_ERROR')")
    result.assert_outcomes(failed=1)
    assert "did you mean 'fail'?" in result.stdout.str()
    assert "names.py" not in result.stdout.str()
