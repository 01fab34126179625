"""The one way to the API: its pace, its time-outs, its patience.

Every call is paced, counted, signed and judged here, whoever makes it.
"""

from __future__ import annotations

import http
import logging
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import backoff
import requests
import urllib3

from tap_constantcontact.errors import (
    SIGN_IN_AGAIN,
    Forbidden,
    GrantRefused,
    QuotaUsed,
    Reply,
    SettingsError,
    SignInNeeded,
    TokenRefused,
    TryAgain,
    Unreachable,
    error_key,
    judge,
)
from tap_constantcontact.units import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from tap_constantcontact.allowance import Allowance
    from tap_constantcontact.auth import Authenticator
    from tap_constantcontact.pacer import Pacer
    from tap_constantcontact.settings import Settings

TIMEOUT = urllib3.Timeout(connect=10, read=60)
"""Seconds to connect, and between two bytes of an answer."""

TOKEN_REQUESTS_PER_SECOND = 1
"""How often the authorization server may be asked: docs/api-notes.md, "Refresh tokens may be
single-use"."""

MOST_AFTER = 300
"""Seconds that a server's wish to wait (`Retry-After`) is granted at most."""

PIECE = 64 * 1024
"""Bytes of an answer that are read at once."""

CONNECTIONS = 32
"""Connections that are kept, at most: more than anybody asks at once."""

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often, and how long apart, a request is repeated.

    Args:
        tries: Requests in all, the first included.
        first: Seconds before the second one, at most; each later wait is up to twice as long.
        longest: Seconds that no wait exceeds.
    """

    tries: int = 8
    first: float = 1.0
    longest: float = 60.0

    def waits(self) -> Generator[float, TryAgain, None]:
        """Yield the seconds to wait after each failure that is sent in.

        Half of a wait is chance, so that processes which failed together do not return
        together; a server's own wish (`Retry-After`) is granted as it is.
        """
        failure = yield 0  # what primes a generator of the backoff package
        longest = self.first
        while True:
            wait = min(longest, self.longest) * random.uniform(0.5, 1)  # noqa: S311 - no secret
            failure = yield (wait if failure.after is None else min(failure.after, MOST_AFTER))
            longest *= 2

    def persist(self, call: Callable[[], T], what: str) -> T:
        """Return what a call returns, repeating it while it raises `TryAgain`.

        Raises:
            Unreachable: It did so to the last.
        """

        def say(details: Any) -> None:  # noqa: ANN401 - the backoff package's own dict
            LOGGER.warning("%s: %s; again in %.1f s", what, details["exception"], details["wait"])

        patient = backoff.on_exception(
            self.waits, TryAgain, max_tries=self.tries, jitter=None, on_backoff=say, logger=None
        )(call)
        try:
            return patient()
        except TryAgain as failure:
            raise Unreachable(
                f"{what} failed {self.tries} times, the last time: {failure}. Look at"
                " https://status.constantcontact.com and run again: it goes on where it stopped."
            ) from None


@dataclass(frozen=True)
class Answer:
    """A good answer of the API.

    Args:
        body: The parsed JSON, or what was wanted of it.
        at: The API's clock when it answered (the `Date` header), aware, in UTC.
        content: The JSON itself.
    """

    body: Any
    at: datetime
    content: bytes


class Transport:
    """Asks the API.

    Args:
        settings: The address, and how the tap introduces itself.
        auth: Signs requests.
        pacer: Is told how the API takes the pace.
        allowance: Says whether one more call may be made, and when.
        patience: How failures that pass are met.
    """

    def __init__(
        self,
        settings: Settings,
        auth: Authenticator,
        pacer: Pacer,
        allowance: Allowance,
        patience: Patience,
    ) -> None:
        self._api_url = settings.api_url
        self._auth = auth
        self._pacer = pacer
        self._allowance = allowance
        self._patience = patience
        self._host = Host(settings, settings.api_url)

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        *,
        what: str,
        turn: int = 0,
        work: Work = Work.INCREMENT,
        shape: Any = Any,  # noqa: ANN401 - a type
    ) -> Answer:
        """Ask once, or as often as it takes.

        Args:
            url: An address on the host of `api_url`.
            params: The query that is added to it.
            what: What is asked, for messages: no ids, and nothing of the query.
            turn: How urgent it is among those who ask at once: the smallest number goes first.
            work: What it is part of, and so whose calls it may spend.
            shape: What of the answer's body is wanted; see `decoded`.

        Raises:
            TapError: What the answer means; see `errors`.
        """
        asked = f"{url}?{urlencode(params)}" if params else url

        def once(token: str) -> Answer:
            self._allowance.spend(work, turn)
            try:
                return self._once(asked, token, what, shape)
            except QuotaUsed:
                self._allowance.used_up()
                raise TryAgain("a new day") from None

        return self._patience.persist(lambda: self._signed(once, what), what)

    def privileges(self) -> frozenset[str]:
        """Return the privileges of whoever signed in: that may be asked without any.

        Raises:
            TapError: What the answer means; see `errors`.
        """
        path = "/account/user/privileges"
        held = self.get(self._api_url + path, what=f"GET {path}").body
        return frozenset(privilege["privilege_name"] for privilege in held)

    def why_forbidden(self, what: str, *, scope: str | None, privilege: str | None) -> Forbidden:
        """Return what a "forbidden" means, which does not say so itself.

        Args:
            what: What was asked.
            scope: What the token needs for that, if anything.
            privilege: What whoever signed in needs, if anything.
        """
        given = self._auth.scopes()
        if given and scope and scope not in given:
            return Forbidden(
                f"{what} is forbidden: the sign-in was not given the scope {scope}; {SIGN_IN_AGAIN}"
            )
        try:
            held = self.privileges()
        except Forbidden:
            return Forbidden(
                f"{what} is forbidden, and so is everything else: look whether the application"
                " was deactivated in the developer portal."
            )
        if privilege and privilege not in held:
            return Forbidden(
                f"{what} is forbidden: whoever signed in lacks the privilege {privilege}."
                " Let an owner or manager of the account sign in (tap-constantcontact-login),"
                " or deselect the stream."
            )
        return Forbidden(
            f"{what} is forbidden although neither the scope {scope} nor the privilege"
            f" {privilege} is missing: ask Constant Contact's support."
        )

    def close(self) -> None:
        """Let nobody renew the token any more, once whoever is at it has finished."""
        self._auth.close()

    def _signed(self, once: Callable[[str], Answer], what: str) -> Answer:
        """Ask with the access token at hand; if it is refused, with others up to a fresh one."""
        fresh = False
        while True:
            token = self._auth.access_token()
            try:
                return once(token)
            except TokenRefused:
                if fresh:
                    raise SignInNeeded(
                        f"{what} refuses even a new access token; {SIGN_IN_AGAIN}"
                    ) from None
            fresh = self._auth.renew(refused=token)

    def _once(self, url: str, token: str, what: str, shape: Any) -> Answer:  # noqa: ANN401 - a type
        reply = self._host.ask("GET", url, headers={"Authorization": f"Bearer {token}"})
        log(reply, what)
        if reply.status == http.HTTPStatus.TOO_MANY_REQUESTS:
            self._pacer.throttled()
        self._allowance.api_clock(clock_of(reply))
        answer = Answer(judge(reply, what, shape), clock_of(reply), reply.data)
        self._pacer.answered()
        return answer


class OAuthClient:
    """The application at the authorization server's `/token` and `/device/authorize`.

    A confidential application shows its secret, a PKCE application only names itself.

    Args:
        settings: Whose application, and where the server is.
        patience: How failures that pass are met.
        pacer: Says when: the server has a limit of its own.
    """

    def __init__(self, settings: Settings, patience: Patience, pacer: Pacer) -> None:
        self._url = settings.auth_url
        self._id = settings.client_id
        self._secret = settings.client_secret
        self._patience = patience
        self._pacer = pacer
        self._host = Host(settings, settings.auth_url)

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return the token answer.

        Raises:
            GrantRefused: The server refuses what was to be exchanged.
            SettingsError: It does not know the application.
        """
        return self._patience.persist(lambda: self._once("/token", form), "POST /token")

    def start_device(self, scopes: Iterable[str]) -> dict[str, Any]:
        """Return the codes of a device that wants to sign in.

        Raises:
            GrantRefused: The application may not sign in this way.
            SettingsError: The server does not know the application.
        """
        path, form = "/device/authorize", {"client_id": self._id, "scope": " ".join(scopes)}
        return self._patience.persist(lambda: self._once(path, form), f"POST {path}")

    def _once(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._secret:
            headers.update(urllib3.make_headers(basic_auth=f"{self._id}:{self._secret}"))
            said = dict(form)
        else:
            said = {"client_id": self._id, **form}
        self._pacer.wait()
        reply = self._host.ask("POST", self._url + path, headers=headers, body=urlencode(said))
        log(reply, f"POST {path}")
        if reply.status in REFUSALS:
            key = error_key(reply)
            if key == "unauthorized_client":
                raise SettingsError(
                    "The application is not set up for this way of signing in: in the developer"
                    " portal its flow must be Authorization Code or PKCE, or Device for --device."
                )
            if key in {None, "invalid_client"}:
                raise SettingsError(
                    "The authorization server does not know this application:"
                    " check client_id and client_secret against the developer portal."
                )
            raise GrantRefused(key)
        body: dict[str, Any] = judge(reply, f"POST {path}")
        return body


REFUSALS = frozenset({http.HTTPStatus.BAD_REQUEST, http.HTTPStatus.UNAUTHORIZED})
"""How the authorization server refuses: which of the two it is says nothing."""


def log(reply: Reply, what: str) -> None:
    """Log an answer with its request id, which the vendor's support asks for."""
    status, request_id = reply.status, reply.headers.get("x-amzn-requestid")
    LOGGER.log(
        logging.DEBUG if status < http.HTTPStatus.BAD_REQUEST else logging.INFO,
        "%s: status %s, request id %s",
        what,
        status,
        request_id,
        extra={"status": status, "request_id": request_id},
    )


class Host(requests.adapters.HTTPAdapter):
    """One host, by connections that are kept.

    What the environment says of proxies and certificates is looked up once, as requests does it.
    The requests themselves go past it, to urllib3 beneath: requests takes twice as long to wrap
    one as it takes to be made.

    Args:
        settings: How the tap introduces itself.
        url: An address on the host.

    Raises:
        SettingsError: It is none.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        super().__init__(pool_maxsize=CONNECTIONS)
        try:
            example = requests.Request("GET", url).prepare()
            environment = requests.Session().merge_environment_settings(url, {}, None, None, None)
            proxies, verify = environment["proxies"], environment["verify"]
            found = self.get_connection_with_tls_context(example, verify, proxies)
            self.pool = cast("urllib3.HTTPConnectionPool", found)
            self.cert_verify(self.pool, url, verify, None)  # type: ignore[no-untyped-call]
        except ValueError:
            raise SettingsError(
                "api_url and auth_url must be addresses like https://host/path."
            ) from None
        except OSError:
            raise SettingsError(
                "The certificates that REQUESTS_CA_BUNDLE names are not there: name the file that"
                " holds those of your proxy, or unset it."
            ) from None
        self._names_itself = self.request_url(example, proxies) == example.url
        self._headers = {
            "User-Agent": settings.user_agent,
            "Accept": "application/json",
            **urllib3.make_headers(accept_encoding="gzip,deflate"),
        }

    def ask(
        self, method: str, url: str, *, headers: Mapping[str, str], body: str | None = None
    ) -> Reply:
        """Return what the host answers; a redirection is an answer, too.

        Raises:
            TryAgain: The connection failed.
            Unreachable: It must not be trusted.
        """
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            response = self.pool.urlopen(
                method,
                url if self._names_itself else target,
                body,
                {**self._headers, **headers},
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=TIMEOUT,
                preload_content=False,
            )
            # In pieces: the memory for a page at once goes back to the system with each page.
            data = b"".join(response.stream(PIECE))
        except urllib3.exceptions.SSLError:
            raise Unreachable(
                "The connection is not secure: the server's certificate is not one that is trusted"
                " here. Behind a proxy of your own, name its certificates in REQUESTS_CA_BUNDLE."
            ) from None
        except urllib3.exceptions.ProxyError:
            raise TryAgain("the proxy does not let it through (HTTPS_PROXY)") from None
        except urllib3.exceptions.HTTPError as error:
            # Only the kind: the text may hold the address with its query.
            raise TryAgain(f"no answer ({kind(error)})") from None
        return Reply(response.status, response.headers, data)


def kind(error: urllib3.exceptions.HTTPError) -> str:
    """Return what kind of failure it is, in words."""
    for failure, words in FAILURES.items():
        if isinstance(error, failure):
            return words
    return "the connection broke"


FAILURES: dict[type[urllib3.exceptions.HTTPError], str] = {
    urllib3.exceptions.NameResolutionError: (
        "the name of the host is not known: is there a network?"
    ),
    urllib3.exceptions.ConnectTimeoutError: f"no connection within {TIMEOUT.connect_timeout} s",
    urllib3.exceptions.ReadTimeoutError: f"silence for {TIMEOUT.read_timeout} s",
}


def clock_of(reply: Reply) -> datetime:
    """Return the API's clock; ours where an answer has no `Date`."""
    date = reply.headers.get("Date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)
