"""Shares one TLS context among all clients of a session."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

_ENVIRONMENT: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


class SharedContexts:
    """Keeps the contexts that httpx builds for clients without TLS settings of their own.

    Reading the certificate store is most of what creating a client costs, and an intercepted call
    never uses it. The contexts are real ones, so that requests to other hosts verify as always; a
    client with settings of its own (``verify=...``, ``cert=...``) gets a context of its own.
    """

    def __init__(self) -> None:
        self._contexts: dict[Any, Any] = {}

    def sharing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """Make the replacement of a ``create_ssl_context``.

        Args:
            real: the function of httpx or httpx2.
        """

        def create_ssl_context(*args: Any, **kwargs: Any) -> Any:
            settings: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
            if any(not isinstance(value, (bool, type(None))) for value in settings.values()):
                return real(*args, **kwargs)
            environment = tuple(os.environ.get(name) for name in _ENVIRONMENT)
            key = (real, environment, tuple(sorted(settings.items(), key=str)))
            if key not in self._contexts:
                self._contexts[key] = real(*args, **kwargs)
            return self._contexts[key]

        return create_ssl_context
