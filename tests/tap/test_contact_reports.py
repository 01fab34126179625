"""What costs a call for each contact, and what is counted or chosen of them."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from constantcontact_sandbox.segments import Criteria
from tap_constantcontact.streams.contact_reports import ContactActivityDetails
from tests.pipeline.tables import Tables
from tests.running import TapRunner, before_second

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox.records import Activity, Contact
    from tests.running import Outcome

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DETAILS = "contact_activity_details"
REPORTS = [DETAILS, "contact_activity_summaries", "contact_open_and_click_rates"]


class Shop:
    """Three people, and an e-mail that was sent to them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.people = [
            account.add_contact(f"{name}@example.com", at=NOON - timedelta(days=60))
            for name in ("ann", "bob", "cyd")
        ]
        campaign = account.add_campaign("May", at=NOON - timedelta(days=31))
        account.add_link(campaign.primary, "https://example.com/")
        account.send(campaign, self.people, at=NOON - timedelta(days=30))
        self.email = campaign.primary

    @property
    def ann(self) -> Contact:
        return self.people[0]


@pytest.fixture
def shop(clock: Clock) -> Shop:
    return Shop(Account(clock))


@pytest.fixture
def sandbox(shop: Shop, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(shop.account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store")


def reports(contact: Contact) -> str:
    return f"/reports/contact_reports/{contact.contact_id}"


def test_each_run_counts_contacts_once(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    first = tap.run(select=["contact_counts"])
    assert first.paths() == ["/contacts/counts"]
    assert first.rows("contact_counts") == [
        {
            "counted_at": "2026-06-01T12:00:00Z",
            "total": 3,
            "explicit": 0,
            "implicit": 3,
            "pending": 0,
            "unsubscribed": 0,
            "new_subscriber": 0,
            "_extra": None,
        }
    ]
    clock.advance(timedelta(hours=1))
    shop.account.opt_out(shop.ann)
    (row,) = tap.run(select=["contact_counts", "contacts"]).rows("contact_counts")
    assert (row["counted_at"], row["unsubscribed"]) == ("2026-06-01T13:00:00Z", 1)


@pytest.mark.parametrize("select", [["contact_counts"], ["contact_counts", "contacts"]])
def test_counts_that_are_quoted_or_new_are_kept(
    tap: TapRunner, sandbox: Sandbox, caplog: pytest.LogCaptureFixture, select: list[str]
) -> None:
    def edit(counts: dict[str, Any]) -> None:
        counts.update(total=str(counts["total"]), implicit=" ", temp_hold=2, pending="some")

    sandbox.faults.append(Fault("^/contacts/counts$", "edited", edit=edit))

    (row,) = tap.run(select=select).rows("contact_counts")
    assert row == {
        "counted_at": "2026-06-01T12:00:00Z",
        "total": 3,
        "explicit": 0,
        "implicit": None,
        "pending": None,
        "unsubscribed": 0,
        "new_subscriber": 0,
        "_extra": {"temp_hold": 2, "pending": "some"},
    }
    kept = "such values are kept in the column _extra."
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == [
        f"contact_counts: pending is not of the type in the schema: {kept}",
        f"contact_counts: temp_hold is not in the schema: {kept}",
    ]


@pytest.mark.parametrize("stream", [*REPORTS, "contact_sms_history", "segment_contacts"])
def test_nobody_is_asked_about_until_a_setting_says_whom(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    with caplog.at_level("INFO"):
        assert tap.run(select=[stream]).asked == []
    assert f"Nothing is asked for {stream}: that takes " in caplog.text


@pytest.mark.parametrize(
    ("select", "config", "said"),
    [
        (
            ["contact_sms_history"],
            {"sms_history_scope": "with_channel"},
            "sms_history_scope names nobody: that takes the stream contacts.",
        ),
        (
            ["contact_sms_history", "contacts"],
            {"sms_history_scope": "with_channel", "contact_include": ["notes"]},
            "sms_history_scope names nobody: that takes sms_channel in contact_include.",
        ),
        (
            [*REPORTS, "contact_sms_history", "contacts", "email_links"],
            {"contact_report_scope": "with_news", "sms_history_scope": "with_channel"},
            "contact_report_scope names nobody: that takes a stream such as email_opens.",
        ),
    ],
)
def test_a_scope_that_nothing_selected_can_fill_is_told(
    tap: TapRunner,
    caplog: pytest.LogCaptureFixture,
    select: list[str],
    config: dict[str, Any],
    said: str,
) -> None:
    tap.config.update(config)
    run = tap.run(select=select)

    assert run.paths("/contacts/sms") == run.paths("/reports/contact_reports") == []
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == [said]


def test_a_scope_that_the_api_cannot_fill_is_told(
    tap: TapRunner, switches: Switches, caplog: pytest.LogCaptureFixture
) -> None:
    switches.sms_channel_included = False
    tap.config["sms_history_scope"] = "with_channel"

    assert tap.run(select=["contact_sms_history", "contacts"]).paths("/contacts/sms") == []
    assert [each.getMessage() for each in caplog.records if each.levelname == "WARNING"] == [
        "sms_history_scope names nobody: that takes channels, which the API does not show."
    ]


@pytest.mark.parametrize(
    ("select", "config"),
    [
        (["contact_sms_history", "contacts"], {"sms_history_scope": "with_channel"}),
        ([*REPORTS, "email_bounces"], {"contact_report_scope": "with_news"}),
        (["contact_tags"], {"sms_history_scope": "with_channel"}),
        (["contact_tags"], {"contact_report_scope": "with_news"}),
    ],
)
def test_of_a_scope_that_can_be_filled_or_fills_nothing_that_is_wanted_nothing_is_told(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, select: list[str], config: dict[str, Any]
) -> None:
    tap.config.update(config)
    tap.run(select=select)

    assert [each for each in caplog.records if each.levelname == "WARNING"] == []


def test_what_a_named_contact_did_is_read(tap: TapRunner, shop: Shop) -> None:
    for _ in range(2):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=1))
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.config["contact_report_types"] = ["em_opens", "em_sends"]

    run = tap.run(select=REPORTS)
    assert run.paths() == [
        "/contacts/counts",  # something must tell the API's clock
        f"{reports(shop.ann)}/activity_details",
        f"{reports(shop.ann)}/activity_summary",
        f"{reports(shop.ann)}/open_and_click_rates",
    ]
    assert run.asked[1].query == {"limit": "100", "tracking_activities_list": "em_opens,em_sends"}
    assert run.asked[2].query == {
        "start": "2021-06-02T12:00:00+0000",
        "end": "2026-06-01T12:00:00+0000",
    }
    details = run.rows("contact_activity_details")
    assert [
        (row["tracking_activity_type"], row["created_time"], row["occurrence"]) for row in details
    ] == [
        ("em_opens", "2026-05-31T12:00:00.000Z", 1),
        ("em_opens", "2026-05-31T12:00:00.000Z", 2),
        ("em_sends", "2026-05-02T12:00:00.000Z", 1),
    ]
    (summary,) = run.rows("contact_activity_summaries")
    assert (summary["contact_id"], summary["em_sends"], summary["em_opens"]) == (
        shop.ann.contact_id,
        1,
        2,
    )
    (rates,) = run.rows("contact_open_and_click_rates")
    assert (rates["average_open_rate"], rates["average_click_rate"]) == (1, 0)


def test_contacts_with_news_are_read(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    tap.config["contact_report_scope"] = "with_news"
    select = ["email_opens", "contact_activity_details"]
    tap.run(select=select)
    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann)

    run = tap.run(select=select)
    assert run.paths("/reports/contact_reports") == [f"{reports(shop.ann)}/activity_details"]
    assert len(run.rows("contact_activity_details")) == 2
    assert tap.run(select=select).paths("/reports/contact_reports") == []


def test_a_contact_that_does_not_exist_ends_no_run(tap: TapRunner) -> None:
    tap.config["contact_report_ids"] = ["00000000-0000-0000-0000-000000000000"]

    assert tap.run(select=REPORTS).counts == {}


# What contacts did


def deeds(contact: Contact, *texts: str) -> list[tuple[str, ...]]:
    """Return the rows of what a contact did, each from `type moment [occurrence]`."""
    split = [text.split() for text in texts]
    return [(contact.contact_id, *parts, *("1" for _ in range(3 - len(parts)))) for parts in split]


def read(run: Outcome) -> list[tuple[str, ...]]:
    """Return the rows of what contacts did that a run wrote, likewise."""
    return [
        (
            row["contact_id"],
            row["tracking_activity_type"],
            row["created_time"].removesuffix(":00.000Z"),
            str(row["occurrence"]),
        )
        for row in run.rows(DETAILS)
    ]


def asked_for(run: Outcome) -> list[tuple[str, dict[str, str]]]:
    """Return what a run asked of what contacts did."""
    return [(call.path, call.query) for call in run.asked if call.path.endswith("activity_details")]


def test_what_a_contact_did_is_read_down_to_what_is_known_of_it(
    tap: TapRunner, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContactActivityDetails, "page_size", 3)
    for days in range(5, 0, -1):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=days))
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.config["contact_report_types"] = ["em_opens"]
    tap.config["report_lookback_hours"] = 24
    path = f"{reports(shop.ann)}/activity_details"
    first_page = (path, {"limit": "3", "tracking_activities_list": "em_opens"})

    first = tap.run(select=[DETAILS])
    assert len(asked_for(first)) == 2
    assert read(first) == deeds(
        shop.ann, *(f"em_opens 2026-05-{day}T12:00" for day in (31, 30, 29, 28, 27))
    )
    clock.advance(timedelta(hours=1))
    for _ in range(2):
        shop.account.add_open(shop.email, shop.ann)
    second = tap.run(select=[DETAILS])
    assert asked_for(second)[0] == first_page
    assert [where for where, _ in asked_for(second)] == [path] * 2
    assert read(second) == deeds(
        shop.ann,
        "em_opens 2026-06-01T13:00 1",
        "em_opens 2026-06-01T13:00 2",
        "em_opens 2026-05-31T12:00",  # within a day of what was known
        "em_opens 2026-05-30T12:00",
    )
    shop.account.add_open(shop.email, shop.ann)
    third = tap.run(select=[DETAILS])
    assert len(asked_for(third)) == 2
    assert read(third) == deeds(
        shop.ann, *(f"em_opens 2026-06-01T13:00 {number}" for number in (1, 2, 3))
    )
    quiet = tap.run(select=[DETAILS])
    assert read(quiet) == read(third)
    assert quiet.state["ledger"]["deeds"] == [
        {"types": ["em_opens"], "floors": {shop.ann.contact_id: "2026-05-31T13:00:00Z"}}
    ]


