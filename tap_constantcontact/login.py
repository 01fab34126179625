"""`tap-constantcontact-login`: from an API key to a stored sign-in.

The person who owns the account allows it once, in a browser. The browser comes back to this
program on a loopback port, or its address is pasted by hand, or (`--device`) it is on any other
device, where a code is entered.
Source: the vendor's guide, "OAuth2 Authorization Code Flow", "PKCE Flow" and "Device Flow".
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hashlib
import http.server
import json
import logging
import os
import secrets
import sys
import time
import webbrowser
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import click
from cryptography.fernet import Fernet
from dotenv import find_dotenv, load_dotenv
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from typing_extensions import override

from tap_constantcontact.allowance import pacer_and_allowance
from tap_constantcontact.auth import DAY, Authenticator, Grants, grant_from
from tap_constantcontact.catalogs import catalog_of
from tap_constantcontact.errors import (
    SIGN_IN,
    Forbidden,
    GrantRefused,
    SettingsError,
    SignInNeeded,
    TapError,
)
from tap_constantcontact.pacer import Pacer
from tap_constantcontact.planner.dependence import asked_for, lacking_privilege
from tap_constantcontact.settings import (
    DEFAULTS,
    ENV_PREFIX,
    JSONSCHEMA,
    NAME,
    NO_CLIENT_ID,
    Settings,
    check_spelling,
    check_types,
)
from tap_constantcontact.store import open_store
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.transport import (
    TOKEN_REQUESTS_PER_SECOND,
    OAuthClient,
    Patience,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tap_constantcontact.streams.base import ConstantContactStream

REDIRECT_URI = "http://localhost:8484/callback"
"""What to register as redirect URI in the developer portal."""

ACCOUNT_SCOPE = "account_read"
"""What saying which account it is needs."""

OFFLINE_SCOPE = "offline_access"
"""What makes the API give a refresh token."""

UNUSED_DAYS = 180
"""Days without use after which a refresh token dies."""

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

WAIT_SECONDS = 300
"""How long the browser has to come back: as long as a code lives."""

CLOSE_THIS = b"""<!doctype html><meta charset="utf-8"><title>tap-constantcontact</title>
<p style="font: 1.2em sans-serif; margin: 4em">You can close this window and go back to the
terminal.</p>"""


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in: what must come back, and what proves that it was us who asked.

    Args:
        settings: Whose application.
        redirect_uri: Where the browser is sent afterwards, exactly as it is registered.
        scopes: What is asked for.
        state: What the answer must repeat, so that nobody else's answer is taken for it.
        verifier: The secret of PKCE; only an application without a client secret uses it.
    """

    settings: Settings
    redirect_uri: str
    scopes: Sequence[str]
    state: str
    verifier: str

    @classmethod
    def new(cls, settings: Settings, redirect_uri: str, scopes: Sequence[str]) -> Attempt:
        """Return an attempt with secrets of its own."""
        state, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
        return cls(settings, redirect_uri, scopes, state, verifier)

    @property
    def address(self) -> str:
        """The page where the owner of the account allows it."""
        query = {
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": " ".join(self.scopes),
            "state": self.state,
        }
        if not self.settings.client_secret:
            digest = hashlib.sha256(self.verifier.encode()).digest()
            query["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            query["code_challenge_method"] = "S256"
        return f"{self.settings.auth_url}/authorize?{urlencode(query)}"

    def form(self, redirected: str) -> dict[str, str]:
        """Return what is to be exchanged for tokens.

        Args:
            redirected: The address that the browser was sent to.

        Raises:
            SignInNeeded: It carries no code, or not for this attempt.
        """
        query = parse_qs(urlsplit(redirected.strip()).query)
        if query.get("error"):
            reason = query["error"][0]
            denied = "it was denied" if reason == "access_denied" else f"the server says {reason!r}"
            raise SignInNeeded(f"Not signed in: {denied}.")
        if not query.get("code"):
            raise SignInNeeded(
                "Not signed in: that address holds no code. Paste the whole address of the page"
                f" that the browser ended on; it begins with {self.redirect_uri}."
            )
        if query.get("state") != [self.state]:
            raise SignInNeeded(
                "Not signed in: the answer belongs to another attempt. Start again, in one window."
            )
        return {
            "grant_type": "authorization_code",
            "code": query["code"][0],
            "redirect_uri": self.redirect_uri,
            **({} if self.settings.client_secret else {"code_verifier": self.verifier}),
        }


def listen(redirect_uri: str, ready: Callable[[], object], wait: float = WAIT_SECONDS) -> str:
    """Return the address that the browser is sent to, on a loopback port.

    Args:
        redirect_uri: Where to listen.
        ready: Called when the port is open.
        wait: Seconds until it is given up.

    Raises:
        SignInNeeded: The port is taken, or nobody came.
    """
    where = urlsplit(redirect_uri)
    came: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        """Takes the one request that matters; a browser asks for icons, too."""

        def do_GET(self) -> None:
            found = urlsplit(self.path).path == (where.path or "/")
            if found:
                came.append(self.path)
            self.send_response(http.HTTPStatus.OK if found else http.HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(CLOSE_THIS if found else b"")

        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Keep the code out of the terminal."""

    try:
        server = http.server.HTTPServer(("127.0.0.1", where.port or 80), Handler)
    except OSError as error:
        raise SignInNeeded(
            f"Port {where.port} cannot be listened on ({error.strerror}): use --paste."
        ) from None
    with server:
        ready()
        end = time.monotonic() + wait
        while not came and (left := end - time.monotonic()) > 0:
            server.timeout = left
            server.handle_request()
    if not came:
        raise SignInNeeded(f"Nobody signed in within {wait / 60:.0f} minutes: start again.")
    return came[0]


def wanted_streams(catalog: str | None) -> list[type[ConstantContactStream]]:
    """Return the streams that a catalog selects; all of them without one.

    Raises:
        SettingsError: The file is no catalog.
    """
    if catalog is None:
        return list(STREAMS)
    try:
        document = json.loads(Path(catalog).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = None
    entries = catalog_of(document, catalog)
    selected = {
        entry.tap_stream_id for entry in entries.streams if entry.metadata.resolve_selection()[()]
    }
    return [stream for stream in STREAMS if stream.name in selected]


def wanted_scopes(streams: Iterable[type[ConstantContactStream]]) -> list[str]:
    """Return the scopes that reading some streams needs, day after day."""
    scopes = {stream.scope for stream in streams if stream.scope} - {ACCOUNT_SCOPE}
    return [ACCOUNT_SCOPE, *sorted(scopes), OFFLINE_SCOPE]


def why_unreadable(
    stream: type[ConstantContactStream], scopes: Collection[str], privileges: AbstractSet[str]
) -> str:
    """Return why a stream cannot be read, or what it is made from; nothing if it can.

    Args:
        stream: The stream.
        scopes: Those that the sign-in was given; none where that is not known.
        privileges: Those of whoever signed in.
    """
    for asked in asked_for(stream):
        if scopes and asked.scope and asked.scope not in scopes:
            return f"the scope {asked.scope} was not given."
    if privilege := lacking_privilege(stream, privileges):
        return (
            f"whoever signed in lacks the privilege {privilege}."
            " An owner or manager of the account has it."
        )
    return ""


class Login:
    """Signs in, and knows what is signed in.

    Args:
        settings: Whose application, and which store.
        patience: How failures that pass are met.
        token_requests_per_second: How often the authorization server may be asked.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        settings: Settings,
        patience: Patience,
        *,
        token_requests_per_second: float = TOKEN_REQUESTS_PER_SECOND,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._patience = patience
        self._sleep = sleep
        self._store = open_store(settings.store, settings.store_keys)
        self._grants = Grants(self._store, settings)
        pacer = Pacer(self._store, f"token-{settings.client_id}", token_requests_per_second)
        self._client = OAuthClient(settings, patience, pacer)

    def in_browser(
        self,
        scopes: Sequence[str],
        *,
        redirect_uri: str,
        paste: bool,
        open_browser: Callable[[str], object],
    ) -> None:
        """Sign in with a browser, and keep the grant.

        Args:
            scopes: What is asked for.
            redirect_uri: As registered in the developer portal.
            paste: Whether the redirected address is pasted by hand.
            open_browser: Opens an address.

        Raises:
            TapError: It did not work; the text says what to do.
        """
        attempt = Attempt.new(self._settings, redirect_uri, scopes)
        say(f"Sign in at Constant Contact and allow access:\n\n  {attempt.address}\n")
        if paste:
            say("The browser then ends on a page that may not load. Paste its address.")
            redirected = click.prompt("Address", err=True)
        else:
            redirected = listen(redirect_uri, ready=lambda: open_browser(attempt.address))
        grant = grant_from(self._client.exchange(attempt.form(redirected)), time.time())
        if not grant["refresh_token"]:
            raise SignInNeeded(
                "The API gave no refresh token: the application must allow the scope"
                " offline_access."
            )
        self._grants.sign_in(grant)

    def on_device(self, scopes: Sequence[str], open_browser: Callable[[str], object]) -> None:
        """Sign in with a code that is entered elsewhere, and keep the grant.

        Args:
            scopes: What is asked for.
            open_browser: Opens an address.

        Raises:
            TapError: It did not work; the text says what to do.
        """
        codes = self._client.start_device(scopes)
        say(
            f"On any device, open\n\n  {codes['verification_uri']}\n\n"
            f"enter the code {codes['user_code']} and allow access.\n"
        )
        open_browser(codes.get("verification_uri_complete") or codes["verification_uri"])
        grant = grant_from(self._poll(codes), time.time())
        self._grants.sign_in(grant)
        if grant["refresh_token"]:
            say("The API gave a refresh token: the tap renews this sign-in by itself.")
        else:
            say(
                "The API gave no refresh token, as may be for devices: this sign-in ends in"
                f" {(grant['expires_at'] - time.time()) / 3600:.0f} hours. For runs by"
                " themselves, day after day, sign in without --device."
            )

    def _poll(self, codes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the token answer, once somebody has allowed it."""
        interval = float(codes.get("interval") or 5)
        ends = time.monotonic() + float(codes.get("expires_in") or WAIT_SECONDS)
        form = {"grant_type": DEVICE_GRANT, "device_code": codes["device_code"]}
        while time.monotonic() < ends:
            self._sleep(interval)
            try:
                return self._client.exchange(form)
            except GrantRefused as refusal:
                if refusal.key == "slow_down":
                    interval += 5
                elif refusal.key == "access_denied":
                    raise SignInNeeded("Not signed in: it was denied.") from None
                elif refusal.key != "authorization_pending":
                    break
        raise SignInNeeded("Nobody entered the code in time: start again.")

    def check(self, streams: Sequence[type[ConstantContactStream]]) -> str:
        """Say which account is signed in, and what is missing for which streams.

        Args:
            streams: Those that are wanted.

        Raises:
            TapError: The API does not take the sign-in.
        """
        auth = Authenticator(self._grants, self._client)
        settings = self._settings
        pacer, allowance = pacer_and_allowance(
            self._store, settings.client_id, settings.requests_per_second, settings.limits
        )
        transport = Transport(settings, auth, pacer, allowance, self._patience)
        token = auth.access_token()
        account = self._account(transport)
        grant = self._grants.kept() or {}
        if account and grant.get("access_token") == token:
            self._grants.replace(grant["refresh_token"], {**grant, "account": account})
        privileges = transport.privileges()
        scopes = set(str(grant.get("scope", "")).split())
        unreadable: dict[str, list[str]] = {}
        for stream in streams:
            if reason := why_unreadable(stream, scopes, privileges):
                unreadable.setdefault(reason, []).append(stream.name)
        for reason, names in unreadable.items():
            say(f"{', '.join(names)} cannot be read: {reason}")
        return called(account)

    def _account(self, transport: Transport) -> dict[str, str] | None:
        """Return which account is signed in, if its user may know."""
        url = f"{self._settings.api_url}/account/summary"
        try:
            summary = transport.get(url, what="GET /account/summary").body
        except Forbidden:
            return None
        return {
            "id": summary["encoded_account_id"],
            "name": summary.get("organization_name") or "(no name)",
        }

    def show(self) -> str:
        """Return what is stored, without a secret.

        Raises:
            SignInNeeded: Nothing is.
        """
        grant = self._grants.kept()
        if grant is None:
            raise SignInNeeded(f"Nobody has signed in yet; {SIGN_IN}")
        now = time.time()
        left = grant["used_at"] + UNUSED_DAYS * DAY - now
        access = max(grant["expires_at"] - now, 0) / 3600
        ends = f"dies in {left / DAY:.0f} days unless it is used"
        lines = {
            "account": called(grant["account"]),
            "scopes": grant["scope"] or "unknown",
            "signed in": ago(grant["signed_in_at"], now),
            "last renewed": ago(grant["used_at"], now),
            "access token": f"good for {access:.1f} hours" if access else "over",
            "refresh token": ends if grant["refresh_token"] else "none: sign in again after that",
            "store": str(self._store),
        }
        return "\n".join(f"{name:15}{text}" for name, text in lines.items())

    def forget(self) -> str:
        """Forget the sign-in, and say what is left."""
        forgotten = self._grants.forget()
        said = "Signed out." if forgotten else "Nobody was signed in."
        if self._settings.refresh_token:
            return f"{said} The settings still hold a refresh token: take it out, too."
        return said


def say(text: str) -> None:
    """Tell the person at the terminal something that is no result."""
    click.echo(text, err=True)


def called(account: Mapping[str, str] | None) -> str:
    """Return what an account is called."""
    if account is None:
        return "an account whose name the privileges of this user do not show"
    return f"{account['name']}, account {account['id']}"


def ago(then: float, now: float) -> str:
    """Return a time, and how many days it is ago."""
    at = datetime.fromtimestamp(then, UTC)
    return f"{at:%Y-%m-%d %H:%M} UTC, {max(now - then, 0) / DAY:.0f} days ago"


def read_settings(config: str | None, client_id: str | None) -> Settings:
    """Return the settings from a file, or from the environment and the `.env` file.

    Raises:
        SettingsError: The file cannot be read, a setting is misspelt or of the wrong type, or there
            is no API key.
    """
    values: dict[str, Any] = {}
    if config:
        try:
            values = dict(json.loads(Path(config).read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError) as error:
            raise SettingsError(f"{config} cannot be read as JSON: {error}") from None
        check_types(values, JSONSCHEMA["properties"])
    else:
        load_dotenv(find_dotenv(usecwd=True))
        said = {
            name: schema
            for name, schema in JSONSCHEMA["properties"].items()
            if os.environ.get(ENV_PREFIX + name.upper())
        }
        values = _from_environment(said)
    known = copy.deepcopy(JSONSCHEMA)
    Tap.append_builtin_config(known)
    check_spelling(values, known["properties"])
    if client_id:
        values["client_id"] = client_id
    if not values.get("client_id"):
        raise SettingsError(NO_CLIENT_ID)
    now = datetime.now(UTC)
    return Settings.parse({**DEFAULTS, **values}, version=metadata.version(NAME), now=now)


def _from_environment(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return settings from the environment, in the types of their schemas.

    Raises:
        SettingsError: One is not of its type.
    """
    values: dict[str, Any] = {}
    for name, schema in schemas.items():
        with contextlib.suppress(ValueError):
            only = {"properties": {name: schema}}
            values |= parse_environment_config(only, ENV_PREFIX, os.devnull)
            if "number" in schema["type"]:
                values[name] = float(values[name])
        values.setdefault(name, os.environ[ENV_PREFIX + name.upper()])
    check_types(values, schemas)
    return values


@click.command(help="Sign in to a Constant Contact account and keep the sign-in for the tap.")
@click.option("--config", metavar="FILE", help="The tap's settings; default: the environment.")
@click.option("--client-id", help="The API key, if it is not in the settings.")
@click.option("--catalog", metavar="FILE", help="Ask only for what its selected streams need.")
@click.option(
    "--redirect-uri",
    default=REDIRECT_URI,
    show_default=True,
    help="As it is registered for the application in the developer portal.",
)
@click.option("--paste", is_flag=True, help="Paste the redirected address: for another machine.")
@click.option("--device", is_flag=True, help="Enter a code on another device; may last a day only.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@click.option("--show", is_flag=True, help="Say what is signed in, and for how long; no secret.")
@click.option("--logout", is_flag=True, help="Forget the sign-in.")
@click.option("--new-store-key", is_flag=True, help="Print a new key for the setting store_key.")
def main(
    config: str | None,
    client_id: str | None,
    catalog: str | None,
    redirect_uri: str,
    *,
    paste: bool,
    device: bool,
    no_browser: bool,
    show: bool,
    logout: bool,
    new_store_key: bool,
) -> None:
    """Run the command."""
    logging.basicConfig(level=os.environ.get("LOGLEVEL", "WARNING"), format="%(message)s")
    if new_store_key:
        click.echo(Fernet.generate_key().decode())
        return
    open_browser = (lambda _: None) if no_browser else webbrowser.open
    try:
        settings = read_settings(config, client_id)
        login = Login(settings, Patience())
        if show:
            click.echo(login.show())
            return
        if logout:
            click.echo(login.forget())
            return
        streams = wanted_streams(catalog)
        scopes = wanted_scopes(streams)
        if device:
            login.on_device(scopes, open_browser)
        else:
            login.in_browser(
                scopes, redirect_uri=redirect_uri, paste=paste, open_browser=open_browser
            )
        account = login.check(streams)
    except TapError as error:
        say(str(error))
        sys.exit(error.exit_code)
    click.echo(f"Signed in to {account}. The tap can run now.")


if __name__ == "__main__":
    main()
