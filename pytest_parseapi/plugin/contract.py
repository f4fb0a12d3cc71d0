"""`ParseErrorContract`: every rule for a client, as a test class to derive from."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final

import pytest

from pytest_parseapi.api.internals import note_check
from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.case_kinds import (
    CASE_KINDS,
    PARSING,
    CaseKind,
    case_kinds_of,
)
from pytest_parseapi.contract.cases import Case
from pytest_parseapi.contract.policy import RULES, ContractPolicy
from pytest_parseapi.contract.preflight import parse_mistake
from pytest_parseapi.model.lookup import SURFACES
from pytest_parseapi.model.mistakes import SimulationStopped, UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.plugin.contract_results import preflight_of, report_broken
from pytest_parseapi.plugin.session import session_of
from pytest_parseapi.providers.registry import built_in_providers, provider_named

_ARGUMENT: Final = "contract_case"
_PREFIX: Final = "test_"
_MIN_LIKENESS: Final = 0.85

Factory = Callable[[str], ParseAPI]
Marks = pytest.MarkDecorator | Collection[pytest.MarkDecorator]


class ParseErrorContract(ContractPolicy):
    """One test for each failure that a provider documents, and for each network fault.

    Derive a test class and write `parse`. Class attributes state the consumer's policy or turn
    single rules off: see `ContractPolicy`. A failure names the rule that is broken in brackets.

    Example:
        >>> class TestOurClient(ParseErrorContract):
        ...     provider = "extend"
        ...     max_attempts = 4
        ...
        ...     def parse(self, document):
        ...         return our_app.parse(document)
    """

    marks: ClassVar[Mapping[str, Marks]] = {}
    """Marks for single cases, such as ``pytest.mark.xfail(...)``: by their id
    (``"extend-OCR_ERROR"``), or by test and id (``"test_backoff[extend-OCR_ERROR]"``)."""

    def parse(self, document: Any) -> Any:
        """Parse one document with the consumer; may be a coroutine function.

        Args:
            document: the class's `document`; by default a URL for Extend, and the path of a small
                real PDF for Nutrient.

        Returns:
            The consumer's result.
        """
        raise NotImplementedError("a ParseErrorContract needs a parse(self, document)")

    parse._is_missing = True  # type: ignore[attr-defined]

    @pytest.fixture(autouse=True)
    def _contract_item(self, request: pytest.FixtureRequest) -> None:
        """Keep the item, and give the class's own fixtures what the consumer is to be set to."""
        self._item: pytest.Item = request.node
        try:
            provider = provider_named(session_of(request.config).providers, self.provider)
        except UsageError as error:
            raise pytest.UsageError(f"{type(self).__name__}: {error}") from None
        _fill_in(self, provider)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each case."""
        if _ARGUMENT not in metafunc.fixturenames:
            return
        name = metafunc.function.__name__
        try:
            provider = provider_named(session_of(metafunc.config).providers, self.provider)
            cases = self._cases(name, provider)
        except UsageError as error:
            where = metafunc.definition.nodeid
            raise pytest.Collector.CollectError(f"{where}: {error}") from None
        if cases:
            given = [
                pytest.param(case, id=case.id, marks=self._marks(name, case)) for case in cases
            ]
        else:
            reason = f"not asked of this consumer of {provider.title}"
            given = [pytest.param(None, id=provider.name, marks=pytest.mark.skip(reason=reason))]
        metafunc.parametrize(_ARGUMENT, given)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A subclass of it has imported it; nobody else pays for that.
        unittest = sys.modules.get("unittest")
        if unittest is not None and issubclass(cls, unittest.TestCase):
            raise TypeError(f"{cls.__name__} is a plain class, without unittest.TestCase")
        _check_names(cls)
        asked = {_PREFIX + kind.name for kind in case_kinds_of(cls)}
        for kind in CASE_KINDS.values():
            name = _PREFIX + kind.name
            if name in vars(cls):
                continue
            # pytest passes over what is not callable: no test, where one would have no sense.
            if name not in asked:
                setattr(cls, name, None)
            elif getattr(cls, name) is None:
                setattr(cls, name, vars(ParseErrorContract)[name])
        for provider in built_in_providers():
            if provider.name == cls.provider:
                _fill_in(cls, provider)

    def _hold(self, kind: CaseKind, case: Case, factory: Factory) -> None:
        """Try one case, and fail the test for every rule that is broken."""
        # What the first case finds out holds for all of them.
        preflight = preflight_of(self._item, type(self))
        preflight.skip_where_others_failed(self._item)
        api = factory(self.provider)
        if self.handle_webhook is not None:
            secret = api.webhook_secret  # from now on it must appear in no log
            self.webhook_secret = self.webhook_secret or secret
        harness = Harness(api=api, parse=self.parse, policy=self)
        try:
            violations = kind.violations(case, harness)
        except SimulationStopped:
            preflight.stopped(self._item, harness)
            raise
        if not kind.name.endswith("webhook"):
            preflight.run(self._item, harness)
        if violations:
            report_broken(api, violations)
        note_check(api, "contract")

    def _cases(self, name: str, provider: Provider) -> list[Case]:
        kind = CASE_KINDS.get(name.removeprefix(_PREFIX))
        if kind is None:
            known = [_PREFIX + item for item in CASE_KINDS]
            raise UsageError(f"no test of a contract is named {name!r}: {nearest(name, known)}")
        self._check_marks(provider)
        cases = list(kind.cases(provider, self))
        mistake = parse_mistake(self.parse) if self.surface in PARSING else ""
        if mistake:
            raise UsageError(f"{type(self).__name__}: {mistake}")
        return cases

    def _marks(self, name: str, case: Case) -> Collection[pytest.MarkDecorator]:
        found: list[pytest.MarkDecorator] = []
        for key in (case.id, f"{name}[{case.id}]"):
            marks = self.marks.get(key, ())
            found += [marks] if isinstance(marks, pytest.MarkDecorator) else marks
        return found

    def _check_marks(self, provider: Provider) -> None:
        known: list[str] = []
        for kind in case_kinds_of(type(self)):
            for case in kind.cases(provider, self):
                known += [case.id, f"{_PREFIX}{kind.name}[{case.id}]"]
        for key in self.marks:
            if key not in known:
                raise UsageError(f"marks: no case {key!r}: {nearest(key, dict.fromkeys(known))}")


def _test_of(kind: CaseKind) -> Callable[[ParseErrorContract, Case, Factory], None]:
    """The test function of a kind of cases."""

    def test(self: ParseErrorContract, contract_case: Case, parseapi_factory: Factory) -> None:
        self._hold(kind, contract_case, parseapi_factory)

    test.__name__ = _PREFIX + kind.name
    test.__qualname__ = f"{ParseErrorContract.__name__}.{test.__name__}"
    test.__doc__ = kind.text
    return test


for _kind in CASE_KINDS.values():
    setattr(ParseErrorContract, _PREFIX + _kind.name, _test_of(_kind))


def _fill_in(contract: ParseErrorContract | type[ParseErrorContract], provider: Provider) -> None:
    """Give a contract, or one case of it, what it does not say of its own."""
    contract.api_key = contract.api_key or provider.api_key
    contract.base_url = contract.base_url or provider.base_url
    if contract.handle_webhook is not None and provider.webhooks is not None:
        contract.webhook_secret = contract.webhook_secret or provider.webhooks.signing.secret


def _check_names(cls: type[ParseErrorContract]) -> None:
    """A misspelt attribute would turn nothing off and say nothing."""
    known = [name for name in vars(ContractPolicy) if not name.startswith("_")]
    for name, value in vars(cls).items():
        if (
            name.startswith("_")
            or name in known
            or callable(value)
            or hasattr(ParseErrorContract, name)
        ):
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=_MIN_LIKENESS)
        if near:
            raise TypeError(f"{cls.__name__}.{name} is no policy: did you mean {near[0]!r}?")
    for name in RULES:
        value = getattr(cls, name)
        if value is not None and not isinstance(value, bool) and not callable(value):
            raise TypeError(f"{cls.__name__}.{name} must be True or False, not {value!r}")
    for name in ("max_attempts", "max_submissions"):
        most = getattr(cls, name)
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise TypeError(f"{cls.__name__}.{name} must be an integer >= 1, not {most!r}")
    if cls.surface not in SURFACES:
        raise TypeError(
            f"surface {cls.surface!r} of {cls.__name__}: {nearest(cls.surface, SURFACES)}"
        )
    if cls.surface not in PARSING and cls.handle_webhook is None:
        raise TypeError(
            f"{cls.__name__} has surface = {cls.surface!r}, so it needs a "
            "handle_webhook(self, body, headers)"
        )
