"""The record of one provider as checks see it, and how a check fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, NoReturn

from pytest_parseapi.checks.finding import Finding, Subject, body_of, check_error
from pytest_parseapi.checks.kinds import page_behind
from pytest_parseapi.model.document_names import DocumentNames
from pytest_parseapi.model.errors import DocumentedError, Topic
from pytest_parseapi.model.faults import GATEWAY_PAGES
from pytest_parseapi.model.mistakes import check_text
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.timeline import short_document, timeline_of
from pytest_parseapi.record.webhook import WebhookAnswer

_ON_SOME_ERRORS: Final[frozenset[Topic]] = frozenset(
    {"server_errors", "rate_limits", "final_errors"}
)
"""Topics about some errors, for which the advice on all errors stands in."""
_CATCH: Final = "to retry, catch what the client library raises then, and wait longer each time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One provider's side of one test, as checks see it."""

    provider: Provider
    document_names: DocumentNames
    """Knows which links and ids name the same document."""
    attempts: Sequence[Attempt]
    operations: Sequence[Operation]
    credentials: frozenset[str]
    lines: Callable[[str | None], list[Line]]
    """Returns the lines of the evidence, and those of one more text."""
    runs: Sequence[Run] = ()
    """Asynchronous runs, oldest first."""
    webhook_answers: Sequence[WebhookAnswer] = ()
    """How the consumer's receiver answered webhook deliveries, oldest first."""
    speed: float = 1.0
    """How many seconds of its clients one second of the live server stands for."""
    dropped: int = 0
    """How many older attempts a server has dropped to save memory."""
    notes: Sequence[str] = ()
    """More events for the timeline."""
    others: Sequence[Attempt] = ()
    """The attempts at other documents, if this is narrowed to one document."""
    replaced_sleep: Callable[[], str] = lambda: ""
    """A waiting function that the test had replaced during a request; empty if none."""
    asked_instead: str = ""
    """What got the requests instead, if none reached this provider."""
    own_mock: str = ""
    """What a mock of the test's own replaced, if that got the requests instead."""
    test_calls: Mapping[int, object] = field(default_factory=dict)
    """By number of an attempt, the call of the test that led to it, if that is known."""
    lasting_errors: frozenset[str] = frozenset()
    """The names of errors that were met, and that are scripted without end (``ALWAYS``)."""

    @property
    def failed_operations(self) -> list[Operation]:
        """The operations with a failed attempt."""
        return [operation for operation in self.operations if operation.failed]

    def success_beside(self, operation: Operation) -> Attempt | None:
        """The success of an equal request that ran in parallel to an operation's failed attempts.

        A consumer that hedges sends one request twice, and takes what answers first: a sibling that
        failed needs no retry. Another payload is another part of the document.
        """
        first, last = operation.attempts[0], operation.last
        earlier = {id(item) for item in operation.earlier()}
        for other in self.operations:
            if other is operation or id(other) in earlier or operation in other.earlier():
                continue
            if other.endpoint != operation.endpoint or other.last.document != last.document:
                continue
            success = other.last
            beside = other.attempts[0].started <= last.ended and success.ended >= first.started
            if beside and not success.failed and success.payload_digest == last.payload_digest:
                return success
        return None

    def delivered_between(self, before: Attempt, after: Attempt) -> bool:
        """Whether a webhook about the same run came between two attempts, and may be the cause."""
        return any(
            before.number <= answer.attempts_before < after.number
            and (
                answer.delivery.run_id == after.run_id
                or (
                    answer.delivery.document is not None and answer.delivery.document in after.names
                )
            )
            for answer in self.webhook_answers
        )

    def asked_anew(self, before: Attempt, after: Attempt) -> bool:
        """Whether the provider or the test, and not the consumer, caused the second attempt."""
        calls = [self.test_calls.get(item.number) for item in (before, after)]
        other_call = None not in calls and calls[0] is not calls[1]
        return other_call or self.delivered_between(before, after)

    def waited_for_a_turn(self, retry: Attempt, slack: float) -> bool:
        """Whether a retry began when another request ended, as after a wait for a lock."""
        begun = retry.started
        return any(
            other.started < begun - slack and abs(other.ended - begun) <= slack
            for other in (*self.attempts, *self.others)
            if other.names != retry.names
        )

    def about(self, document: str | None, rule: str) -> Observed:
        """The record of one document; fail if no request was about it."""
        document = self.document_names.given(document)
        if document is None:
            return self
        operations = [
            operation
            for operation in self.operations
            if any(document in attempt.names for attempt in operation.attempts)
        ]
        runs = [run for run in self.runs if document in run.names]
        if not (operations or runs):
            known = sorted({short_document(item.document) for item in self.attempts} - {""})
            nothing_to_check(
                self,
                rule,
                f"no request was about {document!r}",
                nearest="documents on record: " + (", ".join(known) or "none"),
                advice="name a document by its URL, last path segment, file name or id",
            )
        attempts = [attempt for operation in operations for attempt in operation.attempts]
        attempts.sort(key=lambda attempt: attempt.number)
        kept = {attempt.number for attempt in attempts}
        others = [attempt for attempt in self.attempts if attempt.number not in kept]
        ids = {run.id for run in runs}
        answers = [answer for answer in self.webhook_answers if answer.delivery.run_id in ids]
        return replace(
            self,
            operations=operations,
            attempts=attempts,
            others=others,
            runs=runs,
            webhook_answers=answers,
        )

    def with_text(self, text: str | None) -> Observed:
        """The record with one more text as evidence."""
        check_text(text)
        if text is None:
            return self
        lines = self.lines
        return replace(self, lines=lambda more: lines(text if more is None else f"{text}\n{more}"))

    def advice(self, topic: Topic, otherwise: str = "") -> str:
        """The provider's advice on a topic with its page; of retries, else the general one."""
        found = self.provider.advice_for(topic)
        if found is None and topic in _ON_SOME_ERRORS:
            found = self.provider.advice_for("retryable")
        if found is None:
            return otherwise
        return f"{self.provider.title}: {found.text} ({found.source})"

    def advice_on(self, failed: Attempt) -> str:
        """Advice on whether a failed attempt is to be sent again."""
        error, status = failed.error, failed.status or 0
        if isinstance(error, DocumentedError):
            if not error.retryable:
                return self.advice("final_errors")
        elif status < HTTPStatus.BAD_REQUEST:
            what = "no reply arrived" if failed.status is None else "the reply cannot be read"
            return f"{what}, so none says whether to retry: {_CATCH}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.advice("rate_limits")
        # The advice on them is about parsing; elsewhere, a documented error has a flag of its own.
        parses = failed.endpoint == self.provider.main_endpoint
        is_documented = isinstance(error, DocumentedError)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and (parses or not is_documented):
            return self.advice("server_errors")
        return self.advice("retryable")

    def advises_retry(self, failed: Attempt) -> bool:
        """Whether the provider advises to send a failed attempt again."""
        if isinstance(failed.error, DocumentedError):
            return failed.error.retryable
        parses = failed.endpoint == self.provider.main_endpoint
        advised = self.provider.advice_for("server_errors") is not None
        return parses and advised and failed.status in GATEWAY_PAGES

    def timeline(self, finding: Finding | None = None) -> str:
        """The timeline. If it is too long, the attempts of a finding are shown first."""
        return timeline_of(
            self.provider,
            self.attempts,
            self.webhook_answers,
            focus=() if finding is None else _focus(self, finding),
            events=() if finding is None else _events(self, finding),
            notes=self.notes,
            dropped=self.dropped,
        )


