"""Whatever happens in whatever order: in the end the rows equal the account.

The rows are kept in a dictionary by their keys, as a loader that upserts would keep them; the
loaders have proofs of their own.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from tap_constantcontact.errors import TapError
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.email_reports import EmailReport
from tests.pipeline import truth
from tests.pipeline.tables import Tables
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from constantcontact_sandbox import Request as SandboxRequest

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
EXAMPLES = int(os.environ.get("ORDER_EXAMPLES", "20"))

FAULTS = ["unauthorized", "status_500", "truncated_json", "reset", "throttled", "html_200"]


@dataclass(frozen=True)
class Step:
    """What happens before, during and after a run.

    Args:
        hours: How long the account lives before it.
        opens: Opens of one e-mail, at once.
        changes: At which requests something happens in the account.
        faults: What goes wrong, and at which request.
        select: Which streams are read; None for all.
        calls: How many calls the run may make; None for any number.
        kept: Which part of the messages reaches the loader before both are killed.
    """

    hours: float
    opens: int
    changes: frozenset[int]
    faults: tuple[tuple[str, int], ...]
    select: frozenset[str] | None
    calls: int | None
    kept: float


steps = st.builds(
    Step,
    hours=st.sampled_from([0.2, 2, 10, 35]),
    opens=st.sampled_from([0, 0, 2, 5]),
    changes=st.frozensets(st.integers(0, 80), max_size=4),
    faults=st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 60)), max_size=2).map(tuple),
    select=st.none()
    | st.none()
    | st.frozensets(st.sampled_from(sorted(truth.UNNAMED)), min_size=1),
    calls=st.none() | st.none() | st.integers(1, 60),
    kept=st.sampled_from([1.0, 1.0, 0.0, 0.4, 0.9]),
)
switches = st.builds(
    Switches,
    requests_per_second=st.none(),
    token_requests_per_second=st.none(),
    daily_quota=st.none(),
    counter_lag=st.sampled_from([timedelta(), timedelta(minutes=7), timedelta(hours=4)]),
    report_lag=st.sampled_from([timedelta(), timedelta(minutes=7), timedelta(hours=5)]),
    report_stragglers=st.sampled_from([0.0, 0.1, 0.4]),
    straggler_delay=st.sampled_from([timedelta(hours=1), timedelta(hours=12)]),
    rotating_refresh_tokens=st.booleans(),
    cursor_style=st.sampled_from(["offset", "keyset"]),
    last_page=st.just("rotating"),
    empty_pages=st.booleans(),
    emails_order=st.sampled_from(["created", "updated"]),
    inclusive_bounds=st.booleans(),
    resend_moves_updated_at=st.booleans(),
    stats_key_spelling=st.sampled_from(["underscore", "dot"]),
    quoted_numbers=st.booleans(),
)


def live_through(sandbox: Sandbox, tap: TapRunner, loaded: Tables, step: Step) -> None:
    """Let a step happen."""
    account = sandbox.account
    sandbox.live(timedelta(hours=step.hours))
    sent = [
        activity
        for campaign in account.campaigns.values()
        for activity in campaign.activities
        if activity.sends and campaign.current_status == "Done"
    ]
    for _ in range(step.opens if sent else 0):
        contact = account.contacts[sent[0].sends[0].contact_id]
        if contact.email_address:
            account.add_open(sent[0], contact, device_type="mobile")
    calls = iter(range(100_000))

    def change(_: SandboxRequest) -> None:
        if next(calls) in step.changes:
            sandbox.live(timedelta(minutes=50))

    sandbox.before_answer[:] = [change]
    # A rotated refresh token that never arrives is lost for good: that is told elsewhere.
    sandbox.faults[:] = [
        Fault(path="^(?!.*token$)", kind=kind, after=after)  # type: ignore[arg-type]
        for kind, after in step.faults
    ]
    tap.config["max_calls_per_run"] = step.calls or 10_000
    writer = Writer()
    try:
        tap.make(select=step.select, writer=writer).sync_all()
    except TapError:
        assert sandbox.faults, "nothing had gone wrong"
    kept = writer.messages[: int(len(writer.messages) * step.kept)]
    tap.state = loaded.load(kept) or tap.state
    sandbox.before_answer.clear()
    sandbox.faults.clear()


@pytest.mark.timeout(1_200)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    switches=switches,
    page_size=st.sampled_from([20, 60, 500]),
    happenings=st.lists(steps, min_size=1, max_size=5),
)
def test_in_the_end_the_rows_equal_the_account(
    seed: int, switches: Switches, page_size: int, happenings: list[Step]
) -> None:
    account = Account.populate(seed=seed, contacts=40, campaigns=10, clock=Clock(NOON))
    loaded = Tables()
    with (
        mock.patch.object(EmailReport, "page_size", page_size),
        mock.patch.object(Contacts, "page_size", page_size),
        mock.patch("tap_constantcontact.ledger.STATE_SECONDS", 0),
        tempfile.TemporaryDirectory() as store,
        Sandbox(account, switches) as sandbox,
    ):
        tap = TapRunner(sandbox, Path(store), threads=3)
        for step in happenings:
            live_through(sandbox, tap, loaded, step)
        tap.config.clear()
        truth.move_recipient_counters(account)
        for hours in (13, 5, 13, 50, 8 * 24):  # until all lags are over, and a full pass is due
            account.clock.advance(timedelta(hours=hours))
            tap.state = loaded.load(tap.run().messages) or {}
        quiet = tap.run()

    assert truth.differences_of(account, loaded.rows) == []
    # All is settled: a quiet run asks nothing of single campaigns but what goes without a word.
    assert quiet.paths("/reports/email_reports") == []
    assert {path.rpartition("/")[2] for path in quiet.paths("/emails/")} <= {
        "schedules",
        "non_opener_resends",
    }
