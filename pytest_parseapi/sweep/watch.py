"""Watches the exchanges of one run of a test, and makes one of them fail."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from pytest_parseapi.api.internals import lines_of, observed_of, sender_of
from pytest_parseapi.checks.observed import Observed
from pytest_parseapi.model.endpoint import Endpoint
from pytest_parseapi.record.evidence.frames import ConsumerCode
from pytest_parseapi.record.evidence.work_origins import WorkOrigins
from pytest_parseapi.service.run_script import run_step_for
from pytest_parseapi.service.script import steps_for
from pytest_parseapi.sweep.places import WEBHOOK, Place, WatchedExchange
from pytest_parseapi.sweep.variations import Failure, Variation

if TYPE_CHECKING:
    from pytest_parseapi.api.parse_api import ParseAPI
    from pytest_parseapi.api.simulation import Simulation
    from pytest_parseapi.record.journal import Opened
    from pytest_parseapi.service.service import SimulatedService

SECONDS: Final = 5
"""What ``Retry-After`` asks for in seconds: more than most first waits, less than most caps."""
DATE_SECONDS: Final = 6
_MANY_WAITS: Final = 1_000
"""After so many waits in a row without a request, a consumer does nothing but wait."""
_FAR_FACTOR: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """The exchange that met the failure.

    Args:
        exchange: the exchange.
        after: how many requests like it came before.
        elapsed: virtual seconds since the test began.
    """

    exchange: WatchedExchange
    after: int
    elapsed: float


class Watch:
    """Watches one run of one test.

    Args:
        own: tells whose code is whose.
        variation: what is to fail; None for a run without failure.
        most_seconds: real seconds after which the run is stopped; None for no limit.
    """

    def __init__(
        self,
        own: ConsumerCode,
        variation: Variation | None = None,
        most_seconds: float | None = None,
    ) -> None:
        self.own = own
        self.in_setup = True
        """Whether the test's own code has not begun."""
        self.wider_fixture = ""
        """The class-, module- or session-scoped fixture that is being set up now."""
        self.uncaught: list[BaseException] = []
        """What ended threads."""
        self._variation = variation
        self._limit = None if most_seconds is None else _Limit(most_seconds)
        self._begin()

    def _begin(self) -> None:
        self._exchanges: dict[tuple[str, int], WatchedExchange] = {}
        self.hit: Hit | None = None
        self.too_slow = False
        self.observed: Mapping[str, Observed] = {}
        self.timelines: dict[str, str] = {}
        self.stop_kind = ""
        self.stop_text = ""
        self.scripted = False
        """Whether the test scripts failures itself."""
        self.was_reset = False
        """Whether the test forgot its records."""
        self.real_time = False
        self.attached = False
        """Whether the test simulates anything."""
        self.busy = False
        """Whether the test ended while a receiver was still at work on a delivery."""
        self._seen = 0
        self._work_origins = WorkOrigins(self.own)
        self._simulation: Simulation | None = None
        self._api: Callable[[str], ParseAPI] | None = None

    @property
    def exchanges(self) -> list[WatchedExchange]:
        """The exchanges and deliveries, in order."""
        return list(self._exchanges.values())

    def attach(self, simulation: Simulation, api: Callable[[str], ParseAPI]) -> None:
        """Watch a simulation from now on, and no other.

        Args:
            simulation: the test's.
            api: gives the test's `ParseAPI` of a provider.
        """
        self._begin()
        self.attached = True
        self.real_time = simulation.settings.real_time
        self._simulation = simulation
        self._api = api
        for service in simulation.services.values():
            service.watcher = self
            service.lenient = service.lenient or self._variation is not None
        simulation.alter_delivery = self._delivery
        simulation.before_reset.append(self._forget)
        simulation.stops.before_check = self._check_time
        self._work_origins.start()

    def detach(self) -> None:
        """Keep the result of the run, before the simulation ends."""
        simulation, api = self._simulation, self._api
        self._work_origins.stop()
        if simulation is None or api is None:
            return
        self._simulation = None
        for service in simulation.services.values():
            service.watcher = None
        lines = lines_of(api(next(iter(simulation.services))))
        for name in simulation.services:
            of_provider = api(name)
            sender = sender_of(of_provider)
            self.busy |= sender is not None and sender.is_busy
            self.observed = {
                **self.observed,
                name: replace(
                    observed_of(of_provider),
                    lines=lambda _text: lines,
                    test_calls=self._calls(name),
                ),
            }
            if of_provider.attempts:
                self.timelines[name] = of_provider.timeline()
        stops = simulation.stops
        if stops.message is not None:
            self.stop_kind, self.stop_text = stops.kind, stops.report() or stops.message
        self.scripted = self.scripted or any(map(_scripts, simulation.services.values()))

    def _calls(self, provider: str) -> dict[int, object]:
        """By number of an attempt, the call of the test that led to it, if that is known."""
        return {
            item.number: item.site.call
            for item in self.exchanges
            if item.place.provider == provider
            and not item.is_delivery
            and item.site.call is not None
        }

    def exchange(self, service: SimulatedService, opened: Opened, *, mocked: bool) -> None:
        """Note the place of an exchange, and script its failure if it is the chosen one."""
        live = opened.request.client == "server"
        site = self._work_origins.anywhere() if live else self._work_origins.site()
        place = Place(
            provider=service.provider.name, endpoint=str(opened.endpoint), frames=site.frames
        )
        exchange = WatchedExchange(
            place=place,
            number=opened.number,
            site=site,
            endpoint=opened.endpoint,
            names=opened.names,
            in_setup=self.in_setup,
            wider_fixture=self.wider_fixture,
        )
        key = (place.provider, exchange.number)
        # If a mock does not answer after all, the next exchange gets its number.
        again = self._exchanges.pop(key, None) is not None
        self._exchanges[key] = exchange
        if self._is_next(place):
            self._seen += not again
            if self._variation is not None and self._seen == self._variation.nth and not mocked:
                self._inject(service, exchange)

    def fails_before_mocks(
        self, service: SimulatedService, endpoint: Endpoint, names: tuple[str, ...]
    ) -> bool:
        """Whether the next exchange has to fail, even if a mock would answer it."""
        if self._variation is None:
            return False
        if any(
            step.left and step.why_not(endpoint, names) is None for step in service.script.steps
        ):
            return True
        frames = self._work_origins.site().frames
        place = Place(provider=service.provider.name, endpoint=str(endpoint), frames=frames)
        return self._is_next(place) and self._seen + 1 == self._variation.nth

    def _delivery(self, provider: str, wrong: str | None) -> str | None:
        site = self._work_origins.site()
        frames = () if site.test is None else (site.test,)
        place = Place(provider=provider, endpoint=WEBHOOK, frames=frames)
        if wrong is not None:
            return wrong
        number = sum(item.is_delivery for item in self.exchanges) + 1
        exchange = WatchedExchange(place=place, number=number, site=site, in_setup=self.in_setup)
        self._exchanges[WEBHOOK, number] = exchange
        if self._is_next(place) and self._variation is not None:
            self._seen += 1
            if self._seen == self._variation.nth:
                self.hit = Hit(exchange=exchange, after=number - 1, elapsed=self._now())
                return self._variation.first.name
        return wrong

    def _is_next(self, place: Place) -> bool:
        return self._variation is not None and self.hit is None and place == self._variation.place

    def _inject(self, service: SimulatedService, exchange: WatchedExchange) -> None:
        assert self._variation is not None
        like = [
            item
            for item in self.exchanges
            if item is not exchange
            and item.place.provider == exchange.place.provider
            and item.endpoint == exchange.endpoint
            and (exchange.document is None or exchange.document in item.names)
        ]
        self.hit = Hit(exchange=exchange, after=len(like), elapsed=self._now())
        for failure in self._variation.failures:
            if failure.surface == "run":
                self._fail_run(service, failure, exchange)
                continue
            steps = steps_for(
                service.provider,
                [failure.error or failure.name],
                times=failure.times,
                document=exchange.document,
                endpoint=str(exchange.endpoint),
                retry_after=self._retry_after(service, failure),
            )
            for step in steps:
                service.script.add(step)

    def _fail_run(
        self, service: SimulatedService, failure: Failure, exchange: WatchedExchange
    ) -> None:
        if service.runs is not None:
            service.runs.script.add(
                run_step_for(
                    service.provider,
                    failure.error or failure.name,
                    times=failure.times,
                    document=exchange.document,
                )
            )

    def _retry_after(self, service: SimulatedService, failure: Failure) -> float | str | None:
        if failure.retry_after is None:
            return None
        if failure.retry_after == "seconds":
            return SECONDS
        when = datetime.datetime.fromtimestamp(service.wall + DATE_SECONDS, datetime.UTC)
        return format_datetime(when.replace(microsecond=0), usegmt=True)

    def _check_time(self) -> None:
        if self._limit is None or self._simulation is None or self.too_slow:
            return
        if self._limit.is_over and (self._limit.is_far_over or not self._only_waits):
            self.too_slow = True
            self._simulation.stops.stop(f"more than {self._limit.seconds:.1f} s of real time")

    @property
    def _only_waits(self) -> bool:
        """Whether the consumer only waits: the fuse stops it, always at the same wait."""
        return self._simulation is not None and self._simulation.clock.waits_in_a_row > _MANY_WAITS

    def _forget(self, service: SimulatedService) -> None:
        self.was_reset = True
        self.scripted = self.scripted or _scripts(service)

    def _now(self) -> float:
        return 0.0 if self._simulation is None else self._simulation.clock.elapsed


def _scripts(service: SimulatedService) -> bool:
    runs = service.runs is not None and service.runs.script.scripted
    return bool(service.script.steps or service.mock_scripts) or runs


class _Limit:
    """How long a run may take, by the time that this process has worked.

    The machine may be busy with something else: the clock on the wall counts only when it is far
    over the limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._worked = time.process_time()
        self._began = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether the run took longer."""
        worked = time.process_time() - self._worked
        return (
            worked > self.seconds or time.perf_counter() - self._began > _FAR_FACTOR * self.seconds
        )

    @property
    def is_far_over(self) -> bool:
        """Whether the process has worked so long on the run that no fuse is waited for."""
        return time.process_time() - self._worked > _FAR_FACTOR * self.seconds
