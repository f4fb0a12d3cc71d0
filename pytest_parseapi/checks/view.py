"""What checks look at, and how they say what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from pytest_parseapi.model.mistakes import document_name
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.timeline import draw, short_document
from pytest_parseapi.service.webhook_sender import WebhookAnswer

__all__ = ["NOT_RETRIED", "Finding", "Record", "counted", "fail", "nothing_to_check"]

NOT_RETRIED: Final = "assert_retried() tells which failures the consumer should have retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken rule.

    Args:
        rule: what should have held, in a sentence.
        where: the operation it concerns.
        expected: what a right consumer shows.
        seen: what this one showed.
        nearest: the nearest thing to what was expected, or an empty text.
        advice: what to look at next.
    """

    rule: str
    where: str = ""
    expected: str
    seen: str
    nearest: str = ""
    advice: str = ""

    def text(self) -> str:
        """The finding as labelled lines, without its rule."""
        rows = {
            "operation": self.where,
            "expected": self.expected,
            "seen": self.seen,
            "nearest": self.nearest,
            "next": self.advice,
        }
        return "\n".join(
            f"  {label:<11}" + value.replace("\n", "\n" + " " * 13)
            for label, value in rows.items()
            if value
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One provider's side of one test, as checks see it."""

    provider: Provider
    attempts: Sequence[Attempt]
    operations: Sequence[Operation]
    credentials: frozenset[str]
    lines: Callable[[str | None], list[Line]]
    """Reads the evidence, with a further text."""
    runs: Sequence[Run] = ()
    """Asynchronous runs, oldest first."""
    answers: Sequence[WebhookAnswer] = ()
    """How the consumer's receiver answered webhook deliveries, oldest first."""

    @property
    def failed_operations(self) -> list[Operation]:
        """The operations with a failed attempt."""
        return [operation for operation in self.operations if operation.failed]

    def about(self, document: str | None, rule: str) -> Record:
        """The record narrowed to one document; fails where no request was about it."""
        document = document_name(document)
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
        return replace(self, operations=operations, attempts=attempts, runs=runs)

    def advice(self, rule: str, otherwise: str = "") -> str:
        """The provider's advice on a rule with its page."""
        found = self.provider.advice_for(rule)
        if found is None:
            return otherwise
        return f"{self.provider.title}: {found.text} ({found.source})"

    def picture(self) -> str:
        """The timeline."""
        return draw(self.provider.title, self.attempts)


def fail(record: Record, findings: Sequence[Finding]) -> None:
    """Raise one `AssertionError` for all findings; do nothing where there is none."""
    if not findings:
        return
    if len(findings) == 1:
        body = f"rule broken: {findings[0].rule}\n{findings[0].text()}"
    else:
        texts = [
            f"{number}. {finding.rule}\n{finding.text()}"
            for number, finding in enumerate(findings, 1)
        ]
        body = f"{len(findings)} rules broken\n\n" + "\n\n".join(texts)
    raise AssertionError(f"{body}\n\n{record.picture()}")


def nothing_to_check(
    record: Record, rule: str, seen: str, nearest: str = "", *, advice: str = ""
) -> NoReturn:
    """Fail because a check that had nothing to look at proves nothing."""
    if not record.attempts:
        seen = "no request reached the simulated API"
        advice = f"call the consumer in the test; it should ask {record.provider.base_url}"
    finding = Finding(
        rule=rule,
        expected="something to check",
        seen=f"{seen}, so this proves nothing",
        nearest=nearest,
        advice=advice
        or "script a failure that the consumer meets, such as api.fail("
        f"{_example(record.provider)})",
    )
    raise AssertionError(f"nothing to check: {rule}\n{finding.text()}\n\n{record.picture()}")


def counted(number: int, noun: str) -> str:
    """A number of things, as a finding says it: ``"1 retry"``, ``"2 retries"``."""
    if number != 1:
        noun = noun[:-1] + "ies" if noun.endswith("retry") else noun + "s"
    return f"{number} {noun}"


def _example(provider: Provider) -> str:
    retryable = [error for error in provider.errors if error.retryable]
    return repr(retryable[0].code) if retryable else "'read_timeout'"
