"""Tokens that prove themselves: signed with a key that grows from the sandbox's seed.

So a sandbox that is started again with the same seed still honours what it handed out.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta

#: Every scope there is, in the order in which tokens list them.
SCOPES = ("account_read", "account_update", "campaign_data", "contact_data", "offline_access")

_REFRESH = struct.Struct(">BBHII")  # application, scopes, serial, family, issued
_SIGNATURE_BYTES = 18
_JWT_LENGTH = 1_100


@dataclass(frozen=True)
class AccessGrant:
    """What an access token allows: to whom, and what."""

    client_id: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class RefreshGrant:
    """What a refresh token stands for.

    Attributes:
        application: the number of the application it was given to.
        scopes: what its access tokens allow.
        family: all tokens that grew from one sign-in.
        serial: which of the family it is.
        issued: when.
    """

    application: int
    scopes: tuple[str, ...]
    family: int
    serial: int
    issued: datetime


class Signer:
    """Writes tokens and reads its own."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.sha256(f"constantcontact-sandbox:{seed}".encode()).digest()

    def secret(self, of: str) -> str:
        """Derive something hard to guess: a client secret, or a code."""
        return base64.urlsafe_b64encode(self._sign(of.encode())).decode()

    def number(self, of: str) -> int:
        """Derive a number of 32 bits."""
        return int.from_bytes(self._sign(of.encode())[:4], "big")

    def refresh_token(self, grant: RefreshGrant) -> str:
        """Write a refresh token."""
        scopes = sum(1 << SCOPES.index(each) for each in grant.scopes)
        issued = int(grant.issued.timestamp())
        said = _REFRESH.pack(grant.application, scopes, grant.serial, grant.family, issued)
        return base64.urlsafe_b64encode(said + self._sign(said)).decode()

    def read_refresh_token(self, token: str) -> RefreshGrant | None:
        """Return what a refresh token stands for, or None if it is not one of these."""
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except (binascii.Error, ValueError):
            return None
        said, signature = raw[: _REFRESH.size], raw[_REFRESH.size :]
        if not hmac.compare_digest(signature, self._sign(said)):
            return None
        application, scopes, serial, family, issued = _REFRESH.unpack(said)
        held = tuple(each for number, each in enumerate(SCOPES) if scopes >> number & 1)
        when = datetime.fromtimestamp(issued, UTC)
        return RefreshGrant(application, held, family, serial, when)

    def access_token(
        self, grant: AccessGrant, issued: datetime, life: timedelta, serial: int
    ) -> str:
        """Write an access token: a JWT of the length that real ones have."""
        claims = {
            "ver": 1,
            "iss": "https://identity.example.com/oauth2/default",
            "aud": "https://api.cc.email/v3",
            "iat": issued.timestamp(),
            "exp": (issued + life).timestamp(),
            "jti": f"AT.{serial}",
            "cid": grant.client_id,
            "scp": sorted(grant.scopes),
        }
        head = _encode({"kid": "sandbox", "alg": "HS256"})
        missing = _JWT_LENGTH - len(head) - len(_encode(claims)) - 2 * _SIGNATURE_BYTES
        said = f"{head}.{_encode({**claims, 'sub': 'x' * (missing * 3 // 4)})}"
        return f"{said}.{self.secret(said)}"

    def read_access_token(self, token: str, now: datetime) -> AccessGrant | None:
        """Return what an access token allows, or None if it is no good (any more)."""
        said, _, signature = token.rpartition(".")
        if not said or not hmac.compare_digest(signature.encode(), self.secret(said).encode()):
            return None
        claims = json.loads(base64.urlsafe_b64decode(said.partition(".")[2] + "=="))
        if now.timestamp() >= claims["exp"]:
            return None
        return AccessGrant(claims["cid"], frozenset(claims["scp"]))

    def _sign(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:_SIGNATURE_BYTES]


def _encode(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
