"""`ParseErrorContract`: the whole audit of a client, as a test class to derive from."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final

import pytest

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.checks.observed import fail
from pytest_parseapi.contract.cases import TESTS, Case, cases_of
from pytest_parseapi.contract.plays import play
from pytest_parseapi.contract.policy import RULES, ContractPolicy
from pytest_parseapi.contract.trial import Stage
from pytest_parseapi.model.mistakes import UsageError, nearest
from pytest_parseapi.model.provider import Provider
from pytest_parseapi.plugin.session import session_of
from pytest_parseapi.providers.registry import built_in_providers, provider_named

__all__ = ["ParseErrorContract"]

_ARGUMENT: Final = "contract_case"
_PREFIX: Final = "test_"
_LIKE: Final = 0.85

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

    def test_success(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A document is parsed where nothing fails."""
        self._hold(contract_case, parseapi_factory)

    def test_documented_error(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """An error that comes once is retried if it may be, and is told if it may not."""
        self._hold(contract_case, parseapi_factory)

    def test_lasting_error(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """An error that stays is given up on, and told."""
        self._hold(contract_case, parseapi_factory)

    def test_network_fault(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A network fault or broken body that comes once is survived."""
        self._hold(contract_case, parseapi_factory)

    def test_lasting_network_fault(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A network fault or broken body that stays is given up on, and told."""
        self._hold(contract_case, parseapi_factory)

    def test_backoff(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """Waits grow exponentially, by their means over 16 seeds of ``random``."""
        self._hold(contract_case, parseapi_factory)

    def test_retry_after(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """``Retry-After`` is honoured, in seconds and as an HTTP date."""
        self._hold(contract_case, parseapi_factory)

    def test_earlier_result(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A failure is told although the same document was parsed before."""
        self._hold(contract_case, parseapi_factory)

    def test_retryable_flag(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A 500 with ``retryable: false`` is not retried, where the consumer promises it."""
        self._hold(contract_case, parseapi_factory)

    def test_run_failure(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A run that fails once is noticed, and submitted again if that may help."""
        self._hold(contract_case, parseapi_factory)

    def test_lasting_run_failure(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A document whose runs fail again and again is given up on."""
        self._hold(contract_case, parseapi_factory)

    def test_poll_error(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """An error in answer to a poll says nothing about the run."""
        self._hold(contract_case, parseapi_factory)

    def test_poll_fault(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A network fault or broken body in answer to a poll is survived."""
        self._hold(contract_case, parseapi_factory)

    def test_webhook(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """A good delivery is taken."""
        self._hold(contract_case, parseapi_factory)

    def test_wrong_webhook(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """What the provider did not sign is turned down."""
        self._hold(contract_case, parseapi_factory)

    def test_repeated_webhook(self, contract_case: Case, parseapi_factory: Factory) -> None:
        """An event that is delivered twice has one effect."""
        self._hold(contract_case, parseapi_factory)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each case."""
        if _ARGUMENT not in metafunc.fixturenames:
            return
        name = metafunc.function.__name__
        try:
            provider = provider_named(session_of(metafunc.config).providers, self.provider)
            self._check_marks(provider)
            cases = cases_of(name.removeprefix(_PREFIX), provider, self)
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
        kinds = TESTS.get(cls.surface)
        if kinds is None:
            raise TypeError(
                f"surface {cls.surface!r} of {cls.__name__}: {nearest(cls.surface, TESTS)}"
            )
        for name, method in vars(ParseErrorContract).items():
            if not name.startswith(_PREFIX) or name in vars(cls):
                continue
            # pytest passes over what is not callable: no test, where one would have no sense.
            if name.removeprefix(_PREFIX) not in kinds or _unasked(cls, name):
                setattr(cls, name, None)
            elif getattr(cls, name) is None:
                setattr(cls, name, method)
        for provider in built_in_providers():
            if provider.name == cls.provider:
                cls.api_key = cls.api_key or provider.api_key
                cls.base_url = cls.base_url or provider.base_url

    def _hold(self, case: Case, factory: Factory) -> None:
        api = factory(self.provider)
        self.api_key = self.api_key or api.api_key
        self.base_url = self.base_url or api.base_url
        if self.handle_webhook is not None:
            self.webhook_secret = self.webhook_secret or api.webhook_secret
        breaches = play(case, Stage(api=api, parse=self.parse, policy=self))
        broken = ""
        try:
            fail(api._observed, [breach.titled for breach in breaches])
        except AssertionError as error:
            broken = str(error)
        if broken:
            # The rules are the plugin's own: no line of the test is worth showing.
            pytest.fail(broken, pytrace=False)
        api.note_check("contract")

    def _marks(self, name: str, case: Case) -> Collection[pytest.MarkDecorator]:
        found: list[pytest.MarkDecorator] = []
        for key in (case.id, f"{name}[{case.id}]"):
            marks = self.marks.get(key, ())
            found += [marks] if isinstance(marks, pytest.MarkDecorator) else marks
        return found

    def _check_marks(self, provider: Provider) -> None:
        known: list[str] = []
        for test in TESTS[self.surface]:
            for case in cases_of(test, provider, self):
                known += [case.id, f"{_PREFIX}{test}[{case.id}]"]
        for key in self.marks:
            if key not in known:
                raise UsageError(f"marks: no case {key!r}: {nearest(key, dict.fromkeys(known))}")


def _unasked(cls: type[ContractPolicy], name: str) -> bool:
    if name.endswith("webhook"):
        return cls.handle_webhook is None
    return (name == "test_retryable_flag" and not cls.obeys_retryable_flag) or (
        name == "test_backoff" and not (cls.backoff and cls.retries)
    )


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
        near = difflib.get_close_matches(name, known, n=1, cutoff=_LIKE)
        if near:
            raise TypeError(f"{cls.__name__}.{name} is no policy: did you mean {near[0]!r}?")
    for name in RULES:
        value = getattr(cls, name)
        if value is not None and not isinstance(value, bool) and not callable(value):
            raise TypeError(f"{cls.__name__}.{name} turns a rule on or off, and is no {value!r}")
    most = cls.max_attempts
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise TypeError(f"{cls.__name__}.max_attempts is a whole number from 1 up, not {most!r}")
