"""Consumers of the third provider: a right one for each surface, and broken ones."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import time

import httpx

log = logging.getLogger("acme")


class Right:
    """Submits jobs or reads at once, retries what may be retried, and takes webhooks."""

    def __init__(self, base_url, api_key, secret=""):
        self.base_url = base_url
        self.headers = {"X-Api-Key": api_key}
        self.secret = secret
        self.seen = set()
        self.done = 0

    def wait(self, number, reply):
        asked = reply.headers.get("retry-after") if reply is not None else None
        if asked and asked.isdigit():
            return float(asked)
        if asked:
            from email.utils import parsedate_to_datetime

            return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time()) + 0.5
        return 2.0**number

    def may_retry(self, reply):
        return reply is None or reply.status_code in (429, 502, 503, 504)

    def log_failure(self, reply):
        log.error("acme failed: %s", "no reply" if reply is None else self.about(reply))

    def about(self, reply):
        return f"{reply.status_code} {reply.headers.get('x-acme-request')}"

    def ask(self, client, method, path, body=None):
        for number in range(4):
            try:
                reply = client.request(
                    method, self.base_url + path, json=body, headers=self.headers
                )
            except httpx.TransportError:
                reply = None
            else:
                with contextlib.suppress(ValueError):
                    if reply.is_success:
                        return reply.json()
            if not self.may_retry(reply) or number == 3:
                break
            time.sleep(self.wait(number, reply))
        self.log_failure(reply)
        raise RuntimeError("acme failed")

    def read(self, document):
        with httpx.Client(timeout=10) as client:
            return self.ask(client, "POST", "/read", {"source": document})["text"]

    def job(self, document):
        with httpx.Client(timeout=10) as client:
            for number in range(3):
                job = self.ask(client, "POST", "/jobs", {"source": document})["job"]
                found = self.poll(client, job)
                if found["state"] == "finished":
                    return found
                log.error("job %s failed: %s", job, found.get("why"))
                if found.get("why") != "BUSY":
                    break
                time.sleep(2.0**number)
        raise RuntimeError("the job failed")

    def poll(self, client, job):
        while True:
            time.sleep(1)
            found = self.ask(client, "GET", f"/jobs/{job}")
            if found["state"] in ("finished", "broken"):
                return found

    def good(self, body, headers):
        wanted = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, headers.get("x-acme-signature", ""))

    def webhook(self, body, headers):
        if not self.good(body, headers):
            return 400
        event = json.loads(body)
        if event["id"] not in self.seen and event["type"] in ("job.finished", "job.broken"):
            self.seen.add(event["id"])
            self.done += 1
        return 200


class RetriesAtOnce(Right):
    breaks = "backoff"

    def wait(self, number, reply):
        return 0


class RetriesFinalErrors(Right):
    breaks = "no_retry_on_final_errors"

    def may_retry(self, reply):
        return True


class LogsNoId(Right):
    breaks = "logs_request_id"

    def about(self, reply):
        return str(reply.status_code)


class LogsItsKey(Right):
    breaks = "hides_credentials"

    def log_failure(self, reply):
        super().log_failure(reply)
        log.error("with the key %s", self.headers["X-Api-Key"])


class PollsForEver(Right):
    breaks = "stops_polling"

    def poll(self, client, job):
        found = super().poll(client, job)
        for _ in range(3):
            time.sleep(1)
            self.ask(client, "GET", f"/jobs/{job}")
        return found


class TakesAnything(Right):
    breaks = "verifies_signature"

    def good(self, body, headers):
        return True


BROKEN = {
    "http": (RetriesAtOnce, RetriesFinalErrors, LogsNoId, LogsItsKey),
    "run": (RetriesAtOnce, LogsItsKey, PollsForEver, TakesAnything),
}
