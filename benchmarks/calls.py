"""What the runs of a large account cost, when little has happened."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, publish
from benchmarks.served import calls, endpoints, served
from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START
from tests.pipeline.project import Project

if TYPE_CHECKING:
    from benchmarks.served import Served

CAMPAIGNS, CONTACTS, TAGS, EVENTS, TEXTS = 1_000, 100_000, 500, 100, 50
STIRRED, CHANGED = 10, 200
QUIET, NEWS = 32, 75
"""Calls of a whole run, discovery included, at most."""

COUNTERS = 7
"""Calls that read the counters of a thousand campaigns, 150 a call."""

ACTIVITY_COUNTERS = 2
REPORTS = 30

RENAMED = "Name "
"""How the first names begin of contacts that changed."""

LOADED = {
    "email_opens": "email_opens",
    "email_clicks": "email_clicks",
    "contacts": f"contacts WHERE first_name LIKE '{RENAMED}%'",
}
"""The rows by which it is seen that all news, and nothing else, was loaded."""


@dataclass(frozen=True)
class Run:
    """What a run asked, and what the database holds after it.

    Args:
        asked: How often each kind of path was asked for.
        rows: How many rows there are of each of `LOADED`.
    """

    asked: Counter[str]
    rows: Counter[str]

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
        account.rename(each, f"{RENAMED}{number}", each.last_name)


def main() -> None:
    """Read everything; then nothing new; then the news of ten campaigns and of some contacts."""
    with served(archive) as sandbox, TemporaryDirectory() as folder:
        settings = {**sandbox.settings, "daily_quota": 10**9}
        project = Project(Path(folder), settings, longest=3_600)
        run(project, sandbox)
        sandbox.do(let_pass, hours=72)  # what was sent lately has settled by then
        before = run(project, sandbox)
        sandbox.do(let_pass, hours=1)
        quiet = run(project, sandbox)
        sandbox.do(let_pass, hours=1, stirred=STIRRED, changed=CHANGED)
        news = run(project, sandbox)
    expected = {"email_opens": STIRRED, "email_clicks": STIRRED, "contacts": CHANGED}
    if quiet.rows != before.rows or news.rows != quiet.rows + Counter(expected):
        raise RuntimeError(f"Other rows than the new ones were loaded: {before}, {quiet}, {news}.")
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
        " is `meltano run --refresh-catalog tap-constantcontact target-sqlite`, counted by the"
        " sandbox: without that option Meltano remembers what it discovered, which saves a call."
        " Calls for tokens are not counted; calls for reports are those of `/reports/…` but for"
        " the summaries.",
    )


def limited(what: str, most: int, found: int) -> Figure:
    """Return the figure of something that has a limit."""
    return Figure(what, f"at most {most}", str(found), found <= most)


def run(project: Project, sandbox: Served) -> Run:
    """Let Meltano run once; say what that asked for, and what it left in the database."""
    project.run("run", "--refresh-catalog", "tap-constantcontact", "target-sqlite")
    with closing(sqlite3.connect(project.folder / "output" / "sandbox.db")) as database:
        rows = {
            what: database.execute(f"SELECT count(*) FROM {which}").fetchone()[0]  # noqa: S608 - our own words
            for what, which in LOADED.items()
        }
    return Run(endpoints(sandbox.do(calls)), Counter(rows))


if __name__ == "__main__":
    main()
