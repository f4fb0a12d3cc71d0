"""Broken consumers: how they tell that something failed. One fault each."""

from __future__ import annotations

from toolbox import Loop, NutrientLoop, ParseFailed, log

MEANINGS = {
    "OCR_ERROR": "recognition failed",
    "INTERNAL_ERROR": "the provider failed",
    "CHUNKING_ERROR": "chunking failed",
}


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
