"""Checks that the logs contain the ids that support needs, and no credential."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from pytest_parseapi.checks.encoded_secrets import EncodedSecret
from pytest_parseapi.checks.finding import Finding, Subject, numbers_of
from pytest_parseapi.checks.kinds import rule_of
from pytest_parseapi.checks.observed import Observed, nothing_to_check, raise_findings
from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.mistakes import UsageError, as_document, check_text, nearest
from pytest_parseapi.record.attempt import Attempt
from pytest_parseapi.record.evidence.line import Line
from pytest_parseapi.record.operation import Operation
from pytest_parseapi.record.timeline import describe_error

Which = Literal["last", "all", "any"]

_MIN_SECRET_CHARS = 8
# A good mask may leave the prefix of a credential, and enough to tell it from others.
_LEAST_SHOWN = 12
_MAX_QUOTED_CHARS = 100
_NEAR_SECRETS = re.compile(r"bearer|authorization|token|api.?key|secret|credential", re.IGNORECASE)


def request_id_logged(
    observed: Observed,
    which: Which = "last",
    level: int | str | None = None,
    text: str | None = None,
    document: str | None = None,
) -> None:
    """Check that the ids of failed replies are in the consumer's logs or output."""
    check_text(text)
    if which not in ("last", "all", "any"):
        meant = as_document(which) or f": {nearest(which, ('last', 'all', 'any'))}"
        raise UsageError(f"which={which!r}{meant}")
    number = level_number(level)
    rule = _id_rule(observed.provider.request_id_name, which, level)
    narrowed = observed.about(document, rule)
    if not narrowed.failed_operations:
        nothing_to_check(narrowed, rule, "no failed attempt is on record")
    wanted = [(item, _asked(item, which)) for item in narrowed.failed_operations]
    if not any(attempts for _, attempts in wanted):
        replies = any(item.failed and item.status is not None for item in narrowed.attempts)
        which_one = "the last failed reply" if which == "last" else "no failed reply"
        carried = f"carried {'no' if which == 'last' else 'a'} {observed.provider.request_id_name}"
        nothing_to_check(
            narrowed,
            rule,
            f"{which_one} on record {carried}" if replies else "no failed attempt got a reply",
            advice="script an error whose reply carries one",
        )
    lines = observed.lines(text)
    raise_findings(
        narrowed,
        [
            finding
            for operation, attempts in wanted
            for finding in unlogged(observed, operation, attempts, lines, which=which, level=number)
        ],
    )


def credential_not_logged(
    observed: Observed, text: str | None = None, document: str | None = None
) -> None:
    """Check that no credential that the consumer sent is in its logs or output."""
    rule = rule_of("credential")
    observed = observed.about(document, rule).with_text(text)
    if not observed.credentials:
        nothing_to_check(
            observed,
            rule,
            "no attempt with a credential is on record",
            advice="send one: api.api_key is accepted, as any other",
        )
    raise_findings(observed, list(leaks(observed)))


def unlogged(
    observed: Observed,
    operation: Operation,
    attempts: Sequence[Attempt],
    lines: Sequence[Line],
    *,
    which: Which = "last",
    level: int | None = None,
) -> Iterator[Finding]:
    """Find failed replies whose ids are in no line."""
    missing = [item for item in attempts if not _logged(item, lines, level)]
    if not missing or (which == "any" and len(missing) < len(attempts)):
        return
    last = missing[-1]
    yield Finding(
        kind="request_id",
        rule=_id_rule(observed.provider.request_id_name, which, level),
        subject=Subject.operation(operation),
        expected=f"{last.request_id} ({describe_error(last)} of attempt {last.number})"
        + ("" if level is None else f" in a record at {logging.getLevelName(level)} or above"),
        seen=_seen(lines),
        nearest=_nearest_line(operation, last, lines, level),
        advice=observed.advice("request_id"),
    )


def leaks(observed: Observed) -> Iterator[Finding]:
    """Find lines that contain a credential."""
    lines = observed.lines(None)
    for credential in sorted(observed.credentials):
        encoded = EncodedSecret.of(credential, observed.credentials)
        found = (
            (item, text, *_given_away(text, credential, encoded))
            for item in lines
            for text in ((item.text,) if item.shown is None else item.shown)
        )
        line, text, shown, form = next((one for one in found if one[2]), (None, "", "", ""))
        if line is not None:
            mask = ("" if len(credential) < _MIN_SECRET_CHARS else credential[:3]) + "***"
            whole = len(credential)
            senders = [item for item in observed.attempts if credential in item._secrets]
            some = len(senders) < len(observed.attempts)
            part = also = ""
            if form:
                part, also = f" ({form})", f", nor {form}"
            elif shown != credential:
                part, also = f" ({len(shown)} of its {whole} characters)", ", nor most of it"
            yield Finding(
                kind="credential",
                rule=rule_of("credential"),
                expected=f"{mask} nowhere{also}",
                seen=_quote(line, text.replace(shown, mask), about=mask) + part,
                advice="log header names, or mask the value of "
                f"{observed.provider.credential.name}",
                attempts=numbers_of(senders) if some else (),
            )


