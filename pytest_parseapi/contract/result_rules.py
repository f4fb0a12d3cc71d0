"""Rules on what ``parse`` gives: a failure is told, and told as what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from pytest_parseapi.checks.record import Finding
from pytest_parseapi.contract.breach import Breach
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.contract.trial import Trial
from pytest_parseapi.timeline import describe_error

__all__ = ["clear_errors", "raises"]

# What code raises on its way to an error that it did not foresee.
_UNRELATED: Final = (
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NameError,
    RecursionError,
    TypeError,
    UnboundLocalError,
    UnicodeDecodeError,
)
# A ValueError may be the consumer's own, but not with what Python says in one.
_UNFORESEEN: Final = re.compile(
    r".* is not a valid [\w.]+|invalid literal for int\(\) .*|could not convert string to float: .*"
    r"|(not enough|too many) values to unpack .*|time data .* does not match format .*"
    r"|unconverted data remains: .*|Invalid isoformat string: .*",
    re.DOTALL,
)
_BROKEN_SUCCESS: Final = ("invalid_json", "truncated_body")


def raises(trial: Trial, policy: ContractPolicy) -> Iterator[Breach]:
    """A failure at the end is raised, and no broken body is taken for a result."""
    last = trial.last
    run = trial.failed_run
    if policy.raises and run is not None and trial.error is None and not trial.stopped:
        yield Breach(
            "raises",
            Finding(
                rule="parse raises where the run failed",
                where=run.id,
                expected="an exception that says why the run failed",
                seen=f"{trial.outcome} although run {run.id} ended FAILED: {run.failure_reason}",
                advice=trial.record.advice("polling"),
            ),
        )
    # Who tells failures by what it returns is the only one to read it.
    if not policy.raises or last is None or not last.failed:
        return
    if trial.error is not None or trial.stopped:
        return
    broken = last.error in _BROKEN_SUCCESS
    yield Breach(
        "rejects_broken_success" if broken else "raises",
        Finding(
            rule="a 200 with a broken body is no result"
            if broken
            else "parse raises where the last attempt failed",
            where=f"{last.method} {last.endpoint}",
            expected="an exception that says what failed",
            seen=f"{trial.outcome} after the {describe_error(last)} of attempt {last.number}",
            advice="read the body before trusting the status"
            if broken
            else "raise, so that no caller takes a failed document for a parsed one; a consumer "
            "that tells failures otherwise states raises = False",
        ),
    )


def clear_errors(trial: Trial, _policy: ContractPolicy) -> Iterator[Breach]:
    """What is raised is about the failure."""
    error = trial.error
    if error is None or not _is_unforeseen(error):
        return
    last = trial.last
    met = "" if last is None else f" on the {describe_error(last)} of attempt {last.number}"
    yield Breach(
        "clear_errors",
        Finding(
            rule="an error that was not foreseen is still told as the API's failure",
            expected="an exception about the failed request",
            seen=f"{type(error).__name__}: {error}{met}",
            advice="bodies may lack fields, carry codes added later, or be a gateway's HTML: read "
            "them with .get() and with a default, and catch what decoding raises",
        ),
    )


def _is_unforeseen(error: Exception) -> bool:
    kind = type(error)
    return (
        isinstance(error, json.JSONDecodeError)
        or kind in _UNRELATED
        or (kind is ValueError and _UNFORESEEN.fullmatch(str(error)) is not None)
        or (kind.__name__ == "ValidationError" and kind.__module__.startswith("pydantic"))
    )
