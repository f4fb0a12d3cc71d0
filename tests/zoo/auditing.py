"""Runs the contract over one consumer in this process, without a pytest session of its own."""

from __future__ import annotations

import contextlib
from collections import defaultdict

from pytest_parseapi.api.parse_api import ParseAPI
from pytest_parseapi.api.simulation import Settings, Simulation
from pytest_parseapi.clients.tls import SharedContexts
from pytest_parseapi.contract.call import Harness
from pytest_parseapi.contract.case_kinds import case_kinds_of
from pytest_parseapi.providers.registry import provider_named, registry

PROVIDERS = registry()
CONTEXTS = SharedContexts()


class Bench:
    """Gives a fresh API for each case, and a new simulation only where the last was stopped."""

    def __init__(self, provider, seed):
        self._provider = provider_named(PROVIDERS, provider)
        self._seed = seed
        self._simulation = None
        self._undo = contextlib.ExitStack()

    def api(self):
        old = self._simulation
        if old is None or old.stops.message is not None or old.clock.elapsed > 86_400:
            self.close()
            self._simulation = Simulation(PROVIDERS, Settings(seed=self._seed), CONTEXTS)
            self._simulation.start()
            self._undo.callback(self._simulation.stop)
        api = ParseAPI(self._simulation, self._provider)
        api.reset()
        self._simulation.begin_call()
        return api

    def close(self):
        self._undo.close()


def audit(kind, *, until=None):
    """The rules that a consumer breaks, each with the cases that show it and the first finding.

    Once the rule ``until`` is among them, one case of each further test is enough.
    """
    provider = provider_named(PROVIDERS, kind.provider)
    bench = Bench(kind.provider, kind.__name__)
    broken = defaultdict(list)
    try:
        for kind_of_case in case_kinds_of(kind):
            for case in kind_of_case.cases(provider, kind()):
                consumer = kind()
                api = bench.api()
                consumer.api_key, consumer.base_url = api.api_key, api.base_url
                if consumer.handle_webhook is not None:
                    consumer.webhook_secret = api.webhook_secret
                harness = Harness(api=api, parse=consumer.parse, policy=consumer)
                for violation in kind_of_case.violations(case, harness):
                    broken[violation.rule].append(
                        (f"{kind_of_case.name}[{case.id}]", violation.finding)
                    )
                if until in broken:
                    break
    finally:
        bench.close()
    return dict(broken)
