"""Documents that are read while the customer waits."""

import asyncio

from invoices.api import EXTEND, NUTRIENT, NotReadError, send


def read(url):
    """The output of the document behind a URL."""
    return send("POST", f"{EXTEND}/parse", json={"file": {"url": url}})["output"]


def read_receipt(url):
    """A receipt."""
    return read(url)


def read_invoice(url):
    """An invoice."""
    return read(url)


def read_order(url):
    """An order."""
    return read(url)


def read_letter(url):
    """A letter."""
    return read(url)


def read_statement(url):
    """A bank's statement."""
    return read(url)


def read_estimate(url):
    """An estimate: by Nutrient where Extend cannot."""
    try:
        return read(url)
    except NotReadError:
        body = {"url": url, "mode": "structure"}
        return send("POST", f"{NUTRIENT}/extraction/parse", json=body)["output"]


def read_note(url):
    """A delivery note."""
    return read(url)


async def read_pages(urls):
    """Many documents at a time, by URL; the first that cannot be read ends it."""
    outputs = await asyncio.gather(*(asyncio.to_thread(read, url) for url in urls))
    return dict(zip(urls, outputs, strict=True))


def read_scan(path):
    """A file of our own: uploaded, and then read."""
    content = path.read_bytes()
    files = {"file": (path.name, content, "application/pdf")}
    file = send("POST", f"{EXTEND}/files/upload", files=files)
    return send("POST", f"{EXTEND}/parse", json={"file": {"id": file["id"]}})["output"]
