"""Broken consumers of asynchronous runs. One fault each."""

from __future__ import annotations

from right_runs import TRANSIENT, RunLoop
from toolbox import ParseFailed, log


class TakesFailedForDone(RunLoop):
    """Waits for the end of a run, and takes every end for a success."""

    rule = "raises"

    def is_done(self, run):
        return True


class SwallowsFailedRuns(RunLoop):
    """Logs a failed run, and returns None."""

    rule = "raises"

    def finish(self, failure):
        return None


class PollsAfterTheEnd(RunLoop):
    """Polls once more to be sure."""

    rule = "stops_polling"

    def follow(self, client, run):
        run = super().follow(client, run)
        self.sleep(self.poll_every)
        return self.poll(client, run)


class WaitsForSuccessOnly(RunLoop):
    """Polls until a run is PROCESSED, which a failed one never is."""

    rule = "stops_polling"

    def is_over(self, run):
        return run.get("status") == "PROCESSED"


class PollsWithoutWait(RunLoop):
    """Polls as fast as it can."""

    rule = "polls_politely"
    poll_every = 0


class PollsTooOften(RunLoop):
    """Polls ten times a second."""

    rule = "polls_politely"
    poll_every = 0.1


class NeverSubmitsAgain(RunLoop):
    """Gives a document up with its first failed run, although OCR_ERROR passes."""

    rule = "resubmits"
    submissions = 1


class ForgetsChunking(RunLoop):
    """Submits again after OCR_ERROR only."""

    rule = "resubmits"

    def is_worth_another(self, run):
        return run.get("failureReason") == "OCR_ERROR"


class SubmitsCorruptFilesAgain(RunLoop):
    """Submits again whatever failed, a corrupt file too."""

    rule = "no_resubmit_on_final_reasons"

    def is_worth_another(self, run):
        return run.get("failureReason") in (*TRANSIENT, "CORRUPT_FILE")


class SubmitsEverythingAgain(RunLoop):
    """Submits every failed document again."""

    rule = "no_resubmit_on_final_reasons"

    def is_worth_another(self, run):
        return True


class SubmitsForEver(RunLoop):
    """Submits again as long as the run fails."""

    rule = "gives_up"
    submissions = 10**9

    def pause(self, number):
        return 30


class SubmitsAgainAtOnce(RunLoop):
    """Does not wait before it submits again."""

    rule = "backoff"

    def pause(self, number):
        return 0


class LosesTheName(RunLoop):
    """Submits again without the document's name."""

    rule = "resends_payload"

    def submission(self, document, number):
        body = super().submission(document, number)
        if number:
            del body["file"]["name"]
        return body


class LogsTheRunOnly(RunLoop):
    """Logs that a run failed, and not why."""

    rule = "logs_run_failures"

    def report_run(self, run):
        log.error("run %s failed", run["id"])


class LogsTheReasonOnly(RunLoop):
    """Logs why a run failed, and not which."""

    rule = "logs_run_failures"

    def report_run(self, run):
        log.error("a run failed: %s", run.get("failureReason"))


class LogsRunsAtDebug(RunLoop):
    """Logs failed runs at DEBUG."""

    rule = "logs_run_failures"

    def report_run(self, run):
        log.debug("run %s failed: %s", run["id"], run.get("failureReason"))


class LooksReasonsUp(RunLoop):
    """Looks the reason up in a table that lacks it."""

    rule = "clear_errors"

    def is_worth_another(self, run):
        table = dict.fromkeys(TRANSIENT, True)
        if run.get("failureReason", "").isupper() and "ADDED" in run["failureReason"]:
            return table[run["failureReason"]]
        return super().is_worth_another(run)


class GivesUpAtAFailedPoll(RunLoop):
    """Gives a run up where a poll meets a 500."""

    rule = "retries"

    def request(self, client, method, path, **options):
        self.attempts = 1 if method == "GET" else 4
        return super().request(client, method, path, **options)


class PollsAnUnknownRunAgain(RunLoop):
    """Polls again where the run does not exist."""

    rule = "no_retry_on_final_errors"

    def is_retryable(self, response, body):
        return response.status_code == 404 or super().is_retryable(response, body)


class SubmitsOnceMoreThanStated(RunLoop):
    """States two submissions of a document, and makes three."""

    rule = "gives_up"
    max_submissions = 2


class FollowsNoRun(RunLoop):
    """Gives each run up before it has ended."""

    rule = "succeeds"

    def follow(self, client, run):
        raise ParseFailed("too slow")


class FollowsTheFirstRunOnly(RunLoop):
    """Submits a document again, and leaves the new run to itself."""

    rule = "resubmits"

    def parse(self, document):
        self.followed = False
        return super().parse(document)

    def follow(self, client, run):
        if self.followed:
            raise ParseFailed("submitted again")
        self.followed = True
        return super().follow(client, run)
