"""The table of the kinds of findings, and what has to agree with it."""

from __future__ import annotations

from typing import get_args

import pytest

from pytest_parseapi import ParseAPI
from pytest_parseapi.checks.kinds import ALL_AT_ONCE, KINDS, Kind, kind_of_check, page_behind
from pytest_parseapi.providers.registry import built_in_providers

CHECKS = {name for name in dir(ParseAPI) if name.startswith("assert_")}


def test_each_kind_is_declared():
    assert set(KINDS) == set(get_args(Kind))


def test_each_check_but_follows_documentation_finds_one_kind():
    checks = [kind.check for kind in KINDS.values() if kind.check is not None]
    assert sorted(checks) == sorted(CHECKS - {ALL_AT_ONCE})


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_found_by_its_check(name):
    kind = KINDS[name]
    assert kind.check is None or kind_of_check(kind.check) is kind


def test_follows_documentation_has_no_kind_of_its_own():
    assert kind_of_check(ALL_AT_ONCE) is None


@pytest.mark.parametrize("provider", built_in_providers(), ids=lambda provider: provider.name)
@pytest.mark.parametrize("name", KINDS)
def test_the_page_of_a_kind_is_that_of_its_advice(provider, name):
    advice = [item.source for item in provider.advice if item.topic == KINDS[name].advice]
    if name == "api_version" and provider.api_version is not None:
        advice = [provider.api_version.source]
    assert [page_behind(provider, name)] == (advice or [""])
