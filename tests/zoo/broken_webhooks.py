"""Broken receivers of webhooks. One fault each."""

from __future__ import annotations

import json
import time

from right_webhooks import Receiver, Rejected
from toolbox import log


class AcceptsAnySignature(Receiver):
    """Never looks at the signature."""

    rule = "verifies_signature"

    def verify(self, body, headers):
        try:
            json.loads(body)
        except ValueError as error:
            raise Rejected("no JSON") from error


class LogsWrongSignaturesOnly(Receiver):
    """Warns about a wrong signature, and goes on."""

    rule = "verifies_signature"

    def verify(self, body, headers):
        try:
            super().verify(body, headers)
        except Rejected:
            if not body.startswith(b"{"):
                raise
            log.warning("a wrong delivery")


class AcceptsOldDeliveries(Receiver):
    """Lets a recorded delivery be played again after ten minutes."""

    rule = "verifies_signature"

    def is_fresh(self, stamp):
        return True


class HandlesTwice(Receiver):
    """Handles a redelivered event again."""

    rule = "handles_events_once"

    def is_known(self, event):
        return False


class PrintsTheSecret(Receiver):
    """Prints what it verifies with."""

    rule = "hides_webhook_secret"

    def verify(self, body, headers):
        print(f"verifying with {self.webhook_secret}")  # noqa: T201 - its fault
        super().verify(body, headers)


class RejectsNewEvents(Receiver):
    """Turns event types down that it does not know."""

    rule = "accepts_webhooks"

    def handle_webhook(self, body, headers):
        answer = super().handle_webhook(body, headers)
        known = json.loads(body)["eventType"] in ("parse_run.processed", "parse_run.failed")
        return answer if known else 400


class AnswersAfterTheProviderHasGone(Receiver):
    """Works on the event for 31 s before it answers: the provider has given up, and redelivers."""

    rule = "accepts_webhooks"

    def handle_webhook(self, body, headers):
        answer = super().handle_webhook(body, headers)
        time.sleep(31)
        return answer


class WorksForEachRedelivery(Receiver):
    """Notes that it knows the event when its work is done: a redelivery comes before that."""

    rule = "handles_events_once"

    def is_known(self, event):
        known = event["eventId"] in getattr(self, "seen", set())
        if not known:
            time.sleep(40)
            super().is_known(event)
        return known


class KnowsEventsByTheirSignature(Receiver):
    """Takes the signature for the event's name; a redelivery is signed again."""

    rule = "handles_events_once"

    def handle_webhook(self, body, headers):
        self.signature = headers.get("x-extend-request-signature")
        return super().handle_webhook(body, headers)

    def is_known(self, event):
        return super().is_known({**event, "eventId": self.signature})


class KnowsEventsByIdAndTime(Receiver):
    """Has the time of the delivery in its key; a redelivery has another one."""

    rule = "handles_events_once"

    def handle_webhook(self, body, headers):
        self.stamp = headers.get("x-extend-request-timestamp")
        return super().handle_webhook(body, headers)

    def is_known(self, event):
        return super().is_known({**event, "eventId": f"{event['eventId']} {self.stamp}"})
