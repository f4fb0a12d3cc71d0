"""An error body that is written from a prepared text equals the one that is built as a whole."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_parseapi.model.behaviour import Behaviour
from pytest_parseapi.providers.registry import registry

PROVIDERS = sorted(registry())


def replies(provider, error, message, request_id):
    prepared = type(provider.behaviour)()
    put_together = type(provider.behaviour)()
    put_together.prepares_errors = False
    return [
        behaviour.error_reply(error, message=message, request_id=request_id, details={})
        for behaviour in (prepared, put_together)
    ]


@pytest.mark.parametrize("name", PROVIDERS)
@given(data=st.data(), message=st.text(), number=st.integers(0, 10**9))
@example(data=None, message='{} %s "\\ \u2028', number=1)
def test_a_prepared_error_is_the_whole_one(name, data, message, number):
    provider = registry()[name]
    errors = (*provider.errors, *provider.own_errors)
    error = errors[0] if data is None else data.draw(st.sampled_from(errors))
    assert provider.behaviour.prepares_errors
    first, second = replies(provider, error, message, f"req_{number:08}")
    assert first == second


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_error_without_an_id_and_one_with_details_are_put_together(name):
    provider = registry()[name]
    error = provider.errors[0]
    first, second = replies(provider, error, "no", None)
    assert first == second
    details = {"failingPaths": [{"path": "$.url"}]}
    reply = provider.behaviour.error_reply(error, message="no", request_id="req_1", details=details)
    assert b"$.url" in reply.body


def test_a_body_may_have_the_time_in_it_unless_its_behaviour_says_otherwise():
    times = iter([1, 2])

    class Timed(Behaviour):
        def error_body(self, error, *, message, request_id, details):
            return {"at": next(times)}

    behaviour, error = Timed(), registry()["extend"].errors[0]
    bodies = [
        behaviour.error_reply(error, message="no", request_id="req_1", details={}).body
        for _ in range(2)
    ]
    assert bodies == [b'{"at":1}', b'{"at":2}']
