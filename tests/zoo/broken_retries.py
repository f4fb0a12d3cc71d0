"""Broken consumers: what they retry, how often, and when they stop. One fault each."""

from __future__ import annotations

import httpx
from toolbox import Loop, NutrientLoop, ParseFailed


class NeverRetries(Loop):
    """Takes the first failure for the last."""

    rule = "retries"
    attempts = 1


class NeverRetriesAtNutrient(NutrientLoop):
    """Takes the first failure for the last."""

    rule = "retries"
    attempts = 1


class RetriesTwiceOnlyInTheory(Loop):
    """Retries exceptions, but no reply ever raises one."""

    rule = "retries"

    def is_retryable(self, response, body):
        return False


class RetriesClientErrors(Loop):
    """Retries whatever fails, 4xx too."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return True


class RetriesClientErrorsAtNutrient(NutrientLoop):
    """Retries a 400 and a 413 with the same document."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return True


class RetriesUnauthorized(Loop):
    """Retries a 401 with the same key."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return response.status_code == 401 or super().is_retryable(response, body)


class RetriesUnprocessable(Loop):
    """Retries a 422: the document stays corrupt."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return response.status_code == 422 or super().is_retryable(response, body)


class RetriesOutOfCredits(NutrientLoop):
    """Retries a 402, as if credits came back by waiting."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return response.status_code == 402 or super().is_retryable(response, body)


class ForgetsRateLimits(Loop):
    """Retries every 5xx, but takes a 429 for the caller's mistake."""

    rule = "retries"

    def is_retryable(self, response, body):
        return response.status_code >= 500


class ForgetsUnavailable(NutrientLoop):
    """Retries 429 and 500, but not 503."""

    rule = "retries"

    def is_retryable(self, response, body):
        return response.status_code in (200, 429, 500)


class KnowsOneCode(Loop):
    """Retries OCR_ERROR, and no other code."""

    rule = "retries"

    def is_retryable(self, response, body):
        return body.get("code") == "OCR_ERROR"


class TrustsTheFlagAlone(Loop):
    """Retries by ``retryable`` only, although a gateway's 502 carries none and is a 5xx."""

    rule = "retries"

    def is_retryable(self, response, body):
        return body.get("retryable") is True


class RetriesFlaggedAsFinal(Loop):
    """Promises to obey the flag, and retries a 500 with ``retryable: false``."""

    rule = "obeys_retryable_flag"
    obeys_retryable_flag = True

    def is_retryable(self, response, body):
        return response.status_code in (200, 429) or response.status_code >= 500


class RetriesForEver(Loop):
    """Has no limit of attempts."""

    rule = "gives_up"
    attempts = 10**9


class RetriesForEverPatiently(Loop):
    """Has no limit of attempts, but never waits longer than a minute."""

    rule = "gives_up"
    attempts = 10**9

    def wait(self, attempt):
        return min(2.0**attempt, 60)


class RetriesNetworkFaultsForEver(Loop):
    """Limits attempts at replies, but connects again without end."""

    rule = "gives_up"

    def send(self, client, document, attempt):
        while True:
            try:
                return super().send(client, document, attempt)
            except httpx.TransportError:
                self.sleep(1)


class GivesUpOneTooEarly(Loop):
    """Counts the first attempt as a retry."""

    rule = "gives_up"
    max_attempts = 4
    attempts = 3


class GivesUpOneTooLate(NutrientLoop):
    """Counts retries where attempts are meant."""

    rule = "gives_up"
    max_attempts = 4
    attempts = 5


class ThrowsTheRetryAway(Loop):
    """Retries, and raises the first failure although the retry succeeded."""

    rule = "retries"

    def parse(self, document):
        self.first = None
        result = super().parse(document)
        if self.first is not None:
            raise self.first
        return result

    def failure(self, response, body):
        error = super().failure(response, body)
        self.first = self.first or error
        return error


class FailsAtOnce(Loop):
    """Never sends anything."""

    rule = "succeeds"

    def send(self, client, document, attempt):
        raise ParseFailed("not configured")


class RetriesTheFirstDocumentOnly(Loop):
    """Counts attempts over all documents."""

    rule = "retries"
    count = 0

    def is_retryable(self, response, body):
        self.count += 1
        return super().is_retryable(response, body) and self.count < self.attempts


class RetriesWithoutItsKey(Loop):
    """Takes the key out of its headers with the first attempt."""

    rule = "retries"

    def parse(self, document):
        self.spent = super().headers()
        return super().parse(document)

    def headers(self):
        key = self.spent.pop("authorization", None)
        return {**self.spent, **({"authorization": key} if key else {})}


class ForgetsServiceUnavailable(Loop):
    """Retries a 500, 502 and 504, but not the 503 of a gateway."""

    rule = "retries"

    def is_retryable(self, response, body):
        return response.status_code in (200, 429, 500, 502, 504)


class SendsNoVersion(Loop):
    """Says nowhere which version of the API it is written for."""

    rule = "api_version"

    def headers(self):
        return {"authorization": f"Bearer {self.api_key}"}


class ForgetsTheVersionOnARetry(Loop):
    """Makes the headers of each attempt by itself."""

    rule = "api_version"

    def send(self, client, document, attempt):
        headers = self.headers()
        if attempt:
            del headers["x-extend-api-version"]
        return client.post(
            f"{self.base_url}/parse", json={"file": {"url": document}}, headers=headers
        )


class SendsAVersionThatNeverWas(Loop):
    """Sends the date of its own release as the version."""

    rule = "api_version"

    def headers(self):
        return {**super().headers(), "x-extend-api-version": "2026-11-25"}


class ForgetsEmptyReplies(Loop):
    """Takes a 500 without a body for something that no retry mends."""

    rule = "retries"

    def is_retryable(self, response, body):
        return bool(response.content) and super().is_retryable(response, body)


class RefreshesItsKeyForEver(Loop):
    """Takes every 401 for a key that has run out, and asks with a new one."""

    rule = "gives_up"

    def send(self, client, document, attempt):
        keys = 0
        response = super().send(client, document, attempt)
        while response.status_code == 401:
            keys += 1
            self.sleep(keys)
            self.api_key = f"{self.api_key.partition('_number')[0]}_number_{keys}"
            response = super().send(client, document, attempt)
        return response
