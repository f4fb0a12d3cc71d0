"""The message about scripted failures that no request met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from pytest_parseapi.model.errors import DocumentedError
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.plugin import markers
from pytest_parseapi.service.run_script import RunStep
from pytest_parseapi.service.script import Scripted, Step
from pytest_parseapi.service.service import SimulatedService

Unused: TypeAlias = tuple[Provider, Scripted | RunStep]


def unmet_lines(
    service: SimulatedService, step: Scripted | RunStep, case: markers.ErrorCase | None
) -> Iterator[str]:
    """The lines about one failure, and why requests did not meet it.

    Args:
        service: whose failure it is.
        step: the failure.
        case: the case of ``each_parse_error`` that scripted it, if one did.
    """
    provider = service.provider
    if case is not None and case.surface == "webhook":
        yield f"  {case}: make its delivery by {provider.in_tests}.webhook()"
        return
    met = f" (met {step.met} of {step.times:g} times)" if step.met else ""
    yield f"  {provider.name}: {step}{met}"
    what = "new run" if isinstance(step, RunStep) else "request"
    for reason in step.passed:
        yield f"      a {what} did not meet it: {reason}"
    if isinstance(step, RunStep):
        if not step.passed:
            path = provider.main_endpoint
            yield f"      no run was created; {path} fails by fail()"
    elif (
        isinstance(step, Step)
        and "run" in getattr(step.error, "surfaces", ())
        and _is_impossible(step, service)
    ):
        yield "      a run fails by fail_run() or the marker parse_run_failed"


def asked_elsewhere(
    unused: Sequence[Unused], services: Iterable[SimulatedService]
) -> Iterator[str]:
    """The providers that got requests, if the one with the script got none."""
    listed = list(services)
    meant = {provider.name for provider, _ in unused}
    asked = [service for service in listed if service.journal.attempts]
    if any(service.provider.name in meant for service in asked):
        return
    for service in asked:
        first = service.journal.attempts[0]
        yield (
            f"{service.provider.title} was asked instead ({first.method} {first.endpoint}): its "
            f"fixture is {service.provider.in_tests}"
        )


def what_to_do(
    unused: Sequence[Unused],
    services: Mapping[str, SimulatedService],
    case: markers.ErrorCase | None,
) -> str:
    """How to fix the test; without ``strict=False`` if no request can meet the error."""
    for provider, step in unused:
        if not isinstance(step, Step) or not _is_impossible(step, services[provider.name]):
            return "@pytest.mark.parseapi(strict=False) allows that."
    provider, step = unused[0]
    assert isinstance(step, Step)
    assert isinstance(step.error, DocumentedError)
    paths = ", ".join(item.endpoint for item in services[provider.name].journal.attempts[:1])
    if case is not None:
        return (
            f"No request to {paths} can meet {step.error.code}: each_parse_error(endpoint="
            f"{paths!r}) keeps what that endpoint documents, and exclude=[{step.error.code!r}] "
            "leaves this error out."
        )
    known = " or ".join(step.error.endpoints)
    return (
        f"No request to {paths} can meet {step.error.code}: {known} documents it, so leave it out "
        f"or ask that endpoint."
    )


def _is_impossible(step: Step, service: SimulatedService) -> bool:
    """Whether no endpoint that got a request documents the error."""
    error = step.error
    paths = {item.endpoint for item in service.journal.attempts}
    if not isinstance(error, DocumentedError) or not paths or step.endpoints:
        return False
    return not any(error.documented_for(path) for path in paths)
