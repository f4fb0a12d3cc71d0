"""Broken consumers: how they tell that something failed. One fault each."""

from __future__ import annotations

import asyncio
import enum
import queue
import threading

import pydantic
from right_loops import Asynchronous
from toolbox import Loop, NutrientLoop, ParseFailed, log

from pytest_parseapi.providers.extend import errors as extend_errors

MEANINGS = {
    "OCR_ERROR": "recognition failed",
    "INTERNAL_ERROR": "the provider failed",
    "CHUNKING_ERROR": "chunking failed",
}


KNOWN = [error.code for error in extend_errors.ERRORS]


class ErrorBody(pydantic.BaseModel):
    """What one team takes each error body to be."""

    code: str
    request_id: str = pydantic.Field(alias="requestId")


class IndexesTheCode(Loop):
    """Looks the code up in a table that lacks it."""

    rule = "clear_errors"

    def failure(self, response, body):
        if response.status_code < 500 or "code" not in body:
            return super().failure(response, body)
        return ParseFailed(MEANINGS[body["code"]])


class DecodesHTML(Loop):
    """Decodes a gateway's page as JSON."""

    rule = "clear_errors"

    def read(self, response):
        return response.json()


class DecodesHTMLAtNutrient(NutrientLoop):
    """Decodes a gateway's page as JSON."""

    rule = "clear_errors"

    def read(self, response):
        return response.json()


class NeedsARequestId(Loop):
    """Indexes the body's requestId, which may be missing."""

    rule = "clear_errors"

    def report(self, response, body):
        if "code" in body:
            log.error("parse failed, request %s", body["requestId"])


class NeedsARequestIdAtNutrient(NutrientLoop):
    """Indexes the body's requestId, which may be missing."""

    rule = "clear_errors"

    def report(self, response, body):
        if "errorMessage" in body:
            log.error("parse failed, request %s", body["requestId"])


class NeedsDetails(NutrientLoop):
    """Reads errorDetails.code, which most errors lack."""

    rule = "clear_errors"

    def failure(self, response, body):
        return ParseFailed(body.get("errorDetails").get("code"))


class SwallowsEverything(Loop):
    """Returns None whatever fails."""

    rule = "raises"

    def finish(self, failure):
        return None


class SwallowsEverythingAtNutrient(NutrientLoop):
    """Returns an empty document whatever fails."""

    rule = "raises"

    def finish(self, failure):
        return {"markdown": ""}


class SwallowsWhatStays(Loop):
    """Raises after retries, but skips documents that the provider turns down."""

    rule = "raises"

    def parse(self, document):
        try:
            return super().parse(document)
        except ParseFailed as error:
            if str(error).startswith("4"):
                return None
            raise


class ReturnsAnOlderResult(Loop):
    """Returns the last good result where the API fails."""

    rule = "fresh_results"

    def result(self, response, body):
        self.kept = super().result(response, body)
        return self.kept

    def finish(self, failure):
        if hasattr(self, "kept"):
            return self.kept
        raise failure


class TrustsTheStatusOnly(Loop):
    """Takes every 200 for a result, whatever its body is."""

    rule = "rejects_broken_success"

    def is_result(self, response, body):
        return response.status_code == 200

    def result(self, response, body):
        return response.text


class TrustsTheStatusOnlyAtNutrient(NutrientLoop):
    """Takes every 200 for a result, whatever its body is."""

    rule = "rejects_broken_success"

    def is_result(self, response, body):
        return response.status_code == 200

    def result(self, response, body):
        return body.get("output")


class KnowsAllCodes(Loop):
    """An enum of the codes turns a new one down."""

    rule = "clear_errors"
    codes = enum.Enum("Code", {name: name for name in KNOWN})

    def failure(self, response, body):
        return ParseFailed(self.codes(body["code"]) if "code" in body else "failed")


class NeedsItsModel(Loop):
    """A pydantic model of the error body has no room for a body without requestId."""

    rule = "clear_errors"

    def failure(self, response, body):
        return ParseFailed(ErrorBody.model_validate(body).code)


class WaitsForADeadThread(Loop):
    """A thread ends without a result where a file is corrupt, and its result is waited for."""

    rule = "raises"

    def parse(self, document):
        results = queue.Queue()
        thread = threading.Thread(target=self.work, args=(document, results), daemon=True)
        thread.start()
        result = results.get()
        if isinstance(result, ParseFailed):
            raise result
        return result

    def work(self, document, results):
        try:
            results.put(super().parse(document))
        except ParseFailed as error:
            if "CORRUPT" not in str(error):
                results.put(error)


class NeedsARequestIdInATask(Asynchronous):
    """The same in a group of tasks, which wraps the KeyError."""

    rule = "clear_errors"

    async def parse(self, document):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(super().parse(document))
        return task.result()

    def failure(self, response, body):
        return ParseFailed(body["requestId"])


class SleepsUntilADateInThePast(Loop):
    """Is slow to look at the date of ``Retry-After``, and sleeps for less than nothing."""

    rule = "clear_errors"

    def asked_wait(self, response):
        wait = super().asked_wait(response)
        return None if wait is None else wait - 60.5
