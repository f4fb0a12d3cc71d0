"""Right and wrong consumers of several documents at once: each document is judged alone."""

from __future__ import annotations

import pytest
from batches import BATCHES, WITH_A_TURN
from jobs import FAULTS, Job
from test_architectures import verdict

from pytest_parseapi.checks.finding import findings_of

DRIVERS = pytest.mark.parametrize("drive", BATCHES, ids=lambda drive: drive.__name__)
LASTS = pytest.mark.parametrize("seconds", [0, 0.7], ids=["", "slow"])
COUNT = 6
MOST_LINES = 60


def jobs_of(api, fault=None):
    return [Job(api, fault, name=f"{number}.pdf") for number in range(COUNT)]


@DRIVERS
@LASTS
def test_right_batches_are_not_accused(extend_api, drive, seconds):
    extend_api.replies_take(seconds=seconds)
    extend_api.fail("OCR_ERROR", document="1.pdf")
    extend_api.fail("CORRUPT_FILE", document="2.pdf")
    extend_api.fail("INTERNAL_ERROR", times=3, document="3.pdf")
    extend_api.fail("RATE_LIMIT_EXCEEDED", retry_after=7, document="4.pdf")
    extend_api.fail("OCR_ERROR", times=4, document="5.pdf")
    drive(jobs_of(extend_api))
    assert verdict(extend_api) == set()
    for number, times in ((1, 1), (3, 3), (4, 1)):
        extend_api.assert_recovered(document=f"{number}.pdf")
        extend_api.assert_retried(times=times, document=f"{number}.pdf")
    extend_api.assert_not_retried(document="2.pdf")
    extend_api.assert_gave_up(attempts=4, document="5.pdf")
    extend_api.assert_parsed_once()


@DRIVERS
@LASTS
def test_all_documents_may_fail_together(extend_api, drive, seconds):
    extend_api.replies_take(seconds=seconds)
    for number in range(COUNT):
        extend_api.fail("OCR_ERROR", times=3, document=f"{number}.pdf")
    drive(jobs_of(extend_api))
    assert verdict(extend_api) == set()
    extend_api.assert_retried(times=3)
    extend_api.assert_recovered()


def wrong_batches():
    for fault in FAULTS:
        for drive in BATCHES:
            # Rounds wait for the longest pause, and looks at a clock are not equal.
            if fault != "waits for a constant time":
                yield pytest.param(fault, drive, id=f"{fault}-{drive.__name__}")


@pytest.mark.parametrize(("fault", "drive"), list(wrong_batches()))
@LASTS
def test_wrong_batches_are_caught_by_the_rule_that_names_the_fault(
    extend_api, drive, fault, seconds
):
    if seconds and fault == "does not wait" and drive in WITH_A_TURN:
        pytest.skip("whoever waits in a queue has waited")
    extend_api.replies_take(seconds=seconds)
    errors, more, kind = FAULTS[fault]
    for number in (1, 2, 4):
        extend_api.fail(*errors, document=f"{number}.pdf", **more)
    drive(jobs_of(extend_api, fault))
    with pytest.raises(AssertionError) as failure:
        extend_api.assert_follows_documentation()
    found = findings_of(failure.value)
    assert kind in {finding.kind for finding in found}
    text = str(failure.value)
    assert len(text.partition("\ntimeline")[2].splitlines()) <= MOST_LINES
    subject = found[0].subject
    if subject is not None and subject.document is not None:
        name = subject.document.rpartition("/")[2]
        assert name in text.partition("\ntimeline")[2]
