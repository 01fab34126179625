"""What the reports of an account with a thousand sent campaigns cost, when little has happened."""

from __future__ import annotations

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

CAMPAIGNS = 1_000
STIRRED = 10
COUNTERS = 7
"""Calls that read the counters of a thousand campaigns, 150 a call."""

ACTIVITY_COUNTERS = 2
REPORTS = 30


def archive() -> Sandbox:
    """Make an account that has sent a thousand campaigns over the years, each to a few people."""
    account = Account.populate(seed=7, contacts=20, campaigns=0, clock=Clock(START))
    audience = [each for each in account.contacts.values() if each.email_address]
    for number in range(CAMPAIGNS):
        sent = START - timedelta(days=20 + number)
        campaign = account.add_campaign(f"Campaign {number}", at=sent - timedelta(days=1))
        account.add_link(campaign.primary, "https://bakery.example.com/")
        account.send(campaign, audience, at=sent)
        for contact in audience[:3]:
            account.add_open(campaign.primary, contact, at=sent + timedelta(hours=1))
    return Sandbox(account, Switches.unlimited())


def let_pass(sandbox: Sandbox, hours: int, stirred: int = 0) -> None:
    """Let hours pass in which some campaigns are opened and clicked."""
    account = sandbox.account
    account.clock.advance(timedelta(hours=hours))
    contact = next(each for each in account.contacts.values() if each.email_address)
    for campaign in list(account.campaigns.values())[:stirred]:
        account.add_open(campaign.primary, contact)
        account.add_click(campaign.primary, contact)


def main() -> None:
    """Read everything; then nothing new; then ten campaigns' news."""
    with served(archive) as sandbox, TemporaryDirectory() as folder:
        home = Path(folder)
        state, _, _ = run(sandbox, home, {})
        sandbox.do(let_pass, hours=72)  # what was sent lately has settled by then
        state, _, _ = run(sandbox, home, state)
        sandbox.do(let_pass, hours=1)
        state, quiet, nothing = run(sandbox, home, state)
        sandbox.do(let_pass, hours=1, stirred=STIRRED)
        _, stirred, news = run(sandbox, home, state)
    if nothing or set(news) != {"email_opens", "email_clicks"} or min(news.values()) < STIRRED:
        raise RuntimeError(f"Other rows than the new ones were written: {nothing}, {news}.")
    most = COUNTERS + ACTIVITY_COUNTERS + REPORTS
    publish(
        "calls",
        [
            Figure(
                f"calls for reports of a quiet run, {CAMPAIGNS:,} sent campaigns",
                f"at most {COUNTERS} (the counters)",
                str(quiet),
                quiet <= COUNTERS,
            ),
            Figure(
                f"calls for reports when {STIRRED} of them have new opens and clicks",
                f"at most {most}",
                str(stirred),
                stirred <= most,
            ),
        ],
        "Calls of `/reports/…` but for the summaries, with all streams selected.",
    )


def run(
    sandbox: Served, folder: Path, state: dict[str, Any]
) -> tuple[dict[str, Any], int, dict[str, int]]:
    """Run once; return the state, the calls for reports and the rows of events by stream."""
    output = folder / "output.jsonl"
    settings = {
        **sandbox.settings,
        "store": str(folder / "store"),
        "requests_per_second": 10_000,
    }
    with tap_command(settings, [stream.name for stream in STREAMS], state=state) as tap:
        spent(tap, output)
    asked = endpoints(sandbox.do(calls))
    rows: dict[str, int] = {}
    for message in messages(output):
        if message["type"] == "RECORD" and message["stream"].startswith("email_"):
            rows[message["stream"]] = rows.get(message["stream"], 0) + 1
    return last_state(output), reports(asked), rows


def reports(asked: Counter[str]) -> int:
    """Count the calls for reports; the summaries belong to the campaigns."""
    return sum(
        count
        for path, count in asked.items()
        if path.startswith("/reports/") and "summary" not in path
    )


if __name__ == "__main__":
    main()
