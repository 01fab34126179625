"""`tap-constantcontact-login`: from an API key to a stored sign-in.

The person who owns the account allows it once, in a browser; the browser comes back to this
program on a loopback port, or its address is pasted by hand.
Source: the vendor's guide, "OAuth2 Authorization Code Flow" and "PKCE Flow".
"""

from __future__ import annotations

import base64
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
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import click
from dotenv import find_dotenv, load_dotenv
from typing_extensions import override

from tap_constantcontact.allowance import Allowance
from tap_constantcontact.auth import Authenticator, Grants, grant_from
from tap_constantcontact.errors import Forbidden, SettingsError, SignInNeeded, TapError
from tap_constantcontact.pacer import Pacer
from tap_constantcontact.settings import (
    DEFAULTS,
    ENV_PREFIX,
    JSONSCHEMA,
    NAME,
    NO_CLIENT_ID,
    Settings,
)
from tap_constantcontact.store import open_store
from tap_constantcontact.transport import OAuthClient, Patience, Transport

if TYPE_CHECKING:
    from collections.abc import Callable

REDIRECT_URI = "http://localhost:8484/callback"
"""What to register as redirect URI in the developer portal."""

SCOPES = ("account_read", "contact_data", "campaign_data", "offline_access")
"""What all streams need; `offline_access` is what makes the API give a refresh token."""

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
        state: What the answer must repeat, so that nobody else's answer is taken for it.
        verifier: The secret of PKCE; only an application without a client secret uses it.
    """

    settings: Settings
    redirect_uri: str
    state: str
    verifier: str

    @classmethod
    def new(cls, settings: Settings, redirect_uri: str) -> Attempt:
        """Return an attempt with secrets of its own."""
        return cls(settings, redirect_uri, secrets.token_urlsafe(16), secrets.token_urlsafe(48))

    @property
    def address(self) -> str:
        """The page where the owner of the account allows it."""
        query = {
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": " ".join(SCOPES),
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


def sign_in(
    settings: Settings,
    *,
    redirect_uri: str,
    paste: bool,
    open_browser: Callable[[str], object],
    patience: Patience,
) -> str:
    """Sign in, keep the grant, and return which account it is, in words.

    Args:
        settings: Whose application, and which store.
        redirect_uri: As registered in the developer portal.
        paste: Whether the redirected address is pasted by hand.
        open_browser: Opens an address.
        patience: How failures that pass are met.

    Raises:
        TapError: It did not work; the text says what to do.
    """
    attempt = Attempt.new(settings, redirect_uri)
    click.echo(f"Sign in at Constant Contact and allow access:\n\n  {attempt.address}\n", err=True)
    if paste:
        click.echo(
            "The browser then ends on a page that may not load. Paste its address.", err=True
        )
        redirected = click.prompt("Address", err=True)
    else:
        redirected = listen(redirect_uri, ready=lambda: open_browser(attempt.address))
    client = OAuthClient(settings, patience)
    grant = grant_from(client.exchange(attempt.form(redirected)), time.time())
    if not grant["refresh_token"]:
        raise SignInNeeded(
            "The API gave no refresh token: the application must allow the scope offline_access."
        )
    store = open_store(settings.store, settings.store_keys)
    grants = Grants(store, settings)
    grants.sign_in(grant)
    transport = Transport(
        settings,
        Authenticator(grants, client),
        Pacer(settings.requests_per_second),
        Allowance(store, settings.client_id, settings.limits),
        patience,
    )
    try:
        summary = transport.get(
            f"{settings.api_url}/account/summary", what="GET /account/summary"
        ).body
    except Forbidden:
        return "an account whose name the privileges of this user do not show"
    name = summary.get("organization_name") or "(no name)"
    return f"{name}, account {summary['encoded_account_id']}"


def read_settings(config: str | None, client_id: str | None) -> Settings:
    """Return the settings from a file, or from the environment and the `.env` file.

    Raises:
        SettingsError: The file cannot be read, or there is no API key.
    """
    values: dict[str, Any] = {}
    if config:
        try:
            values = json.loads(Path(config).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{config} cannot be read as JSON: {error}") from None
    else:
        load_dotenv(find_dotenv(usecwd=True))
        for name in JSONSCHEMA["properties"]:
            value = os.environ.get(ENV_PREFIX + name.upper())
            if value:
                values[name] = value
    if client_id:
        values["client_id"] = client_id
    if not values.get("client_id"):
        raise SettingsError(NO_CLIENT_ID)
    for name, default in DEFAULTS.items():
        values[name] = type(default)(values.get(name, default))
    return Settings.parse(values, version=metadata.version(NAME), now=datetime.now(timezone.utc))


@click.command(help="Sign in to a Constant Contact account and keep the sign-in for the tap.")
@click.option("--config", metavar="FILE", help="The tap's settings; default: the environment.")
@click.option("--client-id", help="The API key, if it is not in the settings.")
@click.option(
    "--redirect-uri",
    default=REDIRECT_URI,
    show_default=True,
    help="As it is registered for the application in the developer portal.",
)
@click.option("--paste", is_flag=True, help="Paste the redirected address: for another machine.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
def main(
    config: str | None,
    client_id: str | None,
    redirect_uri: str,
    *,
    paste: bool,
    no_browser: bool,
) -> None:
    """Run the command."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        settings = read_settings(config, client_id)
        account = sign_in(
            settings,
            redirect_uri=redirect_uri,
            paste=paste,
            open_browser=(lambda _: None) if no_browser else webbrowser.open,
            patience=Patience(),
        )
    except TapError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    click.echo(f"Signed in to {account}. The tap can run now; the sign-in is in {settings.store}.")


if __name__ == "__main__":
    main()
