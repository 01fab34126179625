"""What an answer of the API means: again later, not there, not for us, stop now.

    TapError                  ends the run; its text is one line that says what to do
    ├── SettingsError         a setting is missing, misspelt or makes no sense
    ├── StateError            the state file is not one this version can go on from
    ├── StoreError            the store cannot be read, written, opened or locked
    ├── SignInNeeded          nobody is signed in, or the refresh token is dead
    │   └── GrantRefused      the authorization server says so
    ├── Forbidden             a scope or a privilege is missing
    ├── QuotaUsed             the calls of the day, or of the run, are used up
    │   └── BackfillPaused    what is left of the day is kept for the increments
    ├── Unreachable           it was tried again and again, in vain
    ├── Refused               the API calls the request wrong
    │   ├── BadRequest        it does so in general terms: some say it of what is gone
    │   └── NotFound          what was asked for does not exist: some streams expect that
    ├── UnexpectedAnswer      it answered something it never should
    ├── Stale                 the tables are older than they may be
    ├── Unsettled             something is missing in the tables, and it is known what
    └── NoTables              the database of the tables cannot be read
    TryAgain                  not an error yet: the transport repeats the request

No text here ever carries a token, a secret, an answer's body or a person's data.
Source: docs/api-notes.md, "Answers that are not what was asked for".
"""

from __future__ import annotations

import http
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tap_constantcontact.decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGN_IN = "sign in: tap-constantcontact-login"
SIGN_IN_AGAIN = "sign in again: tap-constantcontact-login"

PASSING_STATUSES = frozenset({500, 502, 503, 504})


class TapError(Exception):
    """Ends the run with one line that says what to do."""

    exit_code: ClassVar[int] = 1


class SettingsError(TapError):
    """A setting is missing, misspelt or makes no sense."""

    exit_code = 2


class SignInNeeded(TapError):
    """Nobody is signed in, or the refresh token is dead."""

    exit_code = 3


class GrantRefused(SignInNeeded):
    """The authorization server refuses what was to be exchanged for tokens.

    Args:
        key: What it says (OAuth's `error`): `invalid_grant`, as a rule.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"The sign-in is no longer valid ({key}); {SIGN_IN_AGAIN}")
        self.key = key


class Forbidden(TapError):
    """The token lacks a scope, or the person who signed in lacks a privilege."""

    exit_code = 4


class QuotaUsed(TapError):
    """No calls are left: to the key today, or to the run."""

    exit_code = 5


class BackfillPaused(QuotaUsed):
    """The calls left of the day are kept for the increments."""


class Unreachable(TapError):
    """The API did not answer properly however often it was asked."""

    exit_code = 6


class Refused(TapError):
    """The API calls the request itself wrong."""

    exit_code = 7


class BadRequest(Refused):
    """What was asked for is wrong, or is there no more."""


class NotFound(Refused):
    """What was asked for does not exist."""


class UnexpectedAnswer(TapError):
    """The API answered something that it never should."""

    exit_code = 8


class StateError(TapError):
    """The state is not one that this version can go on from."""

    exit_code = 9


class StoreError(TapError):
    """The store cannot be read, written, opened or locked."""

    exit_code = 10


class Stale(TapError):
    """The tables are older than they may be."""

    exit_code = 11


class Unsettled(TapError):
    """Reports show less than their counters, or the loader refused records."""

    exit_code = 12


class NoTables(TapError):
    """The database of the tables cannot be read, or holds none of them."""

    exit_code = 13


class TryAgain(Exception):
    """The same request may well succeed later.

    Args:
        reason: What came instead of an answer, for the log.
        after: Seconds that the server asks to wait (`Retry-After`), if it says so.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class TokenRefused(Exception):
    """The access token is not, or no longer, accepted (401)."""


@dataclass(frozen=True)
class Reply:
    """What a server has answered.

    Args:
        status: The status.
        headers: The headers; names in any case.
        data: The body.
    """

    status: int
    headers: Mapping[str, str]
    data: bytes


def judge(reply: Reply, what: str, shape: Any = Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Return the parsed body of a good answer, or raise what another answer means.

    Any 2xx but 202 is an answer (the API uses 209, too); 202 means that the API is still
    computing it. Bodies of errors are an object or a list of objects, depending on the
    service behind the path.

    Args:
        reply: The answer.
        what: The method and path, without the query (it may hold an address), for messages.
        shape: What of the body is wanted; see `decoded`.

    Raises:
        TryAgain: Throttled, a passing failure, or not the JSON that was promised.
        TokenRefused: The access token is not accepted.
        QuotaUsed: The day's calls are used up.
        Forbidden: A scope or privilege is missing.
        BadRequest: It is wrong.
        NotFound: It does not exist.
        Refused: Any other answer.
    """
    status = reply.status
    if status >= http.HTTPStatus.MULTIPLE_CHOICES:
        raise complaint(reply, what)
    if status == http.HTTPStatus.ACCEPTED:
        raise TryAgain("still processing", after=retry_after(reply))
    if "json" not in reply.headers.get("Content-Type", ""):
        # During outages a page for people comes with status 200.
        raise TryAgain("not JSON")
    try:
        return decoded(reply.data, shape)
    except ValueError:
        raise TryAgain("truncated JSON") from None


def complaint(reply: Reply, what: str) -> Exception:
    """Return what an answer means that is none; see `judge`."""
    status = reply.status
    key = error_key(reply) or "no error key"
    if status == http.HTTPStatus.UNAUTHORIZED:
        return TokenRefused()
    if status == http.HTTPStatus.TOO_MANY_REQUESTS and key == "quota_exceeded":
        return QuotaUsed("The API says that the key has used its calls of today.")
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        return TryAgain("throttled", after=retry_after(reply))
    if status in PASSING_STATUSES:
        return TryAgain(f"status {status}", after=retry_after(reply))
    if status >= http.HTTPStatus.BAD_REQUEST and "html" in reply.headers.get("Content-Type", ""):
        # Somebody in between has written it: the API does not know what was asked.
        return TryAgain(f"status {status}, not JSON")
    return refusal(status, what, key)


def refusal(status: int, what: str, key: str) -> TapError:
    """Return what an answer means that would be the same a second time; see `judge`."""
    if status < http.HTTPStatus.BAD_REQUEST:
        return Refused(
            f"{what} is redirected elsewhere: check api_url and auth_url. That is not followed,"
            " since the access token must not leave."
        )
    if status == http.HTTPStatus.FORBIDDEN:
        return Forbidden(f"{what} is forbidden.")
    if status == http.HTTPStatus.NOT_FOUND:
        return NotFound(f"{what} was not found ({key}).")
    if status == http.HTTPStatus.BAD_REQUEST:
        return BadRequest(f"{what} was refused with status {status} ({key}).")
    return Refused(f"{what} was refused with status {status} ({key}).")


def error_key(reply: Reply) -> str | None:
    """Return the `error_key` (or OAuth's `error`) of an answer: it identifies no person."""
    try:
        body = json.loads(reply.data)
    except ValueError:
        return None
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return None
    key = body.get("error_key") or body.get("error")
    return str(key) if key else None


def retry_after(reply: Reply) -> float | None:
    """Return the seconds of a `Retry-After` header: undocumented, honoured should it appear."""
    value = reply.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