def test_a_contact_that_is_named_later_is_read_whole(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    bob = shop.people[1]
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.run(select=[DETAILS])
    clock.advance(timedelta(days=9))
    shop.account.add_open(shop.email, shop.ann)
    tap.run(select=[DETAILS])
    tap.config["contact_report_ids"] = [shop.ann.contact_id, bob.contact_id]

    assert read(tap.run(select=[DETAILS])) == [
        *deeds(shop.ann, "em_opens 2026-06-10T12:00"),
        *deeds(bob, "em_sends 2026-05-02T12:00"),
    ]


def test_a_type_that_is_added_is_read_of_everybody(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    shop.account.add_click(shop.email, shop.ann, at=NOON - timedelta(days=20))
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.config["contact_report_types"] = ["em_opens", "em_sends"]
    tap.run(select=[DETAILS])
    clock.advance(timedelta(days=9))
    shop.account.add_open(shop.email, shop.ann)
    tap.config["contact_report_types"] = ["em_opens"]
    assert read(tap.run(select=[DETAILS])) == deeds(shop.ann, "em_opens 2026-06-10T12:00")

    tap.config["contact_report_types"] = ["em_clicks", "em_opens"]
    assert read(tap.run(select=[DETAILS])) == deeds(
        shop.ann, "em_opens 2026-06-10T12:00", "em_clicks 2026-05-12T12:00"
    )


def test_equal_deeds_torn_apart_by_the_end_of_a_page_are_both_found(
    tap: TapRunner, shop: Shop, switches: Switches
) -> None:
    switches.cursor_style = "keyset"
    start = NOON - timedelta(days=10)
    for number in range(99):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(minutes=number + 1))
    for _ in range(2):  # rows 100 and 101
        shop.account.add_open(shop.email, shop.ann, at=start)
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.config["contact_report_types"] = ["em_opens"]

    run = tap.run(select=[DETAILS])
    limits = [query["limit"] for _, query in asked_for(run) if "limit" in query]
    assert limits == ["100", "87"]
    assert set(deeds(shop.ann, *(f"em_opens 2026-05-22T12:00 {number}" for number in (1, 2)))) <= {
        *read(run)
    }
    assert len({*read(run)}) == 101
    assert len(asked_for(tap.run(select=[DETAILS]))) == 1


def test_a_deed_that_arrives_between_two_pages_makes_no_phantom(
    tap: TapRunner, shop: Shop, sandbox: Sandbox
) -> None:
    for number in range(150):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(minutes=number + 5))
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.config["contact_report_types"] = ["em_opens"]
    before_second(
        sandbox, "/activity_details", lambda: shop.account.add_open(shop.email, shop.ann, at=NOON)
    )
    rows = {*read(tap.run(select=[DETAILS]))}
    assert len(rows) == 151
    assert {occurrence for *_, occurrence in rows} == {"1"}


