"""Every right consumer of the zoo, wrapped into a happy-path test: the sweep accuses none."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from pathlib import Path

import pytest

from pytest_parseapi.contract.call import default_document
from pytest_parseapi.contract.policy import ContractPolicy
from pytest_parseapi.providers.registry import registry

ZOO = Path(__file__).parents[1] / "zoo"
MODULES = (
    *("right_loops", "right_libraries", "right_layers"),
    *("right_runs", "right_nutrient_runs", "right_workers", "right_webhooks"),
)
LEFT_OUT = {
    *("Once", "RunLoop", "Receiver"),  # what others are made of
    # Right while nothing fails: with one more wait, the provider's time for an answer is over.
    "TakesAlmostTheTimeThereIs",
    # Its threads go on after the test that delivers, and ask for a run that is gone by then.
    "WorksAfterItsAnswer",
}

HEAD = """
import asyncio
import inspect

import pytest


def finished(value):
    if not inspect.isawaitable(value):
        return value

    async def awaited():
        return await value

    return asyncio.run(awaited())


def connected(consumer, api):
    consumer.api_key, consumer.base_url = api.api_key, api.base_url
    return consumer
"""
PARSES = """
def test_{name}({fixture}):
    from {module} import {name}

    result = finished(connected({name}(), {fixture}).parse({document!r}))
    assert result
    assert result[0] != "failed" if isinstance(result, tuple) else True
"""
RECEIVES = """
def test_{name}_receives({fixture}):
    from {module} import {name}

    consumer = connected({name}(), {fixture})
    consumer.webhook_secret = {fixture}.webhook_secret
    {fixture}.deliver({fixture}.webhook(), lambda *given: consumer.handle_webhook(*given))
"""


def consumers():
    """Every right consumer that does all that the documentation advises."""
    for module in MODULES:
        for kind in vars(importlib.import_module(module)).values():
            own = isinstance(kind, type) and kind.__module__ == module
            if not own or not issubclass(kind, ContractPolicy) or kind.__name__ in LEFT_OUT:
                continue
            # These leave a part of the advice to somebody else, and say so to the contract.
            stated = kind.retries and kind.resubmits and not kind.immediate_first_retry
            if stated:
                yield module, kind


@pytest.fixture
def zoo(pytester, nested, monkeypatch):
    """Sweeps a test of each consumer of some modules."""

    def run(modules, *options):
        monkeypatch.syspath_prepend(ZOO)
        chosen = [(name, kind) for name, kind in consumers() if name in modules]
        for path in (*ZOO.glob("right_*.py"), ZOO / "toolbox.py"):
            shutil.copy(path, pytester.path)
        for name in (*MODULES, "toolbox"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(pytester.path)
        tests = [HEAD]
        for module, kind in chosen:
            provider = registry()[kind.provider]
            document = kind.document or default_document(provider)
            receives = kind.handle_webhook is not None
            tests.append(
                (RECEIVES if receives else PARSES).format(
                    name=kind.__name__,
                    module=module,
                    fixture=provider.fixture,
                    document=document,
                )
            )
        pytester.makepyfile(test_happy_paths="".join(tests))
        result = nested(None, "--parseapi-sweep", *options)
        result.assert_outcomes(passed=len(chosen))
        return result.stdout.str()

    return run


# Every code at every exchange for the loops; of the others' many exchanges, one of those alike.
@pytest.mark.parametrize(
    ("modules", "deep"), [(MODULES[:1], ",deep"), (MODULES[1:2], ",deep"), (MODULES[2:], "")]
)
def test_no_right_consumer_is_accused(zoo, modules, deep):
    text = zoo(modules, f"--parseapi-sweep-kinds=retryable,final,runs,webhooks{deep}")
    assert "sweep: 0 findings" in text, text
    assert "left out" not in text
    assert int(re.search(r"(\d+) variations of", text)[1]) >= 200
