"""The database equals the account: on both databases, whatever happened on the way."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.email_reports import EmailReport
from tap_constantcontact.streams.emails import Campaigns
from tap_constantcontact.streams.summaries import CampaignSummaries
from target_relational.target import TargetRelational
from tests.pipeline import chosen
from tests.pipeline.truth import (
    KEYS,
    differences,
    move_recipient_counters,
    stored_unsubscribed,
    unsubscribed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constantcontact_sandbox import Request as SandboxRequest
    from constantcontact_sandbox import Sandbox, Switches
    from tests.running import Outcome, TapRunner

LAGGING = {
    "email_address__address": "A changed e-mail address",
    "email_address__updated_at": "A changed e-mail address",
    "email_address__confirm_status": "a confirmation",
    "email_address__permission_to_send": "a permission set by the account",
    "email_address__opt_in_date": "a permission set by the account",
    "email_address__opt_in_source": "a permission set by the account",
    "sms_channel__sms_channel_consents": "consent to text messages",
    "sms_channel__update_source": "consent to text messages",
    "list_memberships": "what the counters hide",
    "taggings": "what the counters hide",
    "custom_fields": "a custom field was deleted",
}
"""What may move no time that the API can filter by, and waits for the next full pass.

Beside each field is what README.md calls it. Whether somebody has unsubscribed is not among it:
that is compared apart.
"""

ROOT = Path(__file__).parent.parent.parent

SETTLED = timedelta(hours=12)
"""More than any lag of these tests."""


class Database:
    """A database that a loader fills.

    Args:
        url: SQLAlchemy's address.
        schema: The schema of the tables, where there are such.
    """

    def __init__(self, url: str, schema: str | None) -> None:
        self.url = url
        self.schema = schema

    def load(self, messages: Iterable[dict[str, Any]]) -> None:
        """Load messages as a loader reads them from its standard input."""
        lines = "".join(json.dumps(message) + "\n" for message in messages)
        schema = {"default_target_schema": self.schema} if self.schema else {}
        target = TargetRelational(config={"sqlalchemy_url": self.url, **schema})
        target.listen(io.StringIO(lines))

    def differs_from(self, tap: TapRunner, *, apart_from: Iterable[str] = ()) -> str:
        """Return the first of the differences from the account that a tap reads, if any."""
        account = tap.sandbox.account
        lines = differences(
            account,
            self.url,
            self.schema,
            apart_from=apart_from,
            columns=custom_columns(tap),
            streams=KEYS,
        )
        if unsubscribed(account) != stored_unsubscribed(self.url, self.schema):
            lines.append("contacts: those who unsubscribed are others")
        return "\n".join(lines[:20])


def custom_columns(tap: TapRunner) -> dict[str, str]:
    """Return the columns of custom fields by the field's id, as the state knows them."""
    (contacts,) = tap.state["ledger"]["contacts"]
    return {key: name for key, (name, *_) in contacts["columns"].items()}


def run(tap: TapRunner) -> Outcome:
    """Run once, with settings that name what is asked only of those who are named."""
    tap.config.update(chosen.settings(tap.sandbox.account))
    return tap.run()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(f"sqlite:///{tmp_path / 'account.db'}", None)
    return Database(request.getfixturevalue("postgres_url"), "constantcontact")


def test_every_stream_has_a_table_that_is_compared() -> None:
    assert {stream.name: tuple(stream.primary_keys) for stream in STREAMS} == KEYS


def test_the_readme_names_what_waits_for_the_next_full_pass() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())

    assert [words for words in LAGGING.values() if words not in readme] == []


def test_after_a_first_run(tap: TapRunner, database: Database) -> None:
    database.load(run(tap).messages)

    assert not database.differs_from(tap)


def test_after_three_incremental_runs_while_counters_and_reports_lag(
    tap: TapRunner, database: Database, sandbox: Sandbox, switches: Switches
) -> None:
    switches.counter_lag = timedelta(hours=2)
    switches.report_lag = timedelta(hours=5)
    switches.report_stragglers = 0.1
    database.load(run(tap).messages)
    for days in (1, 2, 2):
        sandbox.live(timedelta(days=days))
        database.load(run(tap).messages)

    move_recipient_counters(sandbox.account)
    sandbox.account.clock.advance(SETTLED)
    database.load(run(tap).messages)
    assert not database.differs_from(tap, apart_from=LAGGING)

    sandbox.live(timedelta(days=3))
    move_recipient_counters(sandbox.account)
    sandbox.account.clock.advance(SETTLED)
    database.load(run(tap).messages)
    assert not database.differs_from(tap)


def test_when_the_account_changes_between_pages(
    tap: TapRunner, database: Database, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in (Contacts, Campaigns, CampaignSummaries, EmailReport):
        monkeypatch.setattr(stream, "page_size", 20)
    calls = iter(range(100_000))

    def live(_: SandboxRequest) -> None:
        if next(calls) % 10 == 0:
            sandbox.live(timedelta(hours=1))

    sandbox.before_answer.append(live)
    first = run(tap)
    database.load(first.messages)
    assert sum("cursor" in call.query or "next" in call.query for call in first.asked) > 20
    sandbox.before_answer.clear()
    sandbox.account.clock.advance(SETTLED)
    database.load(run(tap).messages)
    assert not database.differs_from(tap, apart_from=LAGGING)


@pytest.mark.parametrize("part", [0.03, 0.3, 0.6, 0.9])
def test_after_a_run_that_was_killed_half_way_and_repeated(
    tap: TapRunner,
    database: Database,
    sandbox: Sandbox,
    part: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_constantcontact.ledger.STATE_SECONDS", 0)
    whole = run(tap)
    killed = whole.messages[: int(len(whole.messages) * part)]
    database.load(killed)
    states = [message["value"] for message in killed if message["type"] == "STATE"]
    tap.state = states[-1] if states else {}
    sandbox.live(timedelta(hours=6))

    repeated = run(tap)
    database.load(repeated.messages)
    assert len(repeated.asked) < len(whole.asked) + 20
    assert not database.differs_from(tap, apart_from=LAGGING)