def level_number(level: int | str | None) -> int | None:
    """A checked ``level``: a number of `logging`, or a level's name."""
    if level is None or (isinstance(level, int) and not isinstance(level, bool)):
        return level
    known = logging.getLevelNamesMapping()
    if isinstance(level, str) and level.upper() in known:
        return known[level.upper()]
    named = level if isinstance(level, str) else ""
    raise UsageError(f"level is a level of logging, not {level!r}; {nearest(named, known)}")


def reply_to_log(observed: Observed, operation: Operation) -> list[Attempt]:
    """The last attempt of an operation that failed for good, where its reply had an id to log."""
    last = operation.attempts[-1]
    if not last.failed or last.request_id is None or observed.success_beside(operation):
        return []
    return [] if _is_cured(observed, operation) else [last]


def _is_cured(observed: Observed, operation: Operation) -> bool:
    """Whether the consumer cured the final error of an operation by a changed request."""
    following = (item for item in observed.operations if item.preceding is operation)
    cure = next(following, None)
    return cure is not None and not observed.asked_anew(operation.last, cure.attempts[0])


def _asked(operation: Operation, which: Which) -> list[Attempt]:
    # Unlike `reply_to_log`, of an operation that recovered, too: the test asks for its id by name.
    failed = [attempt for attempt in operation.attempts if attempt.failed]
    # A connection that broke has no reply; the one before it is the last that can be quoted.
    replies = [attempt for attempt in failed if attempt.status is not None]
    if which == "last":
        replies = replies[-1:]
    return [attempt for attempt in replies if attempt.request_id is not None]


def _id_rule(name: str, which: Which, level: int | str | None) -> str:
    whose = {"last": "the last failed reply", "all": "every failed reply", "any": "a failed reply"}
    at = "" if level is None else f" at {_level_name(level)} or above"
    return f"the {name} of {whose[which]} is logged{at}"


def _level_name(level: int | str) -> str:
    return level.upper() if isinstance(level, str) else str(logging.getLevelName(level))


def _logged(attempt: Attempt, lines: Sequence[Line], level: int | None) -> bool:
    return any(
        attempt.request_id is not None
        and attempt.request_id in line.text
        and (level is None or (line.level is not None and line.level >= level))
        for line in lines
    )


def _nearest_line(
    operation: Operation, attempt: Attempt, lines: Sequence[Line], level: int | None
) -> str:
    identifier = attempt.request_id or ""
    for line in lines:
        if identifier in line.text:
            return _quote(line, line.text, about=identifier) + " has it, but not at that level"
    others = [item.request_id for item in operation.attempts if item.failed and item.request_id]
    for line in reversed(lines):
        other = next((item for item in others if item != identifier and item in line.text), None)
        if other:
            return _quote(line, line.text, about=other) + " has the id of another attempt"
    code = attempt.error.code if isinstance(attempt.error, DocumentedError) else None
    for word in (code, str(attempt.status)):
        for line in reversed(lines):
            if word and word in line.text:
                return _quote(line, line.text, about=word) + f" has {word}, but no id"
    if level is not None and lines:
        return ""
    return _quote(lines[-1], lines[-1].text) if lines else ""


def _seen(lines: Sequence[Line]) -> str:
    if not lines:
        return "the consumer logged and printed nothing (below a logger's level does not count)"
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.source] = counts.get(line.source, 0) + 1
    return "not in " + ", ".join(
        f"{number} {'record' if source in ('logging', 'structlog', 'loguru') else 'line'}"
        f"{'' if number == 1 else 's'} of {source}"
        for source, number in counts.items()
    )


def _quote(line: Line, text: str, about: str = "") -> str:
    shown = next((part for part in text.splitlines() if about and about in part), None)
    shown = shown or (text.splitlines() or [""])[0]
    if len(shown) > _MAX_QUOTED_CHARS:
        start = max(0, shown.find(about) - 40) if about else 0
        shown = ("..." if start else "") + shown[start : start + _MAX_QUOTED_CHARS] + "..."
    level = "" if line.level is None else f" {logging.getLevelName(line.level)}"
    return f"{line.source}{level}: {shown!r}"


def _given_away(text: str, secret: str, encoded: EncodedSecret) -> tuple[str, str]:
    """The part of a text that reveals a secret, and the name of its encoding, if any."""
    shown = _shown(text, secret)
    return (shown, "") if shown else encoded.find(text)


def _shown(text: str, secret: str) -> str:
    """The part of a secret that a text reveals: all, most, or none of it."""
    if secret in text:
        return secret if _holds_secret(text, secret) else ""
    least = max(_LEAST_SHOWN, -(-2 * len(secret) // 3))
    for start in range(len(secret) - least + 1):
        end = start + least
        if secret[start:end] in text:
            while end < len(secret) and secret[start : end + 1] in text:
                end += 1
            return secret[start:end]
    return ""


def _holds_secret(text: str, secret: str) -> bool:
    if len(secret) >= _MIN_SECRET_CHARS:
        return True
    # A short secret may be an ordinary word: it counts only near a word such as "token".
    word = re.compile(rf"(?<!\w){re.escape(secret)}(?!\w)")
    return any(
        word.search(part) and _NEAR_SECRETS.search(part.replace(secret, ""))
        for part in text.splitlines()
    )