def test_what_a_report_on_an_e_mail_shows_late_is_read_of_the_contact_too(
    tap: TapRunner, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.ledger.FEW_ROWS", 0)
    tap.config["contact_report_scope"] = "with_news"
    tap.config["report_lookback_hours"] = 1
    select = ["email_opens", DETAILS]
    shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=1))
    tap.run(select=select)
    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=5))

    assert read(tap.run(select=select)) == deeds(
        shop.ann, "em_opens 2026-05-31T12:00", "em_opens 2026-05-27T12:00"
    )


def test_news_of_contacts_outlives_a_run_that_is_killed_before_it_asks_about_them(
    tap: TapRunner, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after each STATE, loaded until then; and before the next run something happens."""
    monkeypatch.setattr("tap_constantcontact.ledger.STATE_SECONDS", 0)
    tap.config["contact_report_scope"] = "with_news"
    select = ["email_opens", "email_clicks", *REPORTS]
    for contact in shop.people:
        shop.account.add_open(shop.email, contact, at=NOON - timedelta(days=3))
    shop.account.add_click(shop.email, shop.ann, at=NOON - timedelta(days=2))
    loaded = Tables()
    loaded.load(tap.run(select=select).messages)
    clock.advance(timedelta(hours=1))
    before, kills = tap.state, 0
    while True:
        tap.state = before
        for contact in shop.people:
            shop.account.add_open(shop.email, contact)
        killed = tap.run(select=select).messages
        states = [index for index, each in enumerate(killed) if each["type"] == "STATE"]
        if kills == len(states):
            break
        tap.state = loaded.load(killed[: states[kills] + 1]) or before
        loaded.load(tap.run(select=select).messages)
        assert _stored(loaded) == _truth(shop)
        before, kills = tap.state, kills + 1
        clock.advance(timedelta(hours=1))
    assert kills > 10


def _stored(tables: Tables) -> dict[str, int]:
    """Return how many opens each contact has, by what it did and by its summary."""
    rows = [*tables.rows(DETAILS)]
    opens = Counter(
        f"{row['contact_id']} opened" for row in rows if row["tracking_activity_type"] == "em_opens"
    )
    summed: Counter[str] = Counter()
    for row in tables.rows("contact_activity_summaries"):
        summed[f"{row['contact_id']} summed"] += row["em_opens"]
    return {**opens, **+summed}


def _truth(shop: Shop | Crowd) -> dict[str, int]:
    opens = Counter(each.contact_id for each in shop.email.opens)
    return {
        f"{contact} {how}": number
        for contact, number in opens.items()
        for how in ("opened", "summed")
    }


def test_news_of_contacts_outlives_the_last_call_of_the_day(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.config["contact_report_scope"] = "with_news"
    select = ["email_opens", DETAILS]
    shop.account.add_open(shop.email, shop.ann)
    tap.config["max_calls_per_run"] = len(tap.run(select=select).asked) - 1
    tap.state = {}

    assert read(tap.run(select=select)) == []
    clock.advance(timedelta(hours=1))
    assert read(tap.run(select=select)) == deeds(
        shop.ann, "em_opens 2026-06-01T12:00", "em_sends 2026-05-02T12:00"
    )
    assert tap.state["ledger"]["news"] == [{DETAILS: []}]


class Crowd:
    """Forty people, and two e-mails that were sent to all of them; nobody opens the other one."""

    def __init__(self, shop: Shop) -> None:
        self.account = shop.account
        self.people = [
            shop.account.add_contact(f"{number}@example.com", at=NOON - timedelta(days=60))
            for number in range(40)
        ]
        self.email, self.other = (self._send(name) for name in ("June", "July"))

    def _send(self, name: str) -> Activity:
        campaign = self.account.add_campaign(name, at=NOON - timedelta(days=4))
        self.account.add_link(campaign.primary, "https://example.com/")
        self.account.send(campaign, self.people, at=NOON - timedelta(days=3))
        return campaign.primary

    def open(self, *numbers: int) -> None:
        for number in numbers:
            self.account.add_open(self.email, self.people[number])

    def reports(self, *numbers: int) -> set[str]:
        """Return what is asked about some of them."""
        ends = ("activity_details", "activity_summary", "open_and_click_rates")
        return {f"{reports(self.people[number])}/{end}" for number in numbers for end in ends}


@pytest.fixture
def crowd(shop: Shop, tap: TapRunner, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """Whose reports are read for all of whom there is news, and down to an hour."""
    monkeypatch.setattr("tap_constantcontact.ledger.FEW_ROWS", 0)
    tap.config["contact_report_scope"] = "with_news"
    tap.config["report_lookback_hours"] = 1
    return Crowd(shop)


def test_news_that_may_never_be_asked_about_takes_no_room_and_is_told_again_if_it_may(
    tap: TapRunner, crowd: Crowd, clock: Clock, sandbox: Sandbox
) -> None:
    select = ["email_opens", *REPORTS]
    crowd.open(0)
    tap.run(select=select)
    sandbox.faults.append(Fault("^/reports/contact_reports/", "forbidden", times=1_000))
    sizes = []
    for number in range(1, 31):
        clock.advance(timedelta(hours=4))
        crowd.open(number, number + 1)
        run = tap.run(select=select)
        asked = run.paths("/reports/contact_reports")
        assert len(asked) == 3  # each stream once, about somebody the first run heard of
        heard = sorted(crowd.people[each].contact_id for each in (0, 1, 2))
        assert tap.state["ledger"]["news"] == [dict.fromkeys(sorted(REPORTS), heard)]
        sizes.append(len(json.dumps(tap.state)))
    assert sizes[-1] <= sizes[1] + 4  # counters with more digits

    sandbox.faults.clear()
    clock.advance(timedelta(hours=4))
    crowd.open(31)
    allowed = tap.run(select=select)
    assert set(allowed.paths("/reports/contact_reports")) == crowd.reports(0, 1, 2)
    clock.advance(timedelta(hours=4))
    crowd.open(35)
    again = tap.run(select=select)
    opens = f"/reports/email_reports/{crowd.email.campaign_activity_id}/tracking/opens"
    assert again.paths("/reports/email_reports") == [opens]
    # Down to what was told last, which are two of them, and no further.
    assert len(again.rows("email_opens")) == 2 + 2 * 29 + 2
    asked = again.paths("/reports/contact_reports")
    assert set(asked) == crowd.reports(*range(1, 32), 35)
    assert len(asked) == len(set(asked))
    assert tap.state["ledger"]["news"] == [{stream: [] for stream in sorted(REPORTS)}]
    quiet = tap.run(select=select)
    assert quiet.paths("/reports/email_reports") == quiet.paths("/reports/contact_reports") == []


def test_a_stream_that_was_forbidden_once_loses_no_news_and_has_nothing_read_again(
    tap: TapRunner, crowd: Crowd, clock: Clock, sandbox: Sandbox
) -> None:
    select = ["email_opens", *REPORTS]
    tap.run(select=select)
    clock.advance(timedelta(hours=4))
    crowd.open(1, 2)
    sandbox.faults.append(Fault("/activity_details$", "forbidden", times=1))
    tap.run(select=select)

    run = tap.run(select=select)
    assert run.paths("/reports/email_reports") == []
    assert set(run.paths("/reports/contact_reports")) == {
        each for each in crowd.reports(1, 2) if each.endswith("/activity_details")
    }
    assert tap.state["ledger"]["forbidden"] == [{}]


@pytest.mark.parametrize("seed", range(5))
def test_whenever_reports_on_contacts_are_forbidden_and_runs_are_killed_all_is_told_in_the_end(
    tap: TapRunner,
    crowd: Crowd,
    clock: Clock,
    sandbox: Sandbox,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tap_constantcontact.ledger.STATE_SECONDS", 0)
    select = ["email_opens", "email_clicks", *REPORTS]
    chance = random.Random(seed)
    loaded = Tables()
    for _ in range(12):
        crowd.open(*chance.sample(range(40), 3))
        crowd.account.add_click(crowd.email, chance.choice(crowd.people))
        sandbox.faults.clear()
        if chance.random() < 0.7:
            path = chance.choice(["contact_reports", "activity_details", "activity_summary"])
            after = chance.choice([0, 0, 2])
            sandbox.faults.append(Fault(path, "forbidden", after=after, times=1_000))
        before, run = tap.state, tap.run(select=select)
        states = [index for index, each in enumerate(run.messages) if each["type"] == "STATE"]
        if chance.random() < 0.3:  # killed
            tap.state = loaded.load(run.messages[: chance.choice(states) + 1]) or before
        else:
            loaded.load(run.messages)
        clock.advance(timedelta(hours=chance.randrange(1, 30)))
    sandbox.faults.clear()
    for _ in range(2):
        loaded.load(tap.run(select=select).messages)

    assert _stored(loaded) == _truth(crowd)
    assert tap.run(select=select).paths("/reports/contact_reports") == []


@pytest.mark.parametrize(("days", "later"), [(7, 20), (0, 0)])
def test_whoever_agreed_to_text_messages_while_their_history_was_forbidden_is_asked_about_later(
    tap: TapRunner, crowd: Crowd, clock: Clock, sandbox: Sandbox, days: int, later: int
) -> None:
    tap.config["contacts_full_refresh_days"] = days
    tap.config["sms_history_scope"] = "with_channel"
    select = ["contacts", "contact_sms_history"]
    sandbox.faults.append(Fault("^/contacts/sms", "forbidden", times=1_000))
    for number in range(20):
        crowd.account.add_sms_channel(crowd.people[number], f"20655501{number:02}")
        crowd.account.rename(crowd.people[number], "Ann", str(number))
        run = tap.run(select=select)
        assert len(run.paths("/contacts/sms")) == 1
        heard = crowd.people[0].contact_id
        assert tap.state["ledger"]["news"] == [{"contact_sms_history": [heard]}]
        clock.advance(timedelta(minutes=30))
    sandbox.faults.clear()

    assert len(tap.run(select=select).paths("/contacts/sms")) == 1
    again = tap.run(select=select)
    assert len(again.paths("/contacts/sms")) == later
    assert tap.run(select=select).paths("/contacts/sms") == []
    clock.advance(timedelta(hours=1))
    crowd.account.rename(crowd.people[7], "Bob", "Lee")
    assert len(tap.run(select=select).paths("/contacts/sms")) == 1


def test_whoever_agreed_to_text_messages_is_asked_about_after_a_run_that_did_not_come_to_it(
    tap: TapRunner, shop: Shop, sandbox: Sandbox
) -> None:
    shop.account.add_sms_channel(shop.ann, "2065550100", at=NOON - timedelta(days=9))
    tap.config["sms_history_scope"] = "with_channel"
    select = ["contacts", "contact_sms_history"]
    sandbox.faults.append(Fault("^/contacts/sms", "forbidden", times=9))
    assert tap.run(select=select).counts == {"contacts": 3}
    sandbox.faults.clear()

    assert tap.run(select=select).counts["contact_sms_history"] == 1


# Of text messages, and of segments


def test_the_history_of_text_messages_is_read_of_those_who_have_one(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    shop.account.add_sms_channel(shop.ann, "2065550100", at=NOON - timedelta(days=9))
    tap.config["sms_history_scope"] = "with_channel"
    select = ["contacts", "contact_sms_history"]

    run = tap.run(select=select)
    assert run.paths("/contacts/sms") == [f"/contacts/sms_engagement_history/{shop.ann.contact_id}"]
    (row,) = run.rows("contact_sms_history")
    assert row["contact_id"] == shop.ann.contact_id
    assert row["history_details__state"] == "E"
    assert row["history_details__consent_action_time"] == "2026-05-23T12:00:00Z"
    clock.advance(timedelta(hours=1))
    assert tap.run(select=select).paths("/contacts/sms") == []


def test_the_history_of_text_messages_is_read_of_those_who_are_named(
    tap: TapRunner, shop: Shop
) -> None:
    tap.config["sms_history_ids"] = [shop.people[1].contact_id]

    run = tap.run(select=["contact_sms_history"])
    assert run.paths("/contacts/sms") == [
        f"/contacts/sms_engagement_history/{shop.people[1].contact_id}"
    ]
    assert run.counts == {}


def test_of_the_history_of_text_messages_only_new_entries_come_again(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    ann, bob, _ = shop.people
    for contact, number in ((ann, "2065550100"), (bob, "2065550101")):
        shop.account.add_sms_channel(contact, number, at=NOON - timedelta(days=9))
    tap.config["sms_history_ids"] = [ann.contact_id]
    select = ["contact_sms_history"]

    def said(*contacts: Contact) -> list[tuple[str, str]]:
        """Name whom to ask, and return of the rows whose they are, and what was done."""
        tap.config["sms_history_ids"] = [contact.contact_id for contact in contacts]
        run = tap.run(select=select)
        assert run.paths("/contacts/sms") == [
            f"/contacts/sms_engagement_history/{contact.contact_id}" for contact in contacts
        ]
        rows = run.rows("contact_sms_history")
        return [(row["contact_id"], row["history_details__consent_action_type"]) for row in rows]

    assert said(ann) == [(ann.contact_id, "opt_in")]
    assert tap.state["ledger"]["texts"] == [{ann.contact_id: "2026-06-01T12:00:00Z"}]
    assert said(ann) == []
    shop.account.opt_out_by_sms(ann)
    clock.advance(timedelta(hours=1))
    assert said(ann, bob) == [(ann.contact_id, "opt_out"), (bob.contact_id, "opt_in")]
    assert tap.state["ledger"]["texts"] == [
        dict.fromkeys(sorted([ann.contact_id, bob.contact_id]), "2026-06-01T13:00:00Z")
    ]
    assert said(ann, bob) == []


def test_entries_that_a_history_of_text_messages_shows_late_come_within_the_look_back(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    shop.account.add_sms_channel(shop.ann, "2065550100", at=NOON - timedelta(days=9))
    tap.config["sms_history_ids"] = [shop.ann.contact_id]
    tap.run(select=["contact_sms_history"])
    clock.advance(timedelta(hours=1))
    for seconds in (600, 601):
        shop.account.opt_out_by_sms(shop.ann, at=NOON - timedelta(seconds=seconds))

    (row,) = tap.run(select=["contact_sms_history"]).rows("contact_sms_history")
    assert row["insert_time"].startswith("2026-06-01T")
    assert row["history_details__consent_action_time"] == "2026-06-01T11:50:00Z"


def test_of_a_contact_whose_history_was_not_found_nothing_is_known(
    tap: TapRunner, shop: Shop
) -> None:
    shop.account.add_sms_channel(shop.ann, "2065550100", at=NOON - timedelta(days=9))
    nobody = "00000000-0000-11f1-aa3a-02420a320002"
    tap.config["sms_history_ids"] = [shop.ann.contact_id, nobody]

    tap.run(select=["contact_sms_history"])
    assert tap.state["ledger"]["texts"][0].keys() == {shop.ann.contact_id}


def test_the_contacts_of_a_segment_are_a_set(
    tap: TapRunner, shop: Shop, switches: Switches, clock: Clock
) -> None:
    switches.segment_tries = 1
    vip = shop.account.add_list("vip", at=NOON - timedelta(days=5))
    for contact in shop.people[:2]:
        shop.account.join(contact, vip, at=NOON - timedelta(days=5))
    segment = shop.account.add_segment("VIP", Criteria(lists=(vip.list_id,)))
    tap.config["segment_ids"] = [str(segment.segment_id)]

    first = tap.run(select=["segment_contacts"])
    assert [call.query for call in first.asked if call.path == "/contacts"] == [
        {"segment_id": str(segment.segment_id), "limit": "500"}
    ] * 2  # the first time it still computes
    assert {row["contact_id"] for row in first.rows("segment_contacts")} == {
        contact.contact_id for contact in shop.people[:2]
    }
    clock.advance(timedelta(hours=1))
    shop.account.leave(shop.ann, vip)
    rows = tap.run(select=["segment_contacts"]).rows("segment_contacts")
    assert [row for row in rows if row.get("_sdc_deleted_at")] == [
        {
            "segment_id": segment.segment_id,
            "contact_id": shop.ann.contact_id,
            "_sdc_deleted_at": "2026-06-01T13:00:00Z",
        }
    ]
    assert [row["contact_id"] for row in rows if not row.get("_sdc_deleted_at")] == [
        shop.people[1].contact_id
    ]


def test_whoever_left_a_segment_after_a_run_that_was_killed_is_gone(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    vip = shop.account.add_list("vip", at=NOON - timedelta(days=5))
    for contact in shop.people[:2]:
        shop.account.join(contact, vip, at=NOON - timedelta(days=5))
    segments = [shop.account.add_segment(name, Criteria(lists=(vip.list_id,))) for name in "ab"]
    tap.config["segment_ids"] = [str(segment.segment_id) for segment in segments]
    loaded = Tables()
    killed = tap.run(select=["segment_contacts"]).messages
    loaded.load([message for message in killed if message["type"] in {"SCHEMA", "RECORD"}])
    tap.state = {}
    clock.advance(timedelta(hours=1))
    shop.account.leave(shop.ann, vip)

    run = tap.run(select=["segment_contacts"])
    loaded.load(run.messages)
    assert {row["contact_id"] for row in loaded.rows("segment_contacts")} == {
        shop.people[1].contact_id
    }
    assert [each["type"] for each in run.messages].count("ACTIVATE_VERSION") == 1
    later = tap.run(select=["segment_contacts"])
    assert [each["type"] for each in later.messages].count("ACTIVATE_VERSION") == 0


def test_a_segment_that_is_gone_has_no_contacts(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    segment = shop.account.add_segment("All", Criteria())
    tap.config["segment_ids"] = [str(segment.segment_id)]
    everybody = tap.run(select=["segment_contacts"]).rows("segment_contacts")
    clock.advance(timedelta(hours=1))
    shop.account.delete_segment(segment)

    rows = tap.run(select=["segment_contacts"]).rows("segment_contacts")
    assert len(rows) == len(everybody) > 0
    assert all(row["_sdc_deleted_at"] == "2026-06-01T13:00:00Z" for row in rows)


def test_a_contact_that_is_chosen_no_more_is_sent_as_gone(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.config["contact_status"] = ["active"]
    assert tap.run(select=["contacts"]).counts == {"contacts": 3}
    clock.advance(timedelta(hours=1))
    shop.account.opt_out(shop.ann)

    expected: list[dict[str, Any]] = [
        {"contact_id": shop.ann.contact_id, "_sdc_deleted_at": "2026-06-01T13:00:00Z"}
    ]
    assert tap.run(select=["contacts"]).rows("contacts") == expected
