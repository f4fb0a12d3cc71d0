"""A finding: one broken rule, with what was expected and seen, and its text in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pytest_parseapi.checks.kinds import Kind
from pytest_parseapi.model.mistakes import counted
from pytest_parseapi.model.printable_text import printable, shortened
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.run import Run
from pytest_parseapi.record.webhook import WebhookDelivery

GIVES_UP: Final = (
    "assert_gave_up() is the check for a consumer that gives up rather than wait out a long "
    "Retry-After"
)
NOT_RETRIED: Final = "assert_retried() tells which failures the consumer should have retried"
_MOST_OF_DOCUMENT: Final = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a finding.

    Args:
        kind: what it is.
        name: an endpoint with its method, a run's id, or an event's type and id.
        document: the document that an operation, a run or an event is about.
    """

    kind: Literal["operation", "endpoint", "run", "event"]
    name: str
    document: str | None = None

    @classmethod
    def operation(cls, operation: Operation) -> Subject:
        """One document through one endpoint."""
        return cls("operation", str(operation.endpoint), operation.document)

    @classmethod
    def endpoint(cls, attempt: Attempt) -> Subject:
        """The endpoint of one attempt, without its document."""
        return cls("endpoint", f"{attempt.method} {attempt.endpoint}")

    @classmethod
    def run(cls, run: Run) -> Subject:
        """A run and its document."""
        return cls("run", run.id, run.document)

    @classmethod
    def run_id(cls, run_id: str) -> Subject:
        """A run, without its document."""
        return cls("run", run_id)

    @classmethod
    def event(cls, delivery: WebhookDelivery) -> Subject:
        """A webhook event, and what is wrong with its delivery."""
        wrong = f" ({delivery.wrong})" if delivery.wrong else ""
        return cls("event", f"{delivery.event_type} {delivery.event_id}{wrong}", delivery.document)

    def __str__(self) -> str:
        if not self.document:
            return self.name
        return f"{self.name}  {shortened(self.document, _MOST_OF_DOCUMENT)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken rule.

    Args:
        kind: the kind of rule. Code decides by it, never by the text of a message.
        rule: the rule that should hold, as a sentence.
        subject: its subject; None for the whole test.
        expected: what a right consumer does.
        seen: what this consumer did.
        nearest: what comes nearest to the expected, or an empty text.
        advice: what to look at next.
        attempts: the numbers of the attempts that show it.
        page: the address of the provider's page behind the rule, or an empty text.
    """

    kind: Kind = "other"
    rule: str
    subject: Subject | None = None
    expected: str
    seen: str
    nearest: str = ""
    advice: str = ""
    attempts: tuple[int, ...] = ()
    page: str = ""

    def text(self) -> str:
        """The finding as labelled lines, without its rule."""
        rows = {
            "operation": "" if self.subject is None else str(self.subject),
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

    def fields(self) -> dict[str, str | None]:
        """The finding for programs: ``rule``, ``expected``, ``seen``, ``nearest``, ``next``."""
        texts = {
            "rule": self.rule,
            "expected": self.expected,
            "seen": self.seen,
            "nearest": self.nearest,
            "next": self.advice,
        }
        return {name: text or None for name, text in texts.items()}


def body_of(findings: Sequence[Finding]) -> str:
    """The text of a failing check, for one or several findings."""
    if len(findings) == 1:
        return f"rule broken: {findings[0].rule}\n{findings[0].text()}"
    firsts = {finding.rule: finding for finding in reversed(findings)}
    # Each rule is shown once before any is shown again.
    ordered = [item for item in findings if item is firsts[item.rule]]
    ordered += [item for item in findings if item is not firsts[item.rule]]
    texts = []
    for number, finding in enumerate(ordered[:_MAX_WHOLE_FINDINGS], 1):
        again = finding.advice == firsts[finding.rule].advice and number > len(firsts)
        told = replace(finding, advice="") if again else finding
        texts.append(f"{number}. {finding.rule}\n{told.text()}")
    rest: dict[str, list[str]] = {}
    for finding in ordered[_MAX_WHOLE_FINDINGS:]:
        rest.setdefault(finding.rule, []).append(str(finding.subject or finding.seen))
    more = [f"{len(places)} more: {rule}: {', '.join(places)}" for rule, places in rest.items()]
    texts += ["\n".join(more)] if more else []
    times = "" if len(firsts) == len(findings) else f", {len(findings)} times in all"
    return f"{counted(len(firsts), 'rule')} broken{times}\n\n" + "\n\n".join(texts)


# How many findings are shown in full. Of the others, only the subjects are named.
_MAX_WHOLE_FINDINGS: Final = 5


def asked_to_wait(last: Attempt) -> str:
    """Advice for a consumer that stopped after a ``Retry-After``; empty for others."""
    if last.retry_at is None:
        return ""
    return f"the reply asked to wait (Retry-After: {last.retry_after}); {GIVES_UP}"


_FINDINGS: Final = "parseapi_findings"


def check_error(text: str, findings: Iterable[Finding]) -> AssertionError:
    """Make the exception of a failing check."""
    error = AssertionError(printable(text))
    # No class of its own: testers know the name `AssertionError`.
    error.__dict__[_FINDINGS] = tuple(findings)
    return error


def findings_of(error: AssertionError) -> tuple[Finding, ...]:
    """The findings of a failing check; empty for any other `AssertionError`."""
    found: tuple[Finding, ...] = error.__dict__.get(_FINDINGS, ())
    return found


_CHECK: Final = "parseapi_check"


def name_check(error: AssertionError, check: str) -> None:
    """Note in an exception which check of a `ParseAPI` failed."""
    error.__dict__[_CHECK] = check


def check_of(error: AssertionError) -> str:
    """The check that failed, such as ``"assert_recovered"``; an empty text for any other."""
    found: str = error.__dict__.get(_CHECK, "")
    return found


def numbers_of(attempts: Iterable[Attempt]) -> tuple[int, ...]:
    """The numbers of attempts, for a finding about them."""
    return tuple(attempt.number for attempt in attempts)
