"""Broken consumers: how long they wait. One fault each."""

from __future__ import annotations

import random

import httpx
import tenacity
from right_libraries import Once, Retryable
from toolbox import Loop, NutrientLoop, retry_after


class DoesNotWait(Loop):
    """Retries at once."""

    rule = "backoff"

    def wait(self, attempt):
        return 0


class DoesNotWaitAtNutrient(NutrientLoop):
    """Retries at once."""

    rule = "backoff"

    def wait(self, attempt):
        return 0


class ForgetsTheFirstWait(Loop):
    """Starts its exponent so that the first wait is 0: 0, 1, 3."""

    rule = "backoff"

    def wait(self, attempt):
        return 2.0**attempt - 1


class ConstantWait(Loop):
    """Waits one second each time."""

    rule = "backoff"

    def wait(self, attempt):
        return 1


class JitteredConstantWait(NutrientLoop):
    """Waits about one second each time; the jitter hides that nothing grows."""

    rule = "backoff"

    def wait(self, attempt):
        return random.uniform(0.5, 1.5)


class ConstantTenacity(Once):
    """tenacity with a fixed wait plus a random one."""

    rule = "backoff"

    def parse(self, document):
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Retryable),
            stop=tenacity.stop_after_attempt(4),
            wait=self.pause,
            reraise=True,
        )(self.attempt, document)

    def pause(self, state):
        asked = state.outcome.exception().wait
        base = tenacity.wait_fixed(1) + tenacity.wait_random(0, 2)
        return base(state) if asked is None else asked


class CapsTooEarly(Loop):
    """Waits 0.5, 1, 1, 1, 1: the cap comes with the second wait."""

    rule = "backoff"
    attempts = 6

    def wait(self, attempt):
        return min(0.5 * 2**attempt, 1)


class LinearWait(Loop):
    """Waits 1, 2, 3 seconds."""

    rule = "backoff"

    def wait(self, attempt):
        return attempt + 1


class JitteredLinearWait(Loop):
    """Waits about 1, 2, 3 seconds."""

    rule = "backoff"

    def wait(self, attempt):
        return (attempt + 1) * random.uniform(0.8, 1.2)


class ShrinkingWait(Loop):
    """Waits 4, 2, 1 seconds: it halves where it should double."""

    rule = "backoff"

    def wait(self, attempt):
        return 4 * 0.5**attempt


class IgnoresRetryAfter(Loop):
    """Waits as always, whatever the reply asks for."""

    rule = "retry_after"

    def asked_wait(self, response):
        return None


class ReadsMilliseconds(Loop):
    """Takes the seconds of Retry-After for milliseconds."""

    rule = "retry_after"

    def asked_wait(self, response):
        asked = retry_after(response)
        return None if asked is None else asked / 1000


class IgnoresDates(Loop):
    """Reads Retry-After in seconds only."""

    rule = "retry_after"

    def asked_wait(self, response):
        value = response.headers.get("retry-after", "")
        return float(value) if value.isdecimal() else None


class DiesOnDates(Loop):
    """Takes Retry-After for a number."""

    rule = "clear_errors"

    def asked_wait(self, response):
        try:
            return float(response.headers["retry-after"])
        except KeyError:
            return None
        except ValueError:
            return response.headers["retry-after"] - 1


class CapsRetryAfter(Loop):
    """Never waits longer than 30 seconds, although it is asked for 60."""

    rule = "retry_after"

    def asked_wait(self, response):
        asked = retry_after(response)
        return None if asked is None else min(asked, 30)


class WaitsWithoutALimit(Loop):
    """Has no time-out: a silent server holds it forever."""

    rule = "sets_timeouts"
    timeout = None


class HasNoReadTimeout(NutrientLoop):
    """Limits how long it connects, and not how long it reads."""

    rule = "sets_timeouts"
    timeout = httpx.Timeout(None, connect=5)


class DoesNotSlowDownForLimits(Loop):
    """Waits 1, 2, 4 seconds for errors, and about one second each time for rate limits."""

    rule = "backoff"
    limited = False

    def report(self, response, body):
        self.limited = response.status_code == 429
        super().report(response, body)

    def wait(self, attempt):
        return random.uniform(0.5, 1.5) if self.limited else super().wait(attempt)


class HonoursRetryAfterOfLimitsOnly(Loop):
    """Reads ``Retry-After`` of a 429, and not of a 503."""

    rule = "retry_after"

    def asked_wait(self, response):
        return retry_after(response) if response.status_code == 429 else None


class HonoursRetryAfterOfLimitsOnlyAtNutrient(NutrientLoop):
    """States that it honours ``Retry-After``, and does so on a 429 only."""

    rule = "retry_after"
    retry_after = True

    def asked_wait(self, response):
        return retry_after(response) if response.status_code == 429 else None


class SpreadsRetryAfter(Loop):
    """Waits within ten per cent of what it is asked for, and so too early as often as too late."""

    rule = "retry_after"

    def asked_wait(self, response):
        asked = super().asked_wait(response)
        return None if asked is None else asked * random.uniform(0.9, 1.1)
