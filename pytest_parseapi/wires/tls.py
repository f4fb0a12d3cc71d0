"""One TLS context for all the clients of a session, instead of one for each."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

__all__ = ["SharedContexts"]

_ENVIRONMENT: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


class SharedContexts:
    """Keeps the contexts that httpx builds for clients without TLS settings of their own.

    Reading the certificate store is most of what creating a client costs, and an intercepted call
    never uses it. The contexts are real ones, so that requests to other hosts verify as always; a
    client with settings of its own (``verify=...``, ``cert=...``) gets a context of its own.
    """

    def __init__(self) -> None:
        self._contexts: dict[Any, Any] = {}

    @contextlib.contextmanager
    def shared_by(self, module: ModuleType) -> Iterator[None]:
        """Share contexts among the transports of httpx or httpx2.

        Only the transports' own reference is replaced: whoever calls ``httpx.create_ssl_context``
        means to change what it gets.
        """
        default = sys.modules.get(f"{module.__name__}._transports.default")
        real = getattr(default, "create_ssl_context", None)
        if default is None or real is None:
            yield
            return

        def create_ssl_context(*args: Any, **kwargs: Any) -> Any:
            settings: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
            if any(not isinstance(value, (bool, type(None))) for value in settings.values()):
                return real(*args, **kwargs)
            environment = tuple(os.environ.get(name) for name in _ENVIRONMENT)
            key = (module.__name__, environment, tuple(sorted(settings.items(), key=str)))
            if key not in self._contexts:
                self._contexts[key] = real(*args, **kwargs)
            return self._contexts[key]

        setattr(default, "create_ssl_context", create_ssl_context)  # noqa: B010 - a module of httpx's own
        try:
            yield
        finally:
            setattr(default, "create_ssl_context", real)  # noqa: B010
