"""Runs the tap in this process, and keeps what it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from tap_constantcontact.allowance import Allowance
from tap_constantcontact.errors import SettingsError
from tap_constantcontact.pacer import Pacer
from tap_constantcontact.tap import TapConstantContact
from tap_constantcontact.transport import Patience
from tap_constantcontact.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from constantcontact_sandbox import Asked, Sandbox
    from constantcontact_sandbox import Request as SandboxRequest
    from tap_constantcontact.allowance import Limits
    from tap_constantcontact.store import Store

IMPATIENT = Patience(tries=4, first=0.001, longest=0.002)


@cache
def catalog(select: Iterable[str] | None = None, *, add_account_id: bool = False) -> dict[str, Any]:
    """Return a catalog that selects some streams, or all: those that are off by default, too."""
    config = {"client_id": "of no account", "add_account_id": add_account_id}
    tap = TapConstantContact(config=config)
    for stream in tap.streams.values():
        stream.selected = select is None or stream.name in select
    selecting: dict[str, Any] = json.loads(json.dumps(tap.catalog_dict))
    return selecting


def sign_in(sandbox: Sandbox) -> dict[str, str]:
    """Return the settings with which a tap signs in to a sandbox."""
    return {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "refresh_token": sandbox.refresh_token,
        "api_url": sandbox.api_url,
        "auth_url": sandbox.auth_url,
    }


class Writer(PageWriter):
    """Keeps messages instead of writing them."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def write(self, written: bytes) -> None:
        self.messages += map(json.loads, written.splitlines())


@dataclass
class Outcome:
    """What a run wrote and asked for.

    Args:
        messages: The Singer messages, in order.
        asked: The requests to the API, without those for tokens.
        error: What ended it early.
    """

    messages: list[dict[str, Any]]
    asked: list[Asked]
    error: Exception | None = None

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return the rows of a stream, in order."""
        return [
            message["record"]
            for message in self.messages
            if message["type"] == "RECORD" and message["stream"] == stream
        ]

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of rows by stream."""
        counts: dict[str, int] = {}
        for message in self.messages:
            if message["type"] == "RECORD":
                counts[message["stream"]] = counts.get(message["stream"], 0) + 1
        return counts

    @property
    def state(self) -> dict[str, Any]:
        """Return the last state."""
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        last: dict[str, Any] = states[-1]
        return last

    def paths(self, prefix: str = "") -> list[str]:
        """Return the paths asked for, in order."""
        return [asked.path for asked in self.asked if asked.path.startswith(prefix)]


MAIL = frozenset(
    {
        "contact_lists",
        "contacts",
        "campaigns",
        "campaign_activities",
        "campaign_summaries",
        "campaign_stats",
        "campaign_activity_stats",
        "email_sends",
        "email_opens",
        "email_clicks",
        "email_bounces",
        "email_optouts",
        "email_forwards",
        "email_links",
        "sync_mismatches",
    }
)
"""Contacts, and what is sent to them: what most tests of the engine read."""


@dataclass
class TapRunner:
    """Runs the tap, each time from the state of the time before, with a catalog of all streams.

    Args:
        sandbox: What it reads.
        store: Its store.
        config: Settings beside those of the sandbox.
        threads: Requests at once; with one, they arrive in the order of the units.
        select: The names of the streams that are selected unless a run says otherwise; None for
            all, those that are off, too.
    """

    sandbox: Sandbox
    store: Path
    config: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    select: Iterable[str] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the next run."""
        return {
            **sign_in(self.sandbox),
            "store": str(self.store),
            "requests_per_second": 10_000,
            **self.config,
        }

    def make(
        self, *, select: Iterable[str] | None = None, writer: Writer | None = None
    ) -> TapConstantContact:
        """Make a tap.

        Args:
            select: The names of the streams to select; None for those of the runner.
            writer: Takes its messages.
        """
        chosen = self.select if select is None else select
        tap = TapConstantContact(
            config=self.settings,
            state=self.state,
            catalog=catalog(
                None if chosen is None else frozenset(chosen),
                add_account_id=self.config.get("add_account_id", False),
            ),
            message_writer=writer,
        )
        tap.patience = IMPATIENT
        tap.token_requests_per_second = 10_000
        tap.threads = self.threads
        clock = self.sandbox.account.clock
        tap.clock = clock.now
        tap.sleep = lambda seconds: clock.advance(timedelta(seconds=seconds))
        return tap

    def run(self, *, select: Iterable[str] | None = None, fails: bool = False) -> Outcome:
        """Run once; the next run goes on from the state.

        Args:
            select: The names of the streams to select; None for those of the runner.
            fails: Whether it is expected to end early: the error is then in the outcome.
        """
        writer = Writer()
        before = len(self.sandbox.asked)
        error = None
        try:
            self.make(select=select, writer=writer).sync_all()
        except Exception as raised:
            if not fails:
                raise
            error = raised
        asked = [call for call in self.sandbox.asked[before:] if not call.path.startswith("/oauth")]
        outcome = Outcome(writer.messages, asked, error)
        if not isinstance(error, SettingsError):  # such a run does not even begin
            self.state = outcome.state
        return outcome


def before_second(
    sandbox: Sandbox, ending: str, happen: Callable[[], object]
) -> list[SandboxRequest]:
    """Let something happen before the second request for a path is answered.

    Args:
        sandbox: Who is asked.
        ending: How the path ends.
        happen: Lets it happen.

    Returns:
        The requests for the path, as they come.
    """
    asked: list[SandboxRequest] = []

    def look(request: SandboxRequest) -> None:
        if request.path.endswith(ending):
            asked.append(request)
            if len(asked) == 2:
                happen()

    sandbox.before_answer.append(look)
    return asked


def counted(store: Store, limits: Limits, key: str = "key", **clocks: Any) -> Allowance:
    """Return the calls of a key that nobody has to wait for."""
    return Allowance(store, Pacer(store, key, 1e9), limits, **clocks)
