"""From a refresh token to an access token, and to the next refresh token.

A grant is what signing in once leads to: a refresh token, which an application with *rotating*
tokens may use only once, and the access token that goes with it. The store keeps it, so that
all processes on the machine use one access token a day.
Source: docs/api-notes.md, "Refresh tokens may be single-use".
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from tap_constantcontact.errors import (
    SIGN_IN,
    SIGN_IN_AGAIN,
    GrantRefused,
    SignInNeeded,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from tap_constantcontact.settings import Settings
    from tap_constantcontact.store import Document, Store

EARLY_SECONDS = 300
"""An access token this close to its end is renewed before it is used."""

LOGGER = logging.getLogger(__name__)

DAY = 86_400.0
"""Seconds that an access token lives, where the answer does not say."""


class TokenEndpoint(Protocol):
    """Exchanges a form for tokens: the authorization server's `/token`."""

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the token answer.

        Raises:
            GrantRefused: The grant is dead.
        """


def fingerprint(token: str) -> str:
    """Return what names a token without telling it."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


class Grants:
    """The grants of one API key in the store.

    A grant is filed under the fingerprint of the token it grew from. That is how a token in the
    settings that never changes finds the token that it became, how a *new* token in the
    settings wins over an old grant, and how several accounts share one store and one API key.

    Args:
        store: Where grants are kept.
        settings: Whose grants: the API key, and the refresh token if the settings hold one.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._signed_in = f"signed-in-{settings.client_id}"
        self._client_id = settings.client_id
        self._given = settings.refresh_token

    def key(self) -> str | None:
        """Return the key of the grant in use, or None if nobody has signed in."""
        if self._given:
            return self._key(fingerprint(self._given))
        pointer = self._store.get(self._signed_in)
        return self._key(pointer["grew_from"]) if pointer else None

    def kept(self) -> Document | None:
        """Return the grant in use as it is in the store, if it is."""
        key = self.key()
        return self._store.get(key) if key else None

    def given(self) -> Document | None:
        """Return the grant that a token of the settings starts, if there is one."""
        return {"refresh_token": self._given} if self._given else None

    def replace(self, refresh_token: str, grant: Document) -> bool:
        """Replace the grant in use if its refresh token is still this one; tell whether it was."""
        found: list[bool] = []

        def replaced(kept: Document | None, _: float) -> Document | None:
            now = kept or self.given() or {}
            found.append(now.get("refresh_token") == refresh_token)
            return grant if found[-1] else kept

        self._store.change(self._held(), replaced)
        return found[-1]

    def sign_in(self, grant: Document) -> None:
        """Keep the grant of a new sign-in and use it from now on.

        It takes the place of the token in the settings, if there is one: that token is what
        the user has just replaced.
        """
        grew_from = fingerprint(self._given or grant["refresh_token"] or grant["access_token"])
        key = self._key(grew_from)
        with self._store.lock(key):
            self._store.change(key, lambda *_: grant)
        self._store.change(self._signed_in, lambda *_: {"grew_from": grew_from})

    def forget(self) -> bool:
        """Forget the grant in use; tell whether there was one."""
        key = self.key()
        if key is None:
            return False
        with self._store.lock(key):
            there = self._store.get(key) is not None
            self._store.change(key, lambda *_: None)
        self._store.change(self._signed_in, lambda *_: None)
        return there

    def lock(self) -> AbstractContextManager[object]:
        """Hold the grant in use against all other processes."""
        return self._store.lock(self._held())

    def _held(self) -> str:
        key = self.key()
        if key is None:
            raise SignInNeeded(f"Nobody has signed in yet; {SIGN_IN}")
        return key

    def _key(self, grew_from: str) -> str:
        return f"grant-{self._client_id}-{grew_from}"


class Authenticator:
    """Signs requests with the access token, which it renews when it must.

    Args:
        grants: Where the grant is kept.
        endpoint: Who exchanges a refresh token.
        given: An access token of the settings: used until it is refused.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        grants: Grants,
        endpoint: TokenEndpoint,
        *,
        given: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._grants = grants
        self._endpoint = endpoint
        self._lock = threading.RLock()
        self._closed = False
        self._refusal: SignInNeeded | None = None
        self._clock = clock
        self._access_token = given

    def access_token(self) -> str:
        """Return an access token: the one at hand, the store's, or a new one.

        Raises:
            SignInNeeded: There is none and none can be had.
        """
        with self._lock:
            if self._access_token is None:
                self._access_token = self._good(self._grants.kept()) or self._renewed(refused=None)
            return self._access_token

    def renew(self, refused: str) -> bool:
        """Replace an access token that the API has refused; tell whether the new one is fresh.

        Another thread or process may have replaced it already: then its token is taken, which
        may be refused as well.

        Raises:
            SignInNeeded: No other can be had.
        """
        with self._lock:
            if self._access_token != refused:
                return False
            kept = self._good(self._grants.kept(), refused)
            self._access_token = kept or self._renewed(refused=refused)
            return kept is None

    def account(self) -> str | None:
        """Return the id of the account that is signed in, if signing in told it."""
        account = (self._grants.kept() or {}).get("account")
        return account["id"] if account else None

    def scopes(self) -> frozenset[str]:
        """Return the scopes that were given, or none if that is not known."""
        return frozenset(str((self._grants.kept() or {}).get("scope", "")).split())

    def close(self) -> None:
        """Let nobody renew the token any more, once whoever is at it has finished.

        A process that ends between the answer of the token endpoint and the store would lose
        the refresh token.
        """
        with self._lock:
            self._closed = True

    def _good(self, grant: Document | None, refused: str | None = None) -> str | None:
        """Return the access token of a grant if it is still good."""
        token: str | None = grant.get("access_token") if grant else None
        if not grant or token is None or token == refused:
            return None
        return token if grant["expires_at"] - EARLY_SECONDS > self._clock() else None

    def _renewed(self, refused: str | None) -> str:
        if self._closed:
            raise SignInNeeded("The run has ended.")
        if self._refusal:
            raise self._refusal  # a thread has asked; it helps nobody to ask again
        try:
            return self._renewed_under_lock(refused)
        except SignInNeeded as refusal:
            self._refusal = refusal
            raise

    def _renewed_under_lock(self, refused: str | None) -> str:
        with self._grants.lock():
            while True:
                kept = self._grants.kept()
                grant = kept or self._grants.given()
                good = self._good(kept, refused)
                if good:
                    return good
                if grant is None:
                    raise SignInNeeded(f"Nobody has signed in yet; {SIGN_IN}")
                renewed = self._exchanged(grant)
                if renewed:
                    break
        LOGGER.info("The access token was renewed.")
        token: str | None = renewed["access_token"]
        if token is None:
            raise UnexpectedAnswer("The authorization server gave no access token.")
        return token

    def _exchanged(self, grant: Document) -> Document | None:
        """Return what a grant becomes, kept already; None if somebody replaced it meanwhile."""
        token = grant["refresh_token"]
        if not token:
            raise SignInNeeded(f"The sign-in has ended: it had no refresh token; {SIGN_IN_AGAIN}")
        # A disk that is full, or must not be written, is found out while the token is still good.
        if not self._grants.replace(token, {**grant, "asked_at": self._clock()}):
            return None
        try:
            answer = self._exchange(token)
        except GrantRefused:
            # The one before it may live on: a server that gave the present one in an answer
            # which it then took back. There is nothing left to lose.
            if "previous" not in grant:
                raise
            answer = self._exchange(grant["previous"])
        renewed = grant_from(answer, self._clock(), before=grant)
        # Kept before any further call, whatever else the answer holds: an application with
        # rotating tokens has just made the old one worthless.
        return renewed if self._grants.replace(token, renewed) else None

    def _exchange(self, token: str) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self._endpoint.exchange(form)


def grant_from(
    answer: Mapping[str, Any], now: float, before: Mapping[str, Any] | None = None
) -> Document:
    """Return the grant that a token answer makes.

    Args:
        answer: The body of the token endpoint's answer.
        now: Seconds since 1970.
        before: The grant that was exchanged: what the answer leaves out lives on. A refresh
            token that was replaced is kept beside the new one until that has worked in turn.
    """
    try:
        # It has been seen as a number and as text.
        life = float(answer.get("expires_in") or DAY)
    except (TypeError, ValueError):
        life = DAY
    before = before or {}
    old = before.get("refresh_token")
    new = answer.get("refresh_token") or old
    return {
        "account": before.get("account"),
        "refresh_token": new,
        **({"previous": old} if old and new != old else {}),
        "access_token": answer.get("access_token"),
        "expires_at": now + life,
        "scope": answer.get("scope") or before.get("scope", ""),
        "signed_in_at": before.get("signed_in_at", now),
        "used_at": now,
    }
