"""What the runs of a large account cost, when little has happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Figure, publish
from benchmarks.served import calls, endpoints, served
from benchmarks.spending import last_state, messages, spent, tap_command
from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START
from tap_constantcontact.streams import STREAMS

if TYPE_CHECKING:
    from collections import Counter

    from benchmarks.served import Served

CAMPAIGNS, CONTACTS, TAGS, EVENTS, TEXTS = 1_000, 100_000, 500, 100, 50
STIRRED, CHANGED = 10, 200
QUIET, NEWS = 32, 75
"""Calls of a whole run, discovery included, at most."""

COUNTERS = 7
"""Calls that read the counters of a thousand campaigns, 150 a call."""

ACTIVITY_COUNTERS = 2
REPORTS = 30

STREAMS_ON = [stream.name for stream in STREAMS if stream.selected_by_default]


@dataclass(frozen=True)
class Run:
    """What a run asked and wrote.

    Args:
        state: Its last state.
        asked: How often each kind of path was asked for.
        rows: The rows of events and of contacts, by stream.
    """

    state: dict[str, Any]
    asked: Counter[str]
    rows: dict[str, int]

    @property
    def reports(self) -> int:
        """The calls for reports; the summaries belong to the campaigns."""
        return sum(
            count
            for path, count in self.asked.items()
            if path.startswith("/reports/") and "summary" not in path
        )


def archive() -> Sandbox:
    """Make an account that has sent a thousand campaigns over the years, each to a few people."""
    account = Account.populate(
        seed=7,
        contacts=CONTACTS,
        campaigns=0,
        events=EVENTS,
        text_campaigns=TEXTS,
        clock=Clock(START),
    )
    for number in range(TAGS - len(account.tags)):
        account.add_tag(f"tag {number}", at=START - timedelta(days=1))
    audience = [each for each in account.contacts.values() if each.email_address][:20]
    for number in range(CAMPAIGNS):
        sent = START - timedelta(days=20 + number)
        campaign = account.add_campaign(f"Campaign {number}", at=sent - timedelta(days=1))
        account.add_link(campaign.primary, "https://bakery.example.com/")
        account.send(campaign, audience, at=sent)
        for contact in audience[:3]:
            account.add_open(campaign.primary, contact, at=sent + timedelta(hours=1))
    return Sandbox(account, Switches.unlimited())


def let_pass(sandbox: Sandbox, hours: int, stirred: int = 0, changed: int = 0) -> None:
    """Let hours pass in which some campaigns are opened and clicked, and some contacts change."""
    account = sandbox.account
    account.clock.advance(timedelta(hours=hours))
    contact = next(each for each in account.contacts.values() if each.email_address)
    for campaign in list(account.campaigns.values())[:stirred]:
        account.add_open(campaign.primary, contact)
        account.add_click(campaign.primary, contact)
    for number, each in enumerate(list(account.contacts.values())[:changed]):
        account.rename(each, f"Name {number}", each.last_name)


def main() -> None:
    """Read everything; then nothing new; then the news of ten campaigns and of some contacts."""
    with served(archive) as sandbox, TemporaryDirectory() as folder:
        home = Path(folder)
        state = run(sandbox, home, {}).state
        sandbox.do(let_pass, hours=72)  # what was sent lately has settled by then
        state = run(sandbox, home, state).state
        sandbox.do(let_pass, hours=1)
        quiet = run(sandbox, home, state)
        sandbox.do(let_pass, hours=1, stirred=STIRRED, changed=CHANGED)
        news = run(sandbox, home, quiet.state)
    expected = {"email_opens", "email_clicks", "email_links", "contacts"}
    if (
        quiet.rows
        or news.rows.keys() != expected
        or min(news.rows.values()) < STIRRED
        or news.rows["contacts"] < CHANGED
    ):
        raise RuntimeError(f"Other rows than the new ones were written: {quiet}, {news}.")
    most = COUNTERS + ACTIVITY_COUNTERS + REPORTS
    publish(
        "calls",
        [
            limited("calls of a quiet run, all in all", QUIET, quiet.asked.total()),
            limited(
                f"the same when {STIRRED} campaigns have new opens and clicks and {CHANGED}"
                " contacts changed",
                NEWS,
                news.asked.total(),
            ),
            limited("calls for reports of the quiet run: the counters", COUNTERS, quiet.reports),
            limited("calls for reports of the run with news", most, news.reports),
        ],
        f"{CAMPAIGNS:,} sent campaigns, {CONTACTS:,} contacts, {TAGS} tags, {EVENTS} events and"
        f" {TEXTS} campaigns sent by text message, with the streams that are on by default. A run"
        " is what `meltano run` starts: discovery, then a sync. Calls for tokens are not counted;"
        " calls for reports are those of `/reports/…` but for the summaries.",
    )


def limited(what: str, most: int, found: int) -> Figure:
    """Return the figure of something that has a limit."""
    return Figure(what, f"at most {most}", str(found), found <= most)


def run(sandbox: Served, folder: Path, state: dict[str, Any]) -> Run:
    """Discover and sync once, as Meltano does."""
    output = folder / "output.jsonl"
    settings = {
        **sandbox.settings,
        "store": str(folder / "store"),
        "requests_per_second": 10_000,
    }
    with tap_command(settings, STREAMS_ON, state=state) as tap:
        spent([*tap[: tap.index("--catalog")], "--discover"], folder / "catalog.json")
        spent(tap, output)
    asked = endpoints(sandbox.do(calls))
    rows: dict[str, int] = {}
    for message in messages(output):
        stream = message.get("stream", "")
        if message["type"] == "RECORD" and (stream.startswith("email_") or stream == "contacts"):
            rows[stream] = rows.get(stream, 0) + 1
    return Run(last_state(output), asked, rows)


if __name__ == "__main__":
    main()
