"""One simulated test, and its result."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Final

import pytest

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.model.mistakes import UsageError
from pytest_parseapi.model.printable_text import printable
from pytest_parseapi.plugin import markers
from pytest_parseapi.plugin.session import CASE_FIXTURE, implied_provider, session_of
from pytest_parseapi.plugin.unmet_scripts import asked_elsewhere, unmet_lines, what_to_do
from pytest_parseapi.providers.registry import provider_named
from pytest_parseapi.report.rules import RULES, BrokenRule

if TYPE_CHECKING:
    from pytest_parseapi.sweep.watch import Watch

_STOPS: Final = {"fuse": "retries, polls and waits end", "hang": "no wait is without end"}
"""The rules that a consumer breaks whom the simulation has to stop."""

watch_key: pytest.StashKey[Watch] = pytest.StashKey()
"""Who watches the present run of a test; nobody in most sessions."""


class SimulatedTest:
    """One test under simulation, from the set-up of its first fixture to its tear-down.

    Raises:
        UsageError: a marker of the test is wrong.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._session = session_of(item.config)
        self._item = item
        self._settings = markers.settings(item)
        markers.check_accepted(self._settings.sweep_accept, self._session.providers.values())
        self.simulation = self._session.simulate(item, self._settings)
        self._apis: dict[str, ParseAPI] = {}
        self._told = False

    def default_api(self) -> ParseAPI:
        """The test's default provider."""
        return self.api(self._session.default_provider(self._settings.provider).name)

    def api(self, name: str) -> ParseAPI:
        """The provider of a name."""
        provider = provider_named(self._session.providers, name)
        if provider.name not in self._apis:
            self._apis[provider.name] = ParseAPI(self.simulation, provider)
        return self._apis[provider.name]

    def script(self) -> None:
        """Script what the test's markers say."""
        for scripted in markers.scripts(self._item):
            with markers.blamed(scripted.marker):
                self._script(scripted)
        case = self._case
        if case is None and self._item.get_closest_marker("each_parse_error") is not None:
            raise UsageError(
                "each_parse_error makes no cases of unittest.TestCase methods: use a plain "
                "function or class"
            )
        if case is not None:
            api = self.api(case.error.provider)
            if case.surface == "http":
                api.fail(case.error, times=case.times, endpoint=case.endpoint)
            else:
                # A webhook tells of a failed run: webhook() without a run makes the one of here.
                api.fail_run(case.error, times=case.times)

    @property
    def _case(self) -> markers.ErrorCase | None:
        """The case of the marker ``each_parse_error``."""
        callspec = getattr(self._item, "callspec", None)
        case = None if callspec is None else callspec.params.get(CASE_FIXTURE)
        return case if isinstance(case, markers.ErrorCase) else None

    def _script(self, scripted: markers.MarkedScript) -> None:
        name = self._implied() if scripted.provider is None else scripted.provider
        api = self.default_api() if name is None else self.api(name)
        if scripted.of_runs:
            api.fail_run(scripted.errors[0], **scripted.options)
        else:
            api.fail(*scripted.errors, **scripted.options)

    def call(self) -> Generator[None, object, object]:
        """Run the test's own code, in a wrapper of pytest's.

        Raises:
            pytest.fail.Exception: the simulation was stopped, or the script was not used up.
        """
        self.simulation.begin_call()
        result: object = None
        try:
            result = yield
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
                self._told = True  # the session ends here
                raise
            self.simulation.forks.look()
            stopped = self.simulation.stops.report()
            if stopped is not None and hasattr(error, RULES):
                # A case of a contract says which rule the stop breaks.
                self._told = True
                # The test's own message has the picture.
                text = stopped.partition("\n\n")[0]
                self._item.add_report_section("call", "parseapi", text)
                raise
            if stopped is None:
                if section := self._section(error):
                    self._item.add_report_section("call", "parseapi", printable(section))
                raise
        # A stop is reported whatever has become of it on its way: swallowed, wrapped, or gathered.
        self.tell()
        return result

    def tell(self) -> None:
        """Fail the test for what went wrong outside its own code, if anything did.

        Raises:
            pytest.fail.Exception: the simulation was stopped, or the script was not used up.
        """
        problem = self._problem()
        if problem is not None:
            failure = pytest.fail.Exception(problem, pytrace=False)
            stops = self.simulation.stops
            rule = _STOPS.get(stops.kind) if stops.message is not None else None
            if rule is not None:
                failure.__dict__[RULES] = [BrokenRule(name=stops.kind, rule=rule)]
            raise failure

    def _problem(self) -> str | None:
        """Why the test fails although its own code passed; returned once."""
        if self._told:
            return None
        self.simulation.forks.look()
        message = self.simulation.stops.report()
        if message is not None:
            message = "\n".join([message, *self.simulation.hosts.misses.lines()])
        elif self._settings.strict:
            message = self._unused_text()
        message = None if message is None else printable(message)
        self._told = message is not None
        return message

    def _section(self, error: BaseException) -> str:
        """What the simulation adds to the report of a test that failed by itself."""
        if isinstance(error, UsageError):
            return ""
        unused = self._unused_text() if self._settings.strict else None
        self._told = True
        if unused is not None:
            return unused
        pictures = "" if "timeline of" in str(error) else self._pictures()
        return "\n\n".join(filter(None, [pictures, self._rejections()]))

    def _unused_text(self) -> str | None:
        """The message about scripted failures that were never met."""
        unused = self.simulation.unused()
        if not unused:
            return None
        case = self._case
        told = case is not None and case.surface == "webhook"
        lines = [
            "webhook events that no webhook() made:"
            if told
            else "scripted failures that no request met:"
        ]
        for provider, step in unused:
            lines += unmet_lines(self.simulation.services[provider.name], step, case)
        lines += asked_elsewhere(unused, self.simulation.services.values())
        lines.append(what_to_do(unused, self.simulation.services, case))
        pictures = [api.timeline() for api in self._apis.values()]
        rejections = self._rejections()
        return "\n".join([*lines, "", *pictures, *(["", rejections] if rejections else [])])

    def _pictures(self) -> str:
        """The timelines of the providers that got requests."""
        return "\n\n".join(api.timeline() for api in self._apis.values() if api.attempts)

    def _rejections(self) -> str:
        """Why requests were rejected without a script."""
        lines = []
        for service in self.simulation.services.values():
            attempts = service.journal.attempts
            found = {item.rejection: item.number for item in attempts if item.rejection is not None}
            lines += [
                f"attempt {number} was rejected by {service.provider.title} itself, not by a "
                f"script: {message}"
                for message, number in found.items()
            ]
        return "\n".join(lines)

    def _implied(self) -> str | None:
        """The one provider whose fixture the test names, where no marker names another."""
        return implied_provider(self._session, self._settings, self._item.fixturenames)  # type: ignore[attr-defined]


test_key: pytest.StashKey[SimulatedTest] = pytest.StashKey()
"""The simulation of a test that has one."""


def simulated(item: pytest.Item) -> Iterator[SimulatedTest]:
    """Simulate while a fixture is set up.

    Raises:
        pytest.fail.Exception: a marker of the test is wrong, or a fixture was stopped.
    """
    test: SimulatedTest | None = None
    mistake: str | None = None
    watch = item.stash.get(watch_key, None)
    session = session_of(item.config)
    try:
        session.begin(item)
        test = SimulatedTest(item)
        test.simulation.start()
        if watch is not None:
            watch.attach(test.simulation, test.api)
        test.script()
    except UsageError as error:
        mistake = str(error.written_in("marker"))
    try:
        if test is None or mistake is not None:
            pytest.fail(mistake or "", pytrace=False)
        item.stash[test_key] = test
        yield test
    finally:
        session.end(item)
        if test is not None:
            try:
                if watch is not None:
                    watch.detach()
            finally:
                test.simulation.stop()
    if test.simulation.stops.message is not None:
        test.tell()
