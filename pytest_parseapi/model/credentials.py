"""Where a request carries its credential."""

from __future__ import annotations

import base64
import binascii
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

from pytest_parseapi.model.http import Request


class Credential(ABC):
    """Where a provider looks for a credential, and what it takes for one.

    A subclass reads requests; any well-formed credential is accepted by the simulated service.
    """

    @property
    def name(self) -> str:
        """What messages call it: the header or the parameter of the URL that carries it."""
        return "the credential"

    def example(self, key: str) -> str:
        """How a request carries a credential, for people: ``Authorization: Bearer KEY``.

        Args:
            key: the credential.
        """
        return f"{self.name}: {key}"

    @abstractmethod
    def read(self, request: Request) -> tuple[str, ...]:
        """Every secret that the request carries: checks look for each of them in logs.

        Args:
            request: what the consumer sent, well-formed or not; this must not raise.

        Returns:
            The secrets; empty where the request has no credential, or a malformed one.
        """


@dataclass(frozen=True, slots=True)
class BearerToken(Credential):
    """``Authorization: Bearer TOKEN``, or another scheme of one token.

    Args:
        scheme: the scheme's name; compared without regard to case.

    Example:
        >>> BearerToken("Token").scheme
        'Token'
    """

    scheme: str = "Bearer"

    @property
    def name(self) -> str:
        """The header's name."""
        return "Authorization"

    def example(self, key: str) -> str:
        """The header with the scheme."""
        return f"{self.name}: {self.scheme} {key}"

    def read(self, request: Request) -> tuple[str, ...]:
        """The token."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        token = token.strip()
        right = scheme == self.scheme or scheme.lower() == self.scheme.lower()
        return (token,) if token and right else ()


@dataclass(frozen=True, slots=True)
class HeaderKey(Credential):
    """A key in a header of its own, such as ``X-Api-Key``.

    Args:
        header: the header's name, in any case.

    Example:
        >>> HeaderKey("X-Api-Key").header
        'X-Api-Key'
    """

    header: str

    @property
    def name(self) -> str:
        """The header's name."""
        return self.header

    def read(self, request: Request) -> tuple[str, ...]:
        """The header's value."""
        value = (request.header(self.header.lower()) or "").strip()
        return (value,) if value else ()


@dataclass(frozen=True, slots=True)
class QueryKey(Credential):
    """A key in the URL, such as ``?api_key=...``.

    Args:
        parameter: the query parameter's name.

    Example:
        >>> QueryKey("api_key").parameter
        'api_key'
    """

    parameter: str

    @property
    def name(self) -> str:
        """The query parameter's name."""
        return self.parameter

    def example(self, key: str) -> str:
        """The parameter as written in the URL."""
        return f"?{self.parameter}={quote(key)}"

    def read(self, request: Request) -> tuple[str, ...]:
        """The parameter's value, as written in the URL and decoded."""
        written = [
            item.partition("=")[2]
            for item in request.query.split("&")
            if unquote(item.partition("=")[0]) == self.parameter
        ]
        values = [value for name, value in parse_qsl(request.query) if name == self.parameter]
        return tuple(dict.fromkeys(value for value in (*written, *values) if value.strip()))


@dataclass(frozen=True, slots=True)
class BasicAuth(Credential):
    """``Authorization: Basic`` with a user name and a password.

    Args:
        key_is_user: the key is the user name, and the password is empty.

    Example:
        >>> BasicAuth(key_is_user=True).key_is_user
        True
    """

    key_is_user: bool = False

    @property
    def name(self) -> str:
        """The header's name."""
        return "Authorization"

    def example(self, key: str) -> str:
        """The pair before it is encoded."""
        return f"user {key}, no password" if self.key_is_user else f"any user, password {key}"

    def read(self, request: Request) -> tuple[str, ...]:
        """The encoded pair, and the part of it that is secret."""
        token = _token(request)
        user, password = _basic_pair(request)
        secret = user if self.key_is_user else password
        return (token, secret) if secret else ()


def secrets_of_another_scheme(request: Request) -> set[str]:
    """What a request carries as a credential that its provider does not read.

    A URL with a key in it, ``https://KEY@host``, is sent as a Basic pair.

    Args:
        request: what the consumer sent.
    """
    user, password = _basic_pair(request)
    return {_token(request), password or user} - {""}


def _token(request: Request) -> str:
    return (request.header("authorization") or "").partition(" ")[2].strip()


def _basic_pair(request: Request) -> tuple[str, str]:
    """User name and password; two empty texts where there is no such pair."""
    if not (request.header("authorization") or "").lower().startswith("basic "):
        return "", ""
    try:
        pair = base64.b64decode(_token(request), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    user, colon, password = pair.partition(":")
    return (user, password) if colon else ("", "")
