"""Right and wrong consumers in each architecture get the same verdict."""

from __future__ import annotations

import logging

import pytest
from architectures import ARCHITECTURES, BY_TIMES_OF_DAY, by_a_worker_of_celery
from jobs import FAULTS, LIMIT, SCRIPTS, Job

from pytest_parseapi.checks.finding import findings_of

DRIVERS = pytest.mark.parametrize("drive", ARCHITECTURES, ids=lambda drive: drive.__name__)


def verdict(api):
    """The kinds of findings, without that nothing could be judged."""
    try:
        api.assert_follows_documentation()
    except AssertionError as error:
        kinds = {finding.kind for finding in findings_of(error)}
        return kinds - {"nothing_to_check"}
    return set()


@DRIVERS
@pytest.mark.parametrize("signs", [False, True], ids=["", "signs"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_right_consumer_is_not_accused(extend_api, drive, script, signs):
    scripted = SCRIPTS[script]
    if scripted is not None:
        errors, more = scripted
        extend_api.fail(*errors, **more)
    job = Job(extend_api, signs=signs)
    drive(job)
    assert verdict(extend_api) == set()
    if script in ("a failure", "three failures", "a rate limit", "a lost connection"):
        extend_api.assert_recovered(document="a.pdf")
        extend_api.assert_retried(times=3 if script == "three failures" else 1)
    if script == "failures to the end":
        extend_api.assert_gave_up(attempts=LIMIT)
    if script in ("a final error", "a locked file"):
        extend_api.assert_not_retried()
    if job.status == 200:
        extend_api.assert_parsed_once()


def wrong_consumers():
    for fault in FAULTS:
        for drive in ARCHITECTURES:
            # One run proves nothing by waits that differ by some milliseconds.
            if fault != "waits for a constant time" or drive not in BY_TIMES_OF_DAY:
                yield pytest.param(fault, drive, id=f"{fault}-{drive.__name__}")


@pytest.mark.parametrize(("fault", "drive"), list(wrong_consumers()))
@pytest.mark.parametrize("signs", [False, True], ids=["", "signs"])
def test_a_wrong_consumer_is_caught_by_the_rule_that_names_its_fault(
    extend_api, drive, fault, signs
):
    errors, more, kind = FAULTS[fault]
    extend_api.fail(*errors, **more)
    drive(Job(extend_api, fault, signs=signs))
    assert kind in verdict(extend_api)


def test_a_worker_leaves_the_loggers_alone(extend_api):
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    by_a_worker_of_celery(Job(extend_api))
    assert (root.level, root.handlers) == before
