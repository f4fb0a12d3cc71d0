"""Calls that type checkers must refuse, each with an error on its line; never run."""

from __future__ import annotations

from pytest_parseapi import ParseAPI


def wrong(api: ParseAPI) -> None:
    api.fail(None)  # wrong
    api.fail("OCR_ERROR", times="2")  # wrong
    api.fail("OCR_ERROR", document=3)  # wrong
    api.fail("OCR_ERROR", until=3)  # wrong
    api.fail_run("CORRUPT_FILE", polls="one")  # wrong
    api.replies_take(seconds="2")  # wrong
    api.attempts = []  # wrong
    api.assert_retried(times="2")  # wrong
    api.assert_backoff(jitter="half")  # wrong
    api.assert_request_id_logged("each")  # wrong
    api.assert_happy()  # wrong
    api.webhook(error=3.5)  # wrong
    api.deliver("text", print)  # wrong
