"""With real threads, tasks and workers, operations are those of each document parsed alone."""

from __future__ import annotations

from architectures import ARCHITECTURES, in_a_loop
from batches import BATCHES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jobs import Job

PLANS = (
    (),
    ("OCR_ERROR",),
    ("OCR_ERROR", "INTERNAL_ERROR", "OCR_ERROR"),
    ("OCR_ERROR",) * 4,
    ("OCR_ERROR", "CORRUPT_FILE"),
    ("CORRUPT_FILE",),
    ("PASSWORD_PROTECTED_FILE",),
    ("PASSWORD_PROTECTED_FILE", "OCR_ERROR"),
    ("connect_error", "OCR_ERROR"),
)
SETTINGS = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def operations(api, plans, drive, seconds, *, signs=False):
    """For each document what its operations met, after all of them were parsed."""
    api.reset()
    api.replies_take(seconds=seconds)
    jobs = []
    for number, errors in enumerate(plans):
        if errors:
            api.fail(*errors, document=f"{number}.pdf")
        jobs.append(Job(api, signs=signs, name=f"{number}.pdf"))
    drive(jobs)
    found = [[] for _ in plans]
    for operation in api._observed.operations:
        number = int(operation.attempts[0].names[-1].partition(".")[0])
        met = [getattr(attempt.error, "code", attempt.error) for attempt in operation.attempts]
        found[number].append(met)
    return found


def one_after_another(jobs):
    for job in jobs:
        in_a_loop(job)


@SETTINGS
@given(
    plans=st.lists(st.sampled_from(PLANS), min_size=1, max_size=6),
    drive=st.sampled_from(BATCHES),
    seconds=st.sampled_from([0, 0.7]),
    signs=st.booleans(),
)
def test_of_many_documents_at_once(extend_api, plans, drive, seconds, signs):
    together = operations(extend_api, plans, drive, seconds, signs=signs)
    assert together == operations(extend_api, plans, one_after_another, 0)


@SETTINGS
@given(
    plan=st.sampled_from(PLANS),
    drive=st.sampled_from(ARCHITECTURES),
    seconds=st.sampled_from([0, 1]),
)
@example(plan=PLANS[7], drive=ARCHITECTURES[-1], seconds=0)
def test_whoever_makes_the_attempts(extend_api, plan, drive, seconds):
    def bring(jobs):
        drive(jobs[0])

    found = operations(extend_api, [plan], bring, seconds)
    assert found == operations(extend_api, [plan], one_after_another, 0)
