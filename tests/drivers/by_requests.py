from __future__ import annotations

from typing import ClassVar

import requests
import urllib3
from drivers.driver import Answer, InProcess, headers


class Requests(InProcess):
    """requests, at module level."""

    name = client = "requests"
    raises: ClassVar = {
        "connect_error": requests.ConnectionError,
        "connect_timeout": requests.ConnectTimeout,
        "read_timeout": requests.ReadTimeout,
        "connection_reset": requests.ConnectionError,
        "truncated_body": requests.exceptions.ChunkedEncodingError,
    }
    if urllib3.__version__.startswith("1."):
        # It reads on as if the body had ended.
        del raises["truncated_body"]

    def send(self, api, method, path, *, json=None, upload=None, limits):
        files = None
        if upload is not None:
            files = {"file": (upload.filename, upload.content, upload.content_type)}
        response = requests.request(
            method,
            self.url(api, path),
            json=json,
            files=files,
            headers=headers(api),
            timeout=limits,
        )
        return Answer(
            status=response.status_code,
            reason=response.reason,
            headers=response.headers,
            text=response.text,
        )
