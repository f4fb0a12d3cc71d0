"""Broken consumers: what they log and what they don't. One fault each."""

from __future__ import annotations

import loguru
from toolbox import Loop, NutrientLoop, log


class LogsNothing(Loop):
    """Fails in silence."""

    rule = "logs_request_id"

    def report(self, response, body):
        pass


class LogsTheCodeOnly(Loop):
    """Logs what failed, and not which request."""

    rule = "logs_request_id"

    def report(self, response, body):
        log.error("parse failed: %s", body.get("code"))


class LogsTheMessageOnly(NutrientLoop):
    """Logs the provider's words, and not which request."""

    rule = "logs_request_id"

    def report(self, response, body):
        log.error("parse failed: %s", body.get("errorMessage"))


class LogsTheFirstId(Loop):
    """Logs the id of the first failure, and not of the last."""

    rule = "logs_request_id"

    def parse(self, document):
        self.told = False
        return super().parse(document)

    def report(self, response, body):
        if not self.told:
            super().report(response, body)
        self.told = True


class LogsAtDebug(Loop):
    """Logs the id at DEBUG, which production drops."""

    rule = "logs_request_id"

    def report(self, response, body):
        log.debug("parse failed, request %s", body.get("requestId"))


class LogsAnIdOfItsOwn(NutrientLoop):
    """Logs an id that the provider does not know."""

    rule = "logs_request_id"

    def report(self, response, body):
        log.error("parse failed, request %s", f"client-{id(response)}")


class PutsTheIdInTheExceptionOnly(Loop):
    """Raises the id, and logs nothing."""

    rule = "logs_request_id"

    def report(self, response, body):
        pass

    def failure(self, response, body):
        error = super().failure(response, body)
        error.add_note(f"requestId {body.get('requestId')}")
        return error


class LogsTheKey(Loop):
    """Logs its settings with each failure, the key among them."""

    rule = "hides_credentials"

    def report(self, response, body):
        super().report(response, body)
        log.warning("settings: key=%s url=%s", self.api_key, self.base_url)


class LogsWholeHeaders(Loop):
    """Logs the headers that it sends."""

    rule = "hides_credentials"

    def report(self, response, body):
        super().report(response, body)
        log.info("request headers: %s", dict(response.request.headers))


class PrintsTheKey(NutrientLoop):
    """Prints a curl command to repeat the request."""

    rule = "hides_credentials"

    def report(self, response, body):
        super().report(response, body)
        print(f"curl -H 'Authorization: Bearer {self.api_key}' {response.request.url}")  # noqa: T201 - its fault


class LogsTheKeyAtStart(NutrientLoop):
    """Says which key it uses, by loguru and before anything fails."""

    rule = "hides_credentials"

    def parse(self, document):
        loguru.logger.info("parsing with {}", self.api_key)
        return super().parse(document)


class LogsTheKeyWithTheError(Loop):
    """Logs an exception that quotes the key."""

    rule = "hides_credentials"

    def report(self, response, body):
        super().report(response, body)
        try:
            raise PermissionError(f"{self.api_key} was turned down")  # noqa: TRY301 - as it is raised below the consumer
        except PermissionError:
            log.exception("parse failed")


class MasksTheEndOnly(Loop):
    """Logs its key without the last four characters."""

    rule = "hides_credentials"

    def report(self, response, body):
        super().report(response, body)
        log.info("the key was %s****", self.api_key[:-4])


class MasksTheStartOnly(NutrientLoop):
    """Logs its key without the first five characters."""

    rule = "hides_credentials"

    def report(self, response, body):
        super().report(response, body)
        log.info("the key was *****%s", self.api_key[5:])
