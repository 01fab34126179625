"""Whole runs: exactly these requests, exactly these rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from meltano.core.utils import merge

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from tap_constantcontact.errors import UnexpectedAnswer
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.emails import Campaigns
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats
from tap_constantcontact.tap import TapConstantContact
from tests.running import MAIL, TapRunner, Writer, before_second

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from constantcontact_sandbox import Request as SandboxRequest
    from constantcontact_sandbox.records import Activity, Campaign, Contact

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SUMMARIES = "/reports/summary_reports/email_campaign_summaries"


class Shop:
    """A small account of known contents: three people, one e-mail sent to them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.people = [
            account.add_contact(
                f"{name}@example.com", first_name=name, at=NOON - timedelta(days=60)
            )
            for name in ("ann", "bob", "cyd")
        ]
        self.campaign = self.send("May", days_ago=30)

    @property
    def ann(self) -> Contact:
        return self.people[0]

    def send(self, name: str, *, days_ago: int) -> Campaign:
        at = NOON - timedelta(days=days_ago)
        campaign = self.account.add_campaign(name, at=at - timedelta(days=1))
        self.account.send(campaign, self.people, at=at)
        return campaign

    @property
    def email(self) -> Activity:
        return self.campaign.primary


@pytest.fixture
def shop(clock: Clock) -> Shop:
    return Shop(Account(clock))


@pytest.fixture
def sandbox(shop: Shop, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(shop.account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store", select=MAIL)


def tracking(kind: str, activity: Activity) -> str:
    return f"/reports/email_reports/{activity.campaign_activity_id}/tracking/{kind}"


def test_a_first_run_asks_for_each_thing_once(tap: TapRunner, shop: Shop) -> None:
    shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=29))
    page = next(each for each in shop.campaign.activities if each.role == "permalink")

    first = tap.run()

    campaign, email = shop.campaign.campaign_id, shop.email.campaign_activity_id
    assert first.paths() == [
        "/contacts",  # whether it shows channels for text messages
        "/emails",
        SUMMARIES,
        "/contact_custom_fields",
        "/contact_lists",
        "/contact_lists",
        "/contact_tags",
        "/contacts/counts",
        "/contacts",  # how many are deleted
        "/contacts",
        f"/reports/stats/email_campaigns/{campaign}",
        f"/emails/{campaign}",
        f"/emails/activities/{email}",
        f"/emails/activities/{page.campaign_activity_id}",
        f"/reports/stats/email_campaign_activities/{email}",
        tracking("sends", shop.email),
        tracking("opens", shop.email),
        f"/reports/email_reports/{email}/links",
    ]
    assert first.counts == {
        "contacts": 3,
        "campaigns": 1,
        "campaign_activities": 2,
        "campaign_summaries": 1,
        "campaign_stats": 1,
        "campaign_activity_stats": 1,
        "email_sends": 3,
        "email_opens": 1,
    }


def test_a_quiet_run_asks_only_what_might_have_moved(tap: TapRunner, shop: Shop) -> None:
    tap.run()
    quiet = tap.run()

    assert quiet.paths() == [
        "/contact_custom_fields",
        "/contact_lists",
        "/contact_lists",
        "/contact_tags",
        "/contacts/counts",
        "/contacts",  # how many are deleted
        "/emails",
        SUMMARIES,
        "/contacts",
        "/contacts",
        f"/reports/stats/email_campaigns/{shop.campaign.campaign_id}",
    ]
    assert quiet.counts == {"campaign_stats": 1, "campaign_summaries": 1}
    assert [message["type"] for message in quiet.messages].count("STATE") == 1


def test_contacts_are_asked_for_whole_and_with_all_they_have(tap: TapRunner) -> None:
    probe, deleted, call = [call for call in tap.run().asked if call.path == "/contacts"]

    assert probe.query == {"status": "all", "include": "sms_channel", "limit": "1"}
    assert deleted.query == {"status": "deleted", "include_count": "true", "limit": "1"}
    assert call.query == {
        "status": "all",
        "include": "custom_fields,list_memberships,phone_numbers,street_addresses,taggings,notes,"
        "sms_channel",
        "limit": "500",
        "include_count": "true",
    }


def test_changed_contacts_are_asked_for_by_their_two_times(tap: TapRunner) -> None:
    tap.run()
    counted, *asked = [call.query for call in tap.run().asked if call.path == "/contacts"]

    assert counted["status"] == "deleted"
    assert [query.get("updated_after") for query in asked] == ["2026-06-01T11:50:00Z", None]
    assert [query.get("optout_after") for query in asked] == [None, "2026-06-01T11:50:00Z"]
    assert {query["status"] for query in asked} == {"all"}


