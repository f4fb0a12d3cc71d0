"""Where providers read credentials."""

from __future__ import annotations

import base64

import pytest

from pytest_parseapi import BasicAuth, BearerToken, Credential, HeaderKey, QueryKey, Request

PAIR = base64.b64encode(b"user:secret").decode()
KEY_ONLY = base64.b64encode(b"secret:").decode()


def request(query="", **headers):
    return Request(
        method="POST",
        url=f"https://api.acme.example/parse?{query}",
        host="api.acme.example",
        path="/parse",
        query=query,
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        client="httpx",
    )


@pytest.mark.parametrize(
    ("credential", "sent", "found"),
    [
        (BearerToken(), request(authorization="Bearer k1"), ("k1",)),
        (BearerToken(), request(authorization="bearer  k1 "), ("k1",)),
        (BearerToken(), request(authorization="Basic k1"), ()),
        (BearerToken(), request(authorization="Bearer"), ()),
        (BearerToken(), request(), ()),
        (BearerToken("Token"), request(authorization="Token k1"), ("k1",)),
        (HeaderKey("X-Api-Key"), request(x_api_key="k1"), ("k1",)),
        (HeaderKey("X-Api-Key"), request(x_api_key=" "), ()),
        (HeaderKey("X-Api-Key"), request(authorization="Bearer k1"), ()),
        (QueryKey("key"), request("a=1&key=k%2B1"), ("k%2B1", "k+1")),
        (QueryKey("key"), request("key=k1"), ("k1",)),
        (QueryKey("key"), request("key="), ()),
        (QueryKey("key"), request("keys=k1"), ()),
        (BasicAuth(), request(authorization=f"Basic {PAIR}"), (PAIR, "secret")),
        (
            BasicAuth(key_is_user=True),
            request(authorization=f"Basic {KEY_ONLY}"),
            (KEY_ONLY, "secret"),
        ),
        (BasicAuth(), request(authorization=f"Basic {KEY_ONLY}"), ()),
        (BasicAuth(), request(authorization="Basic ???"), ()),
        (BasicAuth(), request(authorization=f"Bearer {PAIR}"), ()),
    ],
)
def test_a_credential_is_read(credential, sent, found):
    assert credential.read(sent) == found


class Cookie(Credential):
    def read(self, request):
        return tuple(filter(None, [request.header("cookie")]))


@pytest.mark.parametrize(
    ("credential", "name", "example"),
    [
        (BearerToken(), "Authorization", "Authorization: Bearer k/1"),
        (BearerToken("Token"), "Authorization", "Authorization: Token k/1"),
        (HeaderKey("X-Api-Key"), "X-Api-Key", "X-Api-Key: k/1"),
        (QueryKey("key"), "key", "?key=k/1"),
        (BasicAuth(), "Authorization", "any user, password k/1"),
        (BasicAuth(key_is_user=True), "Authorization", "user k/1, no password"),
        (Cookie(), "the credential", "the credential: k/1"),
    ],
)
def test_a_credential_says_where_it_is(credential, name, example):
    assert credential.name == name
    assert credential.example("k/1") == example
