"""Broken consumers: what their retries carry. One fault each."""

from __future__ import annotations

from pathlib import Path

from toolbox import Loop, NutrientLoop


class EmptyBodyOnRetry(Loop):
    """Sends the document with the first attempt only."""

    rule = "resends_payload"

    def send(self, client, document, attempt):
        body = {} if attempt else {"file": {"url": document}}
        return client.post(f"{self.base_url}/parse", json=body, headers=self.headers())


class SpentHandle(NutrientLoop):
    """Sends an open file, which the first attempt reads to its end."""

    rule = "resends_payload"

    def parse(self, document):
        with Path(document).open("rb") as self.handle:
            return super().parse(document)

    def send(self, client, document, attempt):
        return client.post(
            f"{self.base_url}/extraction/parse",
            content=iter(lambda: self.handle.read(4096), b""),
            headers={**self.headers(), "content-type": "application/pdf"},
        )


class SpentForm(NutrientLoop):
    """Reads the file for the form anew from a handle at its end."""

    rule = "resends_payload"

    def parse(self, document):
        with Path(document).open("rb") as self.handle:
            return super().parse(document)

    def files(self, document, attempt):
        return {"file": (Path(document).name, self.handle.read(), "application/pdf")}


class DropsAField(NutrientLoop):
    """Takes the instructions out of its form when it sends it: the retry goes without."""

    rule = "resends_payload"

    def fields(self, attempt):
        return {} if attempt else super().fields(attempt)


class DropsTheFile(NutrientLoop):
    """Retries with the instructions alone."""

    rule = "resends_payload"

    def files(self, document, attempt):
        return {} if attempt else super().files(document, attempt)


class ChangesTheFileName(NutrientLoop):
    """Names the file after the attempt."""

    rule = "resends_payload"

    def files(self, document, attempt):
        _, data, kind = super().files(document, attempt)["file"]
        return {"file": (f"retry-{attempt}.pdf" if attempt else "contract.pdf", data, kind)}


class ChangesTheContentType(NutrientLoop):
    """Forgets what kind of file it is."""

    rule = "resends_payload"

    def files(self, document, attempt):
        name, data, kind = super().files(document, attempt)["file"]
        return {"file": (name, data, "application/octet-stream" if attempt else kind)}


class DropsItsOptions(Loop):
    """Retries with the default configuration instead of its own."""

    rule = "resends_payload"

    def send(self, client, document, attempt):
        body = {"file": {"url": document}}
        if attempt == 0:
            body["config"] = {"target": "markdown"}
        return client.post(f"{self.base_url}/parse", json=body, headers=self.headers())


class DropsItsQuery(Loop):
    """Asks for the output by URL, and at the retry for the output itself."""

    rule = "resends_payload"

    def send(self, client, document, attempt):
        return client.post(
            f"{self.base_url}/parse",
            params={} if attempt else {"responseType": "url"},
            json={"file": {"url": document}},
            headers=self.headers(),
        )

    def result(self, response, body):
        return body.get("output") or body["outputUrl"]