def raise_findings(observed: Observed, findings: Sequence[Finding]) -> None:
    """Raise one `AssertionError` for all findings; do nothing where there is none."""
    if findings:
        provider = observed.provider
        known = [
            replace(
                item,
                page=item.page or page_behind(provider, item.kind),
                attempts=item.attempts or tuple(sorted(_focus(observed, item))),
            )
            for item in findings
        ]
        raise check_error(f"{body_of(findings)}\n\n{observed.timeline(findings[0])}", known)


def _focus(observed: Observed, finding: Finding) -> set[int]:
    """The numbers of the attempts that belong to a finding."""
    told = set(finding.attempts)
    operations = [
        operation
        for operation in observed.operations
        if Subject.operation(operation) == finding.subject
        or any(attempt.number in told for attempt in operation.attempts)
    ]
    found = {attempt.number for operation in operations for attempt in operation.attempts}
    if finding.subject is None or (found and finding.subject.kind != "run"):
        # The polls of a run that such an operation created belong to it, too.
        made = {a.run_id for o in operations for a in o.attempts} - {None}
        return found | {item.number for item in observed.attempts if item.run_id in made}
    about = finding.subject.name
    told_of = _events(observed, finding)
    ids = {
        item.delivery.run_id
        for item in observed.webhook_answers
        if item.delivery.event_id in told_of
    }
    names = {name for run in observed.runs if run.id == about for name in run.names}
    return found | {
        attempt.number
        for attempt in observed.attempts
        if attempt.run_id == about
        or attempt.run_id in ids
        or names.intersection(attempt.names)
        or Subject.endpoint(attempt) == finding.subject
    }


def _events(observed: Observed, finding: Finding) -> set[str]:
    """The ids of the events that belong to a finding."""
    return {
        item.delivery.event_id
        for item in observed.webhook_answers
        if Subject.event(item.delivery) == finding.subject
    }


def nothing_to_check(
    observed: Observed, rule: str, seen: str, nearest: str = "", *, advice: str = ""
) -> NoReturn:
    """Fail, since a check without anything to judge proves nothing."""
    if not observed.attempts:
        seen = "no request reached the simulated API"
        if observed.asked_instead:
            seen = f"no request reached {observed.provider.title}: {observed.asked_instead}"
        advice = f"call the consumer in the test; it should ask {observed.provider.base_url}"
        if observed.own_mock:
            advice = (
                f"remove the test's own mock of {observed.own_mock}: the simulated API answers "
                "the consumer without one"
            )
    proves_nothing(
        observed,
        rule,
        seen,
        nearest,
        advice=advice
        or "script a failure that the consumer meets, such as api.fail("
        f"{example_code(observed.provider)})",
    )


def proves_nothing(
    observed: Observed, rule: str, seen: str, nearest: str = "", *, advice: str
) -> NoReturn:
    """Fail, since a check had nothing to judge, although there may be requests."""
    finding = Finding(
        kind="nothing_to_check",
        rule=rule,
        expected="something to check",
        seen=f"{seen}, so this proves nothing",
        nearest=nearest,
        advice=advice,
    )
    text = f"nothing to check: {rule}\n{finding.text()}\n\n{observed.timeline()}"
    raise check_error(text, [finding])


def example_code(provider: Provider, surface: str = "http") -> str:
    """The code of a retryable error for an example; a time-out if the provider has none."""
    errors = [error for error in provider.errors_on(surface) if error.retryable]
    return repr(errors[0].code) if errors else "'read_timeout'"
