"""The sandbox from a terminal: `constantcontact-sandbox --port 8089`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from dataclasses import Field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from constantcontact_sandbox import moments
from constantcontact_sandbox.account import Account
from constantcontact_sandbox.clock import Clock
from constantcontact_sandbox.sandbox import Sandbox
from constantcontact_sandbox.switches import Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: When the sandbox starts unless told otherwise, so that its data are the same every day.
START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

_INTERRUPTED = 128 + signal.SIGINT
_BANNER = """\
A Constant Contact account is served: {contacts:,} contacts, {campaigns:,} campaigns, seed {seed}.
It is {now} there.

export TAP_CONSTANTCONTACT_API_URL={api_url}
export TAP_CONSTANTCONTACT_AUTH_URL={auth_url}
export TAP_CONSTANTCONTACT_CLIENT_ID={client_id}
export TAP_CONSTANTCONTACT_CLIENT_SECRET={client_secret}
export TAP_CONSTANTCONTACT_REFRESH_TOKEN={refresh_token}

Sign in (Allow or Deny):  {auth_url}/authorize
Without a secret (PKCE):  client id {public_client_id}
Let a day pass:           curl -X POST '{url}/sandbox/live?days=1'
Stop:                     Ctrl-C
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve an account until interrupted."""
    asked = vars(_parser().parse_args(arguments))
    try:
        sandbox = _sandbox(asked)
    except KeyboardInterrupt:
        return _INTERRUPTED
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with sandbox:
            sys.stdout.write(_banner(sandbox))
            sys.stdout.flush()
            stop.wait()
    except OSError as busy:
        sys.stderr.write(f"Cannot serve on port {asked['port']}: {busy.strerror}.\n")
        return 1
    return 0


def _sandbox(asked: dict[str, Any]) -> Sandbox:
    """Make the account, let the days pass and the clock tick."""
    account = Account.populate(
        clock=Clock(asked["now"]),
        seed=asked["seed"],
        contacts=asked["contacts"],
        campaigns=asked["campaigns"],
        events=asked["events"],
        text_campaigns=asked["text_campaigns"],
    )
    switches = Switches(**{each.name: asked[each.name] for each in fields(Switches)})
    sandbox = Sandbox(account, switches, port=asked["port"])
    if asked["days_later"]:
        sandbox.live(timedelta(days=asked["days_later"]))
    account.clock.tick()
    return sandbox


def _banner(sandbox: Sandbox) -> str:
    account = sandbox.account
    return _BANNER.format(
        contacts=len(account.contacts),
        campaigns=len(account.campaigns),
        seed=account.seed,
        now=moments.in_seconds(account.clock.now()),
        url=sandbox.url,
        api_url=sandbox.api_url,
        auth_url=sandbox.auth_url,
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        refresh_token=sandbox.refresh_token,
        public_client_id=sandbox.public_client_id,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="constantcontact-sandbox",
        description="A Constant Contact account in memory behind the real V3 API.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=8089, help="where to listen; 0 takes a free port")
    add("--seed", type=int, default=7, help="from which the account and its tokens grow")
    add("--contacts", type=int, default=2000, help="how many contacts")
    add("--campaigns", type=int, default=40, help="how many campaigns")
    add("--events", type=int, default=8, help="how many hosted events")
    add("--text-campaigns", type=int, default=4, help="how many campaigns by text message")
    add("--now", type=moments.parse, default=START, help="when the sandbox starts, ISO 8601")
    add("--days-later", type=float, default=0, help="let so many days pass first")
    switches = parser.add_argument_group(
        "switches", "what the API's documentation leaves open, or an application chooses"
    )
    hints = get_type_hints(Switches)
    for each in fields(Switches):
        _add_switch(switches.add_argument, each, hints[each.name])
    return parser


def _add_switch(add: Callable[..., object], switch: Field[Any], hint: object) -> None:
    """Add the option of a switch, of the kind that its type needs."""
    option = f"--{switch.name.replace('_', '-')}"
    says = f"{switch.metadata['says']} [{switch.metadata['grade']}]"
    if hint is bool:
        kind: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
    elif hint is int:
        kind = {"type": int, "metavar": "NUMBER"}
    elif hint is timedelta:
        kind = {"type": _duration, "metavar": "SECONDS"}
    elif get_origin(hint) is Literal:
        choices = get_args(hint)
        kind = {"choices": choices, "type": type(choices[0])}
    elif switch.default == frozenset():
        kind = {"type": _names, "metavar": "NAME,…"}
    else:
        kind = {"type": _count if int in get_args(hint) else _number, "metavar": "NUMBER|off"}
    add(option, default=switch.default, help=says, **kind)


def _duration(seconds: str) -> timedelta:
    return timedelta(seconds=float(seconds))


def _number(text: str) -> float | None:
    return None if text == "off" else float(text)


def _count(text: str) -> int | None:
    return None if text == "off" else int(text)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


if __name__ == "__main__":
    sys.exit(main())
