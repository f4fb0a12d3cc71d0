"""Broken consumers of Nutrient's asynchronous runs. One fault each."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from right_nutrient_runs import NutrientRunLoop
from toolbox import log


class TakesErrorForDone(NutrientRunLoop):
    """Waits for the end of a run, and takes every end for a success."""

    rule = "raises"

    def is_done(self, run):
        return True

    def output(self, client, run):
        return run


class SwallowsErrorRuns(NutrientRunLoop):
    """Logs a failed run, and returns None."""

    rule = "raises"

    def finish(self, failure):
        return None


class WaitsForDoneOnly(NutrientRunLoop):
    """Polls until a run is done, which a failed one never is."""

    rule = "stops_polling"

    def is_over(self, run):
        return run.get("status") == "done"


class PollsDoneRunsAgain(NutrientRunLoop):
    """Polls once more to be sure."""

    rule = "stops_polling"

    def follow(self, client, run):
        run = super().follow(client, run)
        self.sleep(self.poll_every)
        return self.poll(client, run)


class PollsNutrientWithoutWait(NutrientRunLoop):
    """Polls as fast as it can."""

    rule = "polls_politely"
    poll_every = 0


class NeverSubmitsToNutrientAgain(NutrientRunLoop):
    """Gives a document up with its first failed run, although the backend may recover."""

    rule = "resubmits"
    submissions = 1


class SubmitsMaestroErrorsOnly(NutrientRunLoop):
    """Looks for a code, which a processing error has none of."""

    rule = "resubmits"

    def is_worth_another(self, run):
        return (run.get("errorDetails") or {}).get("code") == "maestro_error"


class ReusesItsKey(NutrientRunLoop):
    """Sends a failed document again with the same key, and gets the failed run."""

    rule = "resubmits"

    def headers(self):
        return super().headers() | {"Idempotency-Key": "invoice-7"}


class SubmitsInvalidRequestsAgain(NutrientRunLoop):
    """Submits again whatever failed, a wrong request too."""

    rule = "no_resubmit_on_final_reasons"

    def is_worth_another(self, run):
        return True


class SubmitsToNutrientForEver(NutrientRunLoop):
    """Submits again as long as the run fails."""

    rule = "gives_up"
    submissions = 10**9

    def pause(self, number):
        return 30


class SubmitsToNutrientAtOnce(NutrientRunLoop):
    """Does not wait before it submits again."""

    rule = "backoff"

    def pause(self, number):
        return 0


class LosesItsMode(NutrientRunLoop):
    """Submits again in another mode."""

    rule = "resends_payload"

    def submission(self, document, number):
        body = super().submission(document, number)
        if number:
            body["data"] = {"instructions": json.dumps({"mode": "understand"})}
        return body


class OneWay:
    """A stream that can be read once."""

    def __init__(self, content):
        self._left = content

    def read(self, _size=-1):
        content, self._left = self._left, b""
        return content


class SpendsItsFile(NutrientRunLoop):
    """Hands a stream over, so that each retry of a submission uploads nothing."""

    rule = "resends_payload"

    def submission(self, document, number):
        path = Path(document)
        return {
            **super().submission(document, number),
            "files": {"file": (path.name, OneWay(path.read_bytes()))},
        }


class LogsNutrientRunsOnly(NutrientRunLoop):
    """Logs that a run failed, and not why."""

    rule = "logs_run_failures"

    def report_run(self, run):
        log.error("run %s failed", run["runId"])


class LogsNutrientReasonsOnly(NutrientRunLoop):
    """Logs why a run failed, and not which."""

    rule = "logs_run_failures"

    def report_run(self, run):
        log.error("a run failed: %s", self.reason(run))


class IndexesDetails(NutrientRunLoop):
    """Takes a code for granted, which not every failed run has."""

    rule = "clear_errors"

    def is_worth_another(self, run):
        return run["errorDetails"]["code"] == "maestro_error"


class GivesNutrientUpAtAPoll(NutrientRunLoop):
    """Gives a run up where a poll meets a 500."""

    rule = "retries"

    def request(self, client, method, path, **options):
        self.attempts = 1 if method == "GET" else 4
        return super().request(client, method, path, **options)


class AsksForTheFeatureAgain(NutrientRunLoop):
    """Retries the 404 of a workspace that lacks the feature."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return response.status_code == 404 or super().is_retryable(response, body)


class TakesAcceptedForAResult(NutrientRunLoop):
    """Returns the reply to the submission: it is a 2xx."""

    rule = "succeeds"

    def follow(self, client, run):
        return {**run, "status": "done"}

    def output(self, client, run):
        return run


class WaitsForeverAtNutrient(NutrientRunLoop):
    """Sets no time-out."""

    rule = "sets_timeouts"
    timeout = None


class ForgetsNutrientIds(NutrientRunLoop):
    """Logs no requestId."""

    rule = "logs_request_id"

    def report(self, response, body):
        log.warning("request failed: %s", response.status_code)


class MakesItsKeyAnew(NutrientRunLoop):
    """Has a key for each attempt, so that a submission whose reply was lost makes two runs."""

    rule = "resends_payload"

    def headers(self):
        return {**super().headers(), "idempotency-key": str(uuid.uuid4())}
