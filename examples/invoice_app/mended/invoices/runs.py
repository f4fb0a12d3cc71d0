"""Long documents: submitted, and polled until they are done."""

import logging
import time

from invoices.api import EXTEND, NotReadError, send

log = logging.getLogger(__name__)

TRANSIENT = ("OCR_ERROR", "CHUNKING_ERROR", "INTERNAL_ERROR")
ENDED = ("PROCESSED", "FAILED", "CANCELLED")


def submit(url):
    """A new run."""
    return send("POST", f"{EXTEND}/parse_runs", json={"file": {"url": url}})


def follow(run):
    """The run when it has ended."""
    while run["status"] not in ENDED:
        time.sleep(2)
        run = send("GET", f"{EXTEND}/parse_runs/{run['id']}")
    if run["status"] == "FAILED":
        log.error("run %s failed: %s", run["id"], run.get("failureReason"))
    return run


def archive(url):
    """The output of a document, which is submitted again where that may help."""
    for attempt in range(3):
        run = follow(submit(url))
        if run["status"] == "PROCESSED":
            return run["output"]
        if run.get("failureReason") not in TRANSIENT:
            break
        time.sleep(2.0**attempt)
    raise NotReadError(f"{url}: {run.get('failureReason')}")


def archive_contract(url):
    """A contract."""
    return archive(url)


def archive_report(url):
    """A report."""
    return archive(url)


def archive_minutes(url):
    """Minutes of a meeting."""
    return archive(url)
