"""Arguments in the wrong position: the message shows the right call."""

from __future__ import annotations

import pathlib

import pytest

from pytest_parseapi import UsageError

DOCUMENT = ": write document='a.pdf'"


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.assert_retried("a.pdf"),
        lambda api: api.assert_gave_up("a.pdf"),
        lambda api: api.assert_backoff("a.pdf"),
        lambda api: api.assert_request_id_logged("a.pdf"),
        lambda api: api.assert_polled_politely("a.pdf"),
        lambda api: api.assert_resubmitted("a.pdf"),
        lambda api: api.assert_retried(pathlib.Path("files/a.pdf")),
        lambda api: api.fail("OCR_ERROR", times="a.pdf"),
        lambda api: api.fail_run("OCR_ERROR", "a.pdf"),
        lambda api: api.webhook("OCR_ERROR", "a.pdf"),
    ],
)
def test_a_document_by_position_is_named(extend_api, call):
    with pytest.raises(UsageError) as mistake:
        call(extend_api)
    assert str(mistake.value).endswith(DOCUMENT)


@pytest.mark.parametrize(
    "check",
    [
        "assert_follows_documentation",
        "assert_request_id_logged",
        "assert_run_failure_logged",
        "assert_credential_not_logged",
    ],
)
def test_a_log_that_is_no_text_is_refused(extend_api, check):
    with pytest.raises(UsageError, match=r"text must be a string, such as a log .* not bytes"):
        getattr(extend_api, check)(text=b"req_1")


def test_answers_speaks_of_itself(extend_api):
    with pytest.raises(UsageError) as mistake:
        extend_api.answers("OCR_ERROR", "a.pdf")
    assert str(mistake.value) == (
        "'a.pdf' is no error: answers() is a script of its route, whatever the document"
    )


def test_a_list_of_errors_is_several_arguments(extend_api):
    with pytest.raises(UsageError) as mistake:
        extend_api.fail(["OCR_ERROR", 429])
    assert str(mistake.value).endswith("not by list: give each error as an argument of its own")


def test_a_number_of_the_wrong_type_is_told_alone(extend_api):
    with pytest.raises(UsageError) as mistake:
        extend_api.assert_retried("2")
    assert str(mistake.value) == "times must be an integer >= 0, not '2'"