def test_an_opt_out_arrives_though_it_moves_no_updated_at(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    before = shop.ann.updated_at
    shop.account.opt_out(shop.ann, reason="too many")

    (row,) = tap.run().rows("contacts")
    assert shop.ann.updated_at == before
    assert row["contact_id"] == shop.ann.contact_id
    assert row["email_address__permission_to_send"] == "unsubscribed"
    assert row["email_address__opt_out_reason"] == "too many"


def test_all_contacts_are_read_again_after_a_week(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    tap.run()
    clock.advance(timedelta(days=3))
    shop.account.change_address(shop.ann, "ann@example.org")
    assert tap.run().rows("contacts") == []

    clock.advance(timedelta(days=4))
    addresses = [row["email_address__address"] for row in tap.run().rows("contacts")]
    assert sorted(addresses) == ["ann@example.org", "bob@example.com", "cyd@example.com"]


def test_the_full_pass_can_be_turned_off(tap: TapRunner, clock: Clock) -> None:
    tap.config["contacts_full_refresh_days"] = 0
    tap.run()
    clock.advance(timedelta(days=100))

    assert tap.run().rows("contacts") == []


def test_what_a_contact_has_lost_is_null(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.account.rename(shop.ann, None, None)

    (row,) = tap.run().rows("contacts")
    assert row["first_name"] is None


def test_a_contact_without_an_address_has_none(tap: TapRunner, shop: Shop) -> None:
    shop.ann.email_address = None

    rows = {row["contact_id"]: row for row in tap.run().rows("contacts")}
    assert rows[shop.ann.contact_id]["email_address__address"] is None


def test_only_the_report_whose_counter_moved_is_read(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    shop.send("April", days_ago=60)
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann, device_type="mobile")

    moved = tap.run()
    assert moved.paths("/reports/email_reports") == [tracking("opens", shop.email)]
    assert moved.paths("/reports/stats/email_campaign_activities") == [
        f"/reports/stats/email_campaign_activities/{shop.email.campaign_activity_id}"
    ]
    (row,) = moved.rows("email_opens")
    assert row == {
        "campaign_activity_id": shop.email.campaign_activity_id,
        "contact_id": shop.ann.contact_id,
        "created_time": "2026-06-01T13:00:00.000Z",
        "occurrence": 1,
        "tracking_activity_type": "em_opens",
        "email_address": "ann@example.com",
        "first_name": "ann",
        "last_name": None,
        "deleted_at": None,
        "device_type": "mobile",
        "_extra": None,
    }


def test_repeat_opens_move_the_gate_though_no_unique_counter_does(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=3))
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann)

    # The newest row known is always read again, with what lies the look-back below it.
    assert tap.run().counts["email_opens"] == 2


def test_a_report_is_read_down_to_its_floor_and_not_a_page_further(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    for number in range(1_700):
        shop.account.add_open(
            shop.email, shop.ann, at=NOON - timedelta(days=20) + timedelta(minutes=10 * number)
        )
    first = tap.run()
    assert first.paths(tracking("opens", shop.email)) == [tracking("opens", shop.email)] * 4
    assert first.counts["email_opens"] == 1_700

    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann)
    later = tap.run()

    # The look-back of 48 hours, down to a full hour, holds 289 rows of ten minutes, and the row
    # at the floor itself.
    assert later.paths(tracking("opens", shop.email)) == [tracking("opens", shop.email)]
    assert later.counts["email_opens"] == 291


def test_two_equal_opens_in_a_minute_are_two_rows(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    for _ in range(2):
        shop.account.add_open(shop.email, shop.ann, device_type="mobile")

    rows = tap.run().rows("email_opens")
    assert [(row["created_time"], row["occurrence"]) for row in rows] == [
        ("2026-06-01T13:00:00.000Z", 1),
        ("2026-06-01T13:00:00.000Z", 2),
    ]


def test_a_report_that_is_behind_its_counter_is_tried_again_until_it_agrees(
    tap: TapRunner, shop: Shop, clock: Clock, switches: Switches
) -> None:
    tap.run()
    switches.report_lag = timedelta(hours=5)
    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann)

    assert "email_opens" not in tap.run().counts
    clock.advance(timedelta(hours=4))
    assert "email_opens" not in tap.run().counts
    clock.advance(timedelta(hours=3))
    assert tap.run().counts["email_opens"] == 1
    assert tap.run().paths("/reports/email_reports") == []


def test_a_report_that_never_agrees_is_left_at_that_with_a_warning(
    tap: TapRunner,
    shop: Shop,
    clock: Clock,
    switches: Switches,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tap.run()
    switches.report_lag = timedelta(days=365)
    shop.account.add_open(shop.email, shop.ann, at=NOON)
    tries = []
    for hours in range(60):
        clock.advance(timedelta(hours=1))
        if tap.run(select=["email_opens"]).paths("/reports/email_reports"):
            tries.append(hours)

    assert tries == [0, 1, 7, 48]
    assert "email_opens of activity" in caplog.text
    assert "shows 1 rows fewer than its counter says: left at that" in caplog.text
    again = tap.run(select=["email_opens"])
    assert again.paths("/reports/stats/email_campaign_activities") == []


def test_a_shortfall_that_stands_is_a_row_of_each_run_until_it_is_over(
    tap: TapRunner, shop: Shop, clock: Clock, switches: Switches
) -> None:
    tap.run()
    switches.report_lag = timedelta(days=365)
    shop.account.add_open(shop.email, shop.ann, at=NOON)
    found = []
    for _ in range(51):
        clock.advance(timedelta(hours=1))
        found.append(tap.run().rows("sync_mismatches"))

    key = {
        "campaign_id": shop.campaign.campaign_id,
        "campaign_activity_id": shop.email.campaign_activity_id,
        "report": "email_opens",
    }
    stands = {**key, "expected": 1, "seen": 0, "since": "2026-06-01T13:00:00Z", "settled_at": None}
    assert found == [*[[]] * 48, *[[stands]] * 3]
    # Whoever selects the stream only then is told, too.
    assert tap.run(select=["email_sends"]).rows("sync_mismatches") == []
    assert tap.run(select=["sync_mismatches"]).rows("sync_mismatches") == [stands]

    switches.report_lag = timedelta()
    shop.account.add_open(shop.email, shop.ann)
    over = tap.run()
    assert over.counts["email_opens"] == 2
    settled = {**stands, "expected": 2, "seen": 2, "settled_at": "2026-06-03T15:00:00Z"}
    assert over.rows("sync_mismatches") == [stands, settled]
    assert tap.run().rows("sync_mismatches") == []


def test_forwards_of_a_hot_e_mail_are_read_whenever_anything_of_it_moved(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    new = shop.send("new", days_ago=1)
    for campaign in (shop.campaign, new):
        shop.account.add_forward(campaign.primary, shop.ann, at=NOON)
    tap.run()
    clock.advance(timedelta(hours=1))
    for campaign in (shop.campaign, new):
        shop.account.add_forward(campaign.primary, shop.ann)
        shop.account.add_open(campaign.primary, shop.ann)

    again = tap.run()
    assert again.paths("/reports/email_reports") == [
        tracking("opens", new.primary),
        tracking("forwards", new.primary),
        tracking("opens", shop.email),
    ]
    assert again.counts["email_forwards"] == 2
    assert tap.run().paths("/reports/email_reports") == []

    clock.advance(timedelta(days=4))
    tap.config["report_hot_days"] = 4
    shop.account.add_open(new.primary, shop.ann)
    assert tap.run().paths("/reports/email_reports") == [tracking("opens", new.primary)]


@pytest.mark.parametrize(
    "others", [[], ["email_sends"], ["email_opens"], ["email_sends", "campaign_activity_stats"]]
)
def test_whether_anything_of_a_hot_e_mail_moved_its_own_counters_tell(
    tap: TapRunner, shop: Shop, clock: Clock, others: list[str]
) -> None:
    """Whichever streams are selected, and of a resend apart."""
    tap.select = ["email_forwards", *others]
    new = shop.send("new", days_ago=1)
    quiet = shop.send("quiet", days_ago=1)
    again = shop.account.resend(new, shop.people, at=NOON - timedelta(hours=12))
    for activity in (shop.email, new.primary, quiet.primary, again):
        shop.account.add_forward(activity, shop.ann, at=NOON)
    assert tap.run().counts["email_forwards"] == 4
    assert tap.run().paths("/reports/email_reports") == []

    for moved in (new.primary, again, new.primary):
        clock.advance(timedelta(hours=1))
        shop.account.add_forward(moved, shop.ann)
        for activity in (shop.email, moved):
            shop.account.add_open(activity, shop.ann)
        run = tap.run()
        opens = [shop.email, moved] if "email_opens" in others else []
        assert sorted(run.paths("/reports/email_reports")) == sorted(
            [*(tracking("opens", each) for each in opens), tracking("forwards", moved)]
        )
        assert {row["campaign_activity_id"] for row in run.rows("email_forwards")} == {
            moved.campaign_activity_id
        }
        assert tap.run().paths("/reports/email_reports") == []


def test_forwards_of_a_hot_e_mail_are_not_read_because_something_else_is_tried_again(
    tap: TapRunner, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = shop.send("new", days_ago=1)
    shop.account.add_forward(new.primary, shop.ann, at=NOON)
    tap.run()
    clock.advance(timedelta(hours=1))
    for stream in (CampaignStats, CampaignActivityStats):
        real = stream.records

        def one_more(
            self: Any, body: Any, real: Callable[[Any, Any], Any] = real
        ) -> list[dict[str, Any]]:
            records: list[dict[str, Any]] = real(self, body)
            for record in records:
                record["stats"]["em_opens_all"] += record["stats"]["em_forwards"]
            return records

        monkeypatch.setattr(stream, "records", one_more)
    asked = []
    for _ in range(10):
        asked.append([path.rpartition("/")[2] for path in tap.run().paths("/reports/email_rep")])
        clock.advance(timedelta(hours=1))

    opens, nothing = ["opens"], list[str]()
    assert asked == [["opens", "forwards"], opens, *[nothing] * 5, opens, *[nothing] * 2]


def test_forwards_of_a_hot_e_mail_are_read_by_the_next_run_if_one_ends_before(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.select = ["email_opens", "email_forwards"]
    new = shop.send("new", days_ago=1)
    shop.account.add_forward(new.primary, shop.ann, at=NOON)
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.account.add_forward(new.primary, shop.ann)
    shop.account.add_open(new.primary, shop.ann)
    tap.config["max_calls_per_run"] = 5  # the campaigns, when they were sent, two counters, opens
    assert tap.run().paths("/reports/email_reports") == [tracking("opens", new.primary)]

    del tap.config["max_calls_per_run"]
    assert tap.run().paths("/reports/email_reports") == [tracking("forwards", new.primary)]
    assert tap.run().paths("/reports/email_reports") == []


def test_links_are_read_when_clicks_moved_and_not_before_these_are_there(
    tap: TapRunner, shop: Shop, clock: Clock, switches: Switches
) -> None:
    link = shop.account.add_link(shop.email, "https://example.com/sale")
    links = f"/reports/email_reports/{shop.email.campaign_activity_id}/links"
    first = tap.run()
    assert first.paths("/reports/email_reports")[-1] == links
    (row,) = first.rows("email_links")
    assert (row["url_id"], row["unique_clicks"]) == (link.url_id, 0)

    clock.advance(timedelta(hours=1))
    switches.report_lag = timedelta(hours=1)
    shop.account.add_click(shop.email, shop.ann, link)
    assert tap.run().paths("/reports/email_reports") == [tracking("clicks", shop.email)]
    clock.advance(timedelta(hours=1))
    late = tap.run()
    assert late.paths("/reports/email_reports") == [tracking("clicks", shop.email), links]
    (row,) = late.rows("email_links")
    assert row["unique_clicks"] == 1
    assert tap.run().paths("/reports/email_reports") == []


def test_a_backfill_with_a_state_of_its_own_can_be_handed_to_the_increments(
    tap: TapRunner, shop: Shop, clock: Clock, sandbox: Sandbox
) -> None:
    """As docs/operations.md says it: widen the increments' dates, and merge the states."""
    old = shop.send("old", days_ago=300)
    for hours in range(3):
        shop.account.add_open(
            old.primary, shop.ann, at=NOON - timedelta(days=299) + timedelta(hours=hours)
        )
    tap.config["start_date"] = "2026-01-01"
    assert tap.run().counts["email_sends"] == 3
    backfill = TapRunner(sandbox, tap.store, config={"end_date": "2026-01-01"}, select=MAIL)
    assert backfill.run().counts["email_opens"] == 3
    clock.advance(timedelta(hours=1))
    tap.run()

    del tap.config["start_date"]
    tap.state = merge(json.loads(json.dumps(backfill.state)), tap.state)  # type: ignore[no-untyped-call]
    handed = tap.run()
    assert handed.paths("/reports/email_reports") + handed.paths("/emails/") == []
    clock.advance(timedelta(hours=1))
    shop.account.add_open(old.primary, shop.people[1])
    late = tap.run()
    assert late.paths("/reports/email_reports") == [tracking("opens", old.primary)]
    assert [row["contact_id"] for row in late.rows("email_opens")].count(
        shop.people[1].contact_id
    ) == 1


def test_a_busy_report_that_always_lags_loses_nothing(
    tap: TapRunner, shop: Shop, clock: Clock, switches: Switches
) -> None:
    switches.report_lag = timedelta(hours=5)
    rows = set()
    for _ in range(16):
        clock.advance(timedelta(hours=6))
        shop.account.add_open(shop.email, shop.ann)
        rows |= {row["created_time"] for row in tap.run().rows("email_opens")}
    for _ in range(3):
        clock.advance(timedelta(hours=6))
        rows |= {row["created_time"] for row in tap.run().rows("email_opens")}

    assert len(rows) == 16


def test_a_counter_that_falls_has_its_report_read_whole(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    for days in (20, 10, 1):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=days))
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.email.opens.pop()

    assert tap.run().counts["email_opens"] == 2


def test_an_activity_whose_counters_vanish_ends_no_run(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    again = shop.account.resend(shop.campaign, shop.people, at=NOON - timedelta(days=2))
    tap.run()
    clock.advance(timedelta(hours=1))
    again.current_status = "Removed"
    shop.account.add_open(shop.email, shop.ann)

    assert tap.run().counts["email_opens"] == 1
    assert tap.run().paths("/reports/email_reports") == []


def test_a_campaign_removed_between_its_counters_and_its_reports_ends_no_run(
    tap: TapRunner, shop: Shop, sandbox: Sandbox
) -> None:
    def remove(request: SandboxRequest) -> None:
        if request.path.endswith("/tracking/sends"):
            shop.account.remove_campaign(shop.campaign)

    sandbox.before_answer.append(remove)
    tap.run()
    assert tap.run().error is None


def test_counters_that_appear_late_are_asked_for_again(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    runs = {key: list(each.send_history) for key, each in shop.account.activities.items()}
    for activity in shop.campaign.activities:
        activity.send_history.clear()
    shop.campaign.updated_at = NOON
    assert "campaign_stats" not in tap.run().counts

    clock.advance(timedelta(hours=2))
    for activity in shop.campaign.activities:
        activity.send_history.extend(runs[activity.campaign_activity_id])
    assert tap.run(select=["campaign_stats"]).counts == {"campaign_stats": 1}


def test_a_complaint_moves_the_counters_of_its_activity(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.account.add_abuse(shop.email, shop.ann)

    (row,) = tap.run().rows("campaign_activity_stats")
    assert row["em_abuse"] == 1


def test_whoever_reads_nothing_of_campaigns_need_not_know_when_it_is(
    tap: TapRunner, shop: Shop
) -> None:
    page = next(each for each in shop.campaign.activities if each.role == "permalink")
    tap.run()
    tap.config["landing_page_ids"] = [page.campaign_activity_id]

    path = f"/reports/landing_pages/campaign_details/{page.campaign_activity_id}/p_contact_opens"
    assert tap.run(select=["landing_page_opens"]).paths() == [path]
    # What is known of campaigns stays so.
    assert tap.run().paths("/emails/") == []


def test_totals_above_those_of_the_activities_are_left_at_that_in_the_end(
    tap: TapRunner,
    shop: Shop,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = CampaignStats.records

    def one_more(stream: CampaignStats, body: Any) -> list[dict[str, Any]]:
        records = real(stream, body)
        for record in records:
            record["stats"]["em_sends"] += 1
        return records

    monkeypatch.setattr(CampaignStats, "records", one_more)
    looked_up = []
    for hour in range(60):
        if tap.run(select=["email_sends"]).paths("/emails/"):
            looked_up.append(hour)
        clock.advance(timedelta(hours=1))

    assert looked_up == [0, 1, 7, 48]
    assert "counts 1 more than its activities: left at that" in caplog.text
    quiet = tap.run(select=["email_sends", "sync_mismatches"])
    assert [path.split("/")[1] for path in quiet.paths()] == ["emails", "reports", "reports"]
    stands = {
        "campaign_id": shop.campaign.campaign_id,
        "campaign_activity_id": shop.campaign.campaign_id,
        "report": "campaign_activity_stats",
        "expected": 4,
        "seen": 3,
        "since": "2026-06-01T12:00:00Z",
        "settled_at": None,
    }
    assert quiet.rows("sync_mismatches") == [stands]

    monkeypatch.undo()
    over = tap.run(select=["email_sends", "sync_mismatches"])
    settled = {**stands, "expected": 3, "settled_at": "2026-06-04T00:00:00Z"}
    assert over.rows("sync_mismatches") == [stands, settled]
    assert tap.run(select=["email_sends", "sync_mismatches"]).rows("sync_mismatches") == []


def test_a_list_of_opt_outs_that_takes_several_pages_is_read_twice(
    tap: TapRunner, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Contacts, "page_size", 2)
    tap.run()
    clock.advance(timedelta(hours=1))
    for person in shop.people:
        shop.account.opt_out(person)

    asked = [call for call in tap.run().asked if call.path == "/contacts"]
    assert sum("optout_after" in call.query for call in asked) == 2


def test_contacts_alone_are_read_by_the_apis_clock_too(tap: TapRunner, clock: Clock) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(days=1))
    assert tap.run(select=["contacts"]).counts == {}

    clock.advance(timedelta(days=6))
    assert tap.run(select=["contacts"]).counts == {"contacts": 3}


def test_a_campaign_without_a_time_ends_no_run(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Campaigns.records
    monkeypatch.setattr(
        Campaigns,
        "records",
        lambda stream, body: [{**record, "updated_at": None} for record in real(stream, body)],
    )

    tap.run()
    assert tap.run().counts["campaign_stats"] == 1


def test_a_campaign_that_changes_while_it_is_read_hides_no_other(
    tap: TapRunner, shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Campaigns, "page_size", 2)
    others = [shop.send(f"Letter {number}", days_ago=40 + number) for number in range(4)]
    tap.config["end_date"] = "2026-05-30"
    before_second(sandbox, "/emails", lambda: shop.account.rename_campaign(shop.campaign, "July"))
    names = {row["name"] for row in tap.run().rows("campaigns")}
    assert names >= {campaign.name for campaign in others}


def test_summaries_that_are_only_a_help_may_be_forbidden(
    tap: TapRunner, switches: Switches
) -> None:
    switches.withheld_privileges = frozenset({"ui:campaign:metrics"})

    assert tap.run(select=["campaign_activities"]).counts == {"campaign_activities": 2}


def test_a_mistake_in_a_stream_map_is_not_blamed_on_the_api(tap: TapRunner) -> None:
    tap.config["stream_maps"] = {"contacts": {"x": "record['nope']"}}

    assert not isinstance(tap.run(select=["contacts"], fails=True).error, UnexpectedAnswer)


def test_rows_that_come_late_below_the_floor_are_found_by_reading_whole(
    tap: TapRunner, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.ledger.FEW_ROWS", 0)
    tap.config["report_lookback_hours"] = 1
    for hours in (30, 20, 10):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(hours=hours))
    tap.run()
    clock.advance(timedelta(hours=1))
    late = NOON - timedelta(hours=25)
    shop.account.add_open(shop.email, shop.people[1], at=late)

    found = tap.run()
    assert found.paths("/reports/email_reports") == [tracking("opens", shop.email)] * 2
    assert shop.people[1].contact_id in {row["contact_id"] for row in found.rows("email_opens")}


def test_equal_events_torn_apart_by_the_end_of_a_page_are_both_found(
    tap: TapRunner, shop: Shop, switches: Switches
) -> None:
    switches.cursor_style = "keyset"
    start = NOON - timedelta(days=10)
    for number in range(499):
        shop.account.add_open(shop.email, shop.people[1], at=start + timedelta(minutes=number + 1))
    for _ in range(2):  # rows 500 and 501
        shop.account.add_open(shop.email, shop.ann, device_type="mobile", at=start)

    rows = tap.run().rows("email_opens")
    mine = {row["occurrence"] for row in rows if row["contact_id"] == shop.ann.contact_id}
    assert mine == {1, 2}


def test_an_event_that_arrives_between_two_pages_makes_no_phantom(
    tap: TapRunner, shop: Shop, sandbox: Sandbox
) -> None:
    for number in range(700):
        shop.account.add_open(
            shop.email, shop.people[1], at=NOON - timedelta(minutes=2 * number + 5)
        )
    pages = before_second(
        sandbox, "/tracking/opens", lambda: shop.account.add_open(shop.email, shop.ann, at=NOON)
    )
    rows = tap.run().rows("email_opens")
    assert len(pages) == 2
    assert len(rows) == 700
    assert {row["occurrence"] for row in rows} == {1}

    (new,) = [
        row for row in tap.run().rows("email_opens") if row["contact_id"] == shop.ann.contact_id
    ]
    assert new["occurrence"] == 1


def test_a_resend_that_moves_no_time_is_found_by_the_counters(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    before = shop.campaign.updated_at
    again = shop.account.resend(shop.campaign)

    found = tap.run()
    assert shop.campaign.updated_at == before
    assert found.paths(f"/emails/{shop.campaign.campaign_id}") == [
        f"/emails/{shop.campaign.campaign_id}"
    ]
    assert again.campaign_activity_id in {
        row["campaign_activity_id"] for row in found.rows("campaign_activities")
    }
    assert {row["campaign_activity_id"] for row in found.rows("email_sends")} == {
        again.campaign_activity_id
    }


def test_a_resend_to_nobody_is_found_by_the_date_it_was_sent(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    again = shop.account.resend(shop.campaign, [])

    found = tap.run()
    assert again.campaign_activity_id in {
        row["campaign_activity_id"] for row in found.rows("campaign_activities")
    }
    assert found.counts["campaign_activity_stats"] == 2


def test_a_removed_campaign_is_a_row_and_its_activities_are_not_asked_for(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.run()
    clock.advance(timedelta(hours=1))
    shop.account.remove_campaign(shop.campaign)

    gone = tap.run()
    assert [row["current_status"] for row in gone.rows("campaigns")] == ["Removed"]
    assert gone.paths("/emails/") == []
    # Its counters are refused once, and that is remembered.
    assert len(gone.paths("/reports/stats")) == 1
    assert tap.run().paths("/reports/stats") == []


def test_an_activity_removed_meanwhile_is_skipped(
    tap: TapRunner, shop: Shop, sandbox: Sandbox
) -> None:
    def remove(request: SandboxRequest) -> None:
        if request.path.startswith("/emails/activities/"):
            shop.email.current_status = "Removed"

    sandbox.before_answer.append(remove)

    rows = tap.run().rows("campaign_activities")
    assert shop.email.campaign_activity_id not in {row["campaign_activity_id"] for row in rows}


def test_ids_without_counters_are_found_by_halving_and_remembered(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    others = [shop.send(f"Letter {number}", days_ago=90 + number) for number in range(7)]
    for activity in others[3].activities:  # says Done, but has no counters
        activity.send_history.clear()

    first = tap.run()
    refused = [call for call in first.asked if call.status == 404]
    assert len(refused) == 4  # 8, 4, 2 and 1 of them
    assert first.counts["campaign_stats"] == 7

    clock.advance(timedelta(hours=1))
    again = tap.run()
    assert len(again.paths("/reports/stats/email_campaigns")) == 1
    assert again.counts["campaign_stats"] == 7


def test_bookmarks_are_the_start_of_the_run_by_the_apis_clock(
    tap: TapRunner, sandbox: Sandbox, clock: Clock
) -> None:
    tap.run(select=["contact_lists"])  # signs in
    sandbox.before_answer.append(lambda _: clock.advance(timedelta(minutes=1)))

    bookmarks = tap.run().state["bookmarks"]
    assert {name: mark["replication_key_value"] for name, mark in bookmarks.items()} == {
        "contacts": "2026-06-01T12:01:00Z",
        "campaigns": "2026-06-01T12:01:00Z",
    }


def test_dates_choose_campaigns_by_when_they_were_sent(tap: TapRunner, shop: Shop) -> None:
    shop.send("old", days_ago=300)
    shop.send("new", days_ago=1)
    shop.account.add_campaign("draft", at=NOON - timedelta(days=200))
    tap.config |= {"start_date": "2026-04-01", "end_date": "2026-05-30"}

    chosen = tap.run()
    assert {row["name"] for row in chosen.rows("campaigns")} == {"May", "old", "new", "draft"}
    for stream in ("campaign_stats", "campaign_activities", "email_sends"):
        campaigns = {row.get("campaign_id") for row in chosen.rows(stream)} - {None}
        assert campaigns <= {shop.campaign.campaign_id}, stream
    assert set(chosen.state["ledger"]["campaigns"]) == {shop.campaign.campaign_id}
    assert {row["campaign_activity_id"] for row in chosen.rows("email_sends")} == {
        shop.email.campaign_activity_id
    }


def test_whoever_chooses_more_campaigns_than_before_gets_them(tap: TapRunner, shop: Shop) -> None:
    old = shop.send("old", days_ago=300)
    tap.config["start_date"] = "2026-04-01"
    assert tap.run().counts["campaign_stats"] == 1
    assert tap.run().paths("/emails/") == []

    tap.config["start_date"] = "90 weeks ago"
    more = tap.run()
    assert more.paths("/emails/")[0] == f"/emails/{old.campaign_id}"
    assert [row["campaign_id"] for row in more.rows("campaign_activity_stats")] == [old.campaign_id]
    assert tap.run().paths("/emails/") == []


def test_an_old_campaign_that_was_not_chosen_is_as_soon_as_it_is_sent_again(
    tap: TapRunner, shop: Shop, clock: Clock, switches: Switches
) -> None:
    switches.resend_moves_updated_at = False
    tap.config["start_date"] = "2026-05-20"
    assert "email_sends" not in tap.run().counts
    clock.advance(timedelta(hours=1))
    shop.account.resend(shop.campaign, shop.people[1:])

    again = tap.run()
    assert again.counts["email_sends"] == 5
    assert [row["current_status"] for row in again.rows("campaigns")] == []
    assert [row["campaign_id"] for row in again.rows("campaign_stats")] == [
        shop.campaign.campaign_id
    ]


def test_reports_can_be_chosen_apart(tap: TapRunner, shop: Shop) -> None:
    old, new = shop.send("old", days_ago=300), shop.send("new", days_ago=1)
    tap.config["report_sent_after"] = "2026-01-01"
    first = tap.run()
    assert first.counts["campaign_activity_stats"] == 3
    assert len({row["campaign_activity_id"] for row in first.rows("email_sends")}) == 2

    tap.config["report_campaign_ids"] = [new.campaign_id]
    assert "email_sends" not in tap.run().counts
    del tap.config["report_sent_after"]
    tap.config["report_campaign_ids"] = [old.campaign_id]
    chosen = tap.run()
    (sent,) = {row["campaign_activity_id"] for row in chosen.rows("email_sends")}
    assert sent == old.activities[0].campaign_activity_id


@pytest.mark.parametrize(
    ("select", "paths"),
    [
        (["contact_lists"], {"/contact_lists"}),
        (
            ["contacts"],
            {
                "/contacts",
                "/contacts/counts",
                "/contact_custom_fields",
                "/contact_lists",
                "/contact_tags",
            },
        ),
        (["campaigns"], {"/emails"}),
        (["campaign_activities"], {"/emails", "/emails/", SUMMARIES}),
        (["campaign_stats"], {"/emails", SUMMARIES, "/reports/stats/email_campaigns/"}),
        (
            ["email_opens"],
            {
                "/emails",
                "/emails/",
                SUMMARIES,
                "/reports/stats/email_campaigns/",
                "/reports/stats/email_campaign_activities/",
                "/reports/email_reports/",
            },
        ),
    ],
)
def test_only_what_the_selected_streams_need_is_asked_for(
    tap: TapRunner, shop: Shop, select: list[str], paths: set[str]
) -> None:
    shop.account.add_open(shop.email, shop.ann, at=NOON)

    chosen = tap.run(select=select)
    prefixes = [
        "/reports/stats/email_campaign_activities/",
        "/reports/stats/email_campaigns/",
        "/reports/email_reports/",
        "/emails/",
    ]
    asked = {next((p for p in prefixes if path.startswith(p)), path) for path in chosen.paths()}
    assert asked == paths
    assert set(chosen.counts) <= set(select)


def test_a_stream_selected_later_is_read_whole(tap: TapRunner, shop: Shop) -> None:
    shop.account.add_open(shop.email, shop.ann, at=NOON)
    tap.run(select=["email_opens"])

    later = tap.run()
    assert later.counts == {
        "contacts": 3,
        "campaigns": 1,
        "campaign_activities": 2,
        "campaign_summaries": 1,
        "campaign_stats": 1,
        "campaign_activity_stats": 1,
        "email_sends": 3,
    }


def test_every_schema_comes_first_and_once(tap: TapRunner) -> None:
    messages = tap.run().messages
    schemas = [message["stream"] for message in messages if message["type"] == "SCHEMA"]

    assert [message["type"] for message in messages[: len(schemas)]] == ["SCHEMA"] * len(schemas)
    assert sorted(schemas) == sorted({*schemas})
    assert "email_clicks" in schemas


def test_deselected_fields_are_left_out(tap: TapRunner) -> None:
    made = tap.make()
    catalog = made.catalog_dict
    (contacts,) = [each for each in catalog["streams"] if each["tap_stream_id"] == "contacts"]
    for entry in contacts["metadata"]:
        if entry["breadcrumb"] == ["properties", "first_name"]:
            entry["metadata"]["selected"] = False

    rows = rows_of(tap, catalog=catalog)
    assert rows
    assert all("first_name" not in row for row in rows)


def test_stream_maps_apply(tap: TapRunner) -> None:
    tap.config["stream_maps"] = {"contacts": {"last_name": None, "shout": "first_name.upper()"}}

    assert {row["shout"] for row in tap.run().rows("contacts")} == {"ANN", "BOB", "CYD"}


def rows_of(tap: TapRunner, *, catalog: dict[str, Any]) -> list[dict[str, Any]]:
    writer = Writer()
    TapConstantContact(config=tap.settings, catalog=catalog, message_writer=writer).sync_all()
    return [
        message["record"]
        for message in writer.messages
        if message["type"] == "RECORD" and message["stream"] == "contacts"
    ]


def test_a_sample_reads_little_and_leaves_the_state_alone(tap: TapRunner, shop: Shop) -> None:
    for number in range(12):
        shop.send(f"Letter {number}", days_ago=90 + number)
    writer = Writer()
    made = tap.make(writer=writer)
    assert made.run_connection_test()

    counts: dict[str, int] = {}
    for message in writer.messages:
        if message["type"] == "RECORD":
            counts[message["stream"]] = counts.get(message["stream"], 0) + 1
    assert set(counts.values()) == {1}
    assert len(tap.sandbox.asked) < 60
    assert writer.messages[-1] == {
        "type": "STATE",
        "value": {"bookmarks": {}, "ledger": {"version": 1, "campaigns": {}}},
    }


def test_progress_is_told_while_a_run_waits_for_an_answer(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.run.LOG_SECONDS", 0)
    monkeypatch.setattr("tap_constantcontact.fetcher.LOOK_UP_SECONDS", 0.1)
    tap.sandbox.faults.append(Fault(path="^/contacts$", kind="slow", seconds=1))
    caplog.set_level("INFO")
    tap.run(select=["contacts"])

    waiting = [each for each in caplog.messages if each.startswith("So far: nothing new")]
    assert len(waiting) > 3


def test_progress_is_told_while_a_run_goes_on(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.run.LOG_SECONDS", 0)
    caplog.set_level("INFO")
    tap.run(select=["contacts"])

    assert "So far: contacts 3; 8 calls, 8 today, 9,992 left today; more to come." in caplog.text
    assert (
        "Read: contacts 3; 8 calls, 8 today, 9,992 left today; nothing is left to do."
        in caplog.text
    )
