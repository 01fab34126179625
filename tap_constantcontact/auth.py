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

import requests
from typing_extensions import override

from tap_constantcontact.errors import SignInNeeded, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_constantcontact.settings import Settings
    from tap_constantcontact.store import Document, Store

EARLY_SECONDS = 300
"""An access token this close to its end is renewed before it is used."""

DAY = 86_400.0
"""Seconds that an access token lives, where the answer does not say."""

SIGN_IN = "sign in: tap-constantcontact-login"
SIGN_IN_AGAIN = "sign in again: tap-constantcontact-login"


class TokenEndpoint(Protocol):
    """Exchanges a form for tokens: the authorization server's `/token`."""

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the token answer.

        Raises:
            SignInNeeded: The grant is dead.
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

    def current(self) -> Document | None:
        """Return the grant in use; a token of the settings that is not in the store starts one."""
        key = self.key()
        kept = self._store.get(key) if key else None
        if kept is None and self._given:
            return {"refresh_token": self._given}
        return kept

    def keep(self, grant: Document) -> None:
        """Keep what the grant in use has become; called under `lock`."""
        self._put(self._held(), grant)

    def sign_in(self, grant: Document) -> None:
        """Keep the grant of a new sign-in and use it from now on.

        It takes the place of the token in the settings, if there is one: that token is what
        the user has just replaced.
        """
        grew_from = fingerprint(self._given or grant["refresh_token"])
        for key, document in (
            (self._key(grew_from), grant),
            (self._signed_in, {"grew_from": grew_from}),
        ):
            with self._store.lock(key):
                self._put(key, document)

    def lock(self) -> Any:  # noqa: ANN401 - a context manager of the store's
        """Hold the grant in use against all other processes."""
        return self._store.lock(self._held())

    def _held(self) -> str:
        key = self.key()
        if key is None:
            raise SignInNeeded(f"Nobody has signed in yet; {SIGN_IN}")
        return key

    def _put(self, key: str, document: Document) -> None:
        """Replace whatever is under a key, which the caller has locked."""
        self._store.compare_and_set(key, self._store.get(key), document)

    def _key(self, grew_from: str) -> str:
        return f"grant-{self._client_id}-{grew_from}"


class Authenticator(requests.auth.AuthBase):
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
        self._clock = clock
        self._access_token = given

    @override
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.access_token()}"
        return request

    def access_token(self) -> str:
        """Return an access token: the one at hand, the store's, or a new one.

        Raises:
            SignInNeeded: There is none and none can be had.
        """
        with self._lock:
            if self._access_token is None:
                self._access_token = self._kept() or self._renewed(refused=None)
            return self._access_token

    def renew(self, refused: str) -> None:
        """Replace an access token that the API has refused.

        Another thread or process may have replaced it already: then its token is taken.

        Raises:
            SignInNeeded: No other can be had.
        """
        with self._lock:
            if self._access_token == refused:
                self._access_token = self._renewed(refused=refused)

    def close(self) -> None:
        """Let nobody renew the token any more, once whoever is at it has finished.

        A process that ends between the answer of the token endpoint and the store would lose
        the refresh token.
        """
        with self._lock:
            self._closed = True

    def _kept(self, refused: str | None = None) -> str | None:
        """Return the store's access token if it is still good."""
        grant = self._grants.current()
        token: str | None = grant.get("access_token") if grant else None
        if not grant or token is None or token == refused:
            return None
        return token if grant["expires_at"] - EARLY_SECONDS > self._clock() else None

    def _renewed(self, refused: str | None) -> str:
        if self._closed:
            raise SignInNeeded("The run has ended.")
        with self._grants.lock():
            kept = self._kept(refused)
            if kept:
                return kept
            grant = self._grants.current()
            if grant is None:
                raise SignInNeeded(f"Nobody has signed in yet; {SIGN_IN}")
            # A disk that is full, or must not be written, is found out while the token is
            # still good.
            self._grants.keep(grant)
            answer = self._endpoint.exchange(
                {"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]}
            )
            renewed = grant_from(answer, self._clock(), before=grant)
            # On the disk before any further call, whatever else the answer holds: an
            # application with rotating tokens has just made the old one worthless.
            self._grants.keep(renewed)
            logging.getLogger(__name__).info("The access token was renewed.")
            token: str | None = renewed.get("access_token")
            if token is None:
                raise UnexpectedAnswer("The authorization server gave no access token.")
            return token


def grant_from(
    answer: Mapping[str, Any], now: float, before: Mapping[str, Any] | None = None
) -> Document:
    """Return the grant that a token answer makes.

    Args:
        answer: The body of the token endpoint's answer.
        now: Seconds since 1970.
        before: The grant that was exchanged: its refresh token lives on if the answer has none.
    """
    try:
        # It has been seen as a number and as text.
        life = float(answer.get("expires_in") or DAY)
    except (TypeError, ValueError):
        life = DAY
    return {
        "refresh_token": answer.get("refresh_token") or (before or {}).get("refresh_token"),
        "access_token": answer.get("access_token"),
        "expires_at": now + life,
        "scope": answer.get("scope") or (before or {}).get("scope", ""),
    }
