"""Right receivers of webhooks, which fetch the run that an event is about."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time

import extend_ai
import httpx
from right_runs import RunLoop
from toolbox import log


class Rejected(Exception):  # noqa: N818 - as consumers name theirs
    """What a receiver raises on a delivery that is not the provider's."""


class Receiver(RunLoop):
    """Verifies by hand, drops repeats, and fetches the run. Right in every respect."""

    def handle_webhook(self, body, headers):
        self.verify(body, headers)
        event = json.loads(body)
        if self.is_known(event):
            return 200
        try:
            self.fetch(event)
        except BaseException:
            # The next delivery of the event is not to find it done.
            self.seen.discard(event["eventId"])
            raise
        return 204

    def fetch(self, event):
        if event["eventType"] in ("parse_run.processed", "parse_run.failed"):
            with httpx.Client(timeout=self.timeout) as client:
                run = self.request(client, "GET", f"/parse_runs/{event['payload']['id']}")
            log.info("run %s ended %s: %s", run["id"], run["status"], run.get("failureReason"))

    def verify(self, body, headers):
        stamp = headers.get("x-extend-request-timestamp", "")
        if not stamp.isdecimal() or not self.is_fresh(int(stamp)):
            raise Rejected("timestamp")
        message = b"v0:" + stamp.encode() + b":" + body
        ours = hmac.new(self.webhook_secret.encode(), message, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(ours, headers.get("x-extend-request-signature", "")):
            raise Rejected("signature")
        try:
            json.loads(body)
        except ValueError as error:
            raise Rejected("no JSON") from error

    def is_fresh(self, stamp):
        return -60 <= time.time() - stamp <= 300

    def is_known(self, event):
        self.seen = getattr(self, "seen", set())
        if event["eventId"] in self.seen:
            return True
        self.seen.add(event["eventId"])
        return False


class ByHand(Receiver):
    """Verifies by hand."""


class ByTheOfficialClient(Receiver):
    """Lets the official client verify."""

    def verify(self, body, headers):
        client = extend_ai.Extend(token=self.api_key)
        client.webhooks.verify_and_parse(body, headers, self.webhook_secret)


class CountsItsEffects(Receiver):
    """Asks the API for nothing, and counts what it did."""

    effects = 0

    def handle_webhook(self, body, headers):
        self.verify(body, headers)
        if not self.is_known(json.loads(body)):
            self.effects += 1

    def webhook_effects(self):
        return self.effects


class WorksAfterItsAnswer(Receiver):
    """Answers at once; what takes longer than the provider waits is done by a thread."""

    def handle_webhook(self, body, headers):
        self.verify(body, headers)
        event = json.loads(body)
        if self.is_known(event):
            return 200
        worker = threading.Thread(target=self.work, args=(event,))
        worker.start()
        self.workers = [*getattr(self, "workers", []), worker]
        return 202

    def work(self, event):
        time.sleep(31)
        self.fetch(event)


class TakesAlmostTheTimeThereIs(Receiver):
    """Answers after 29 s."""

    def handle_webhook(self, body, headers):
        answer = super().handle_webhook(body, headers)
        time.sleep(29)
        return answer
