"""Finds the target of a request to the live server: API or control, and the token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pytest_parseapi.model.http import Request

CONTROL: Final = "/__parseapi"
"""The path of the control, under any base URL."""

_SCOPE: Final = "/s/"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of a request.

    Args:
        token: identifies the scripts and the record; None for those without a token.
        path: the path within the API, or within the control.
        control: whether it is for the control.
        base_url: the base URL that the client uses.
        problem: what is wrong with the path, in a sentence.
    """

    token: str | None = None
    path: str
    control: bool = False
    base_url: str
    problem: str | None = None


def target_of(request: Request, base_path: str) -> Target:
    """Find the target of a request.

    Args:
        request: the request; its base URL has neither a token nor a provider's path.
        base_path: the path of the provider's base URL, which a client may put before or after the
            token, or leave out.
    """
    root, path, token = request.base_url, request.path, None
    before = _without(path, base_path)
    if before.startswith(_SCOPE):
        token, _, rest = before.removeprefix(_SCOPE).partition("/")
        root += f"{path.removesuffix(before)}{_SCOPE}{token}"
        path = f"/{rest}"
        if not _TOKEN.fullmatch(token):
            problem = f"/s/TOKEN: a token is 1 to 64 of A-Za-z0-9_.-, not {token!r}."
            return Target(path=path, base_url=root, problem=problem)
    within = _without(path, base_path)
    if within == CONTROL or within.startswith(f"{CONTROL}/"):
        return Target(token=token, path=within.removeprefix(CONTROL), control=True, base_url=root)
    if token is None or within != path:
        root += base_path
    return Target(token=token, path=path, base_url=root)


def _without(path: str, base_path: str) -> str:
    """The path without a provider's, where it begins with it."""
    return path.removeprefix(base_path) if path.startswith(f"{base_path}/") else path
