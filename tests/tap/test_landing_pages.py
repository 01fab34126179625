"""What people did on landing pages that the settings name: newest first, down to what is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.ledger import Ledger
from tap_constantcontact.streams.landing_pages import LANDING_PAGE_REPORTS, LandingPageReport
from tests.conftest import NOON
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAMS = [report.name for report in LANDING_PAGE_REPORTS]
NOWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"


class Fair:
    """Two landing pages with two links each, and two people who know of them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.page, self.other = (
            account.add_landing_page(name, "https://example.com/a", "https://example.com/b")
            for name in ("Join", "Win")
        )
        self.ann, self.bob = (
            account.add_contact(f"{name}@example.com", first_name=name, at=NOON - timedelta(days=9))
            for name in ("ann", "bob")
        )

    @property
    def ids(self) -> list[str]:
        return [self.page.campaign_activity_id, self.other.campaign_activity_id]


@pytest.fixture
def fair(clock: Clock) -> Fair:
    return Fair(Account(clock))


@pytest.fixture
def sandbox(fair: Fair, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(fair.account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, fair: Fair, tmp_path: Path) -> TapRunner:
    config = {"landing_page_ids": fair.ids[:1]}
    return TapRunner(sandbox, tmp_path / "store", config, select=STREAMS)


def reports(page_id: str) -> list[str]:
    kinds = ("opens", "clicks", "adds", "updates", "sms_optins")
    names = ["p_contact_opens", *(f"p_unique_contact_{kind}" for kind in kinds)]
    return [f"/reports/landing_pages/campaign_details/{page_id}/{name}" for name in names]


def test_nothing_is_asked_until_a_setting_names_pages(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    tap.config.clear()

    with caplog.at_level("INFO"):
        assert tap.run().asked == []
    said = [line for line in caplog.messages if line.startswith("Nothing is asked for")]
    assert said == [f"Nothing is asked for {', '.join(STREAMS)}: that takes landing_page_ids."]


def test_each_report_on_a_named_page_is_asked_for_once(tap: TapRunner, fair: Fair) -> None:
    run = tap.run()

    assert run.paths() == reports(fair.ids[0])
    assert {tuple(call.query.items()) for call in run.asked} == {(("limit", "500"),)}


def test_what_happened_on_a_page_are_rows(tap: TapRunner, fair: Fair) -> None:
    account = fair.account
    account.add_sms_channel(fair.ann, "7815551234", at=NOON - timedelta(days=9))
    account.open_page(fair.page, fair.bob, device_type=None)
    account.click_on_page(fair.page, fair.ann, fair.page.links[1], device_type="tablet")
    for note in (account.sign_up_on_page, account.update_on_page, account.opt_in_on_page):
        note(fair.page, fair.ann)

    run = tap.run()
    assert run.counts == dict.fromkeys(STREAMS, 1)
    common: dict[str, Any] = {
        "campaign_activity_id": fair.ids[0],
        "created_time": "2026-06-01T12:00:00.000Z",
        "occurrence": 1,
        "last_name": None,
        "deleted_at": None,
        "_extra": None,
    }
    assert run.rows("landing_page_opens") == [
        {
            **common,
            "contact_id": fair.bob.contact_id,
            "url_id": "",
            "tracking_activity_type": "p_contact_opens",
            "email_address": "bob@example.com",
            "first_name": "bob",
            "device_type": None,
            "sms_channel__country_code": None,
            "sms_channel__state": None,
            "sms_channel__formatted_international": None,
            "sms_channel__formatted_national": None,
        }
    ]
    assert run.rows("landing_page_unique_clicks") == [
        {
            **common,
            "contact_id": fair.ann.contact_id,
            "url_id": fair.page.links[1].url_id,
            "tracking_activity_type": "p_contact_click",
            "email_address": "ann@example.com",
            "first_name": "ann",
            "device_type": "tablet",
            "link_url": "https://example.com/b",
            "sms_channel__country_code": "US",
            "sms_channel__state": "E",
            "sms_channel__formatted_international": None,
            "sms_channel__formatted_national": "(781) 555-1234",
        }
    ]


def test_equal_events_are_told_apart(tap: TapRunner, fair: Fair) -> None:
    for _ in range(3):
        fair.account.open_page(fair.page, fair.ann)

    rows = tap.run().rows("landing_page_opens")
    assert [row["occurrence"] for row in rows] == [1, 2, 3]


def test_a_report_is_read_down_to_what_is_known(
    tap: TapRunner, fair: Fair, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LandingPageReport, "page_size", 2)
    tap.config["report_lookback_hours"] = 24
    for days in range(9, 0, -1):
        fair.account.open_page(fair.page, fair.ann, at=NOON - timedelta(days=days))
    first = tap.run(select=["landing_page_opens"])
    assert (len(first.asked), len(first.rows("landing_page_opens"))) == (5, 9)
    clock.advance(timedelta(hours=1))
    fair.account.open_page(fair.page, fair.bob)

    second = tap.run(select=["landing_page_opens"])
    assert len(second.asked) == 2
    assert [row["created_time"][:13] for row in second.rows("landing_page_opens")] == [
        "2026-06-01T13",
        "2026-05-31T12",  # within a day of what was known
        "2026-05-30T12",
    ]
    quiet = tap.run(select=["landing_page_opens"])
    assert (len(quiet.asked), len(quiet.rows("landing_page_opens"))) == (1, 1)


def test_equal_events_torn_apart_by_the_end_of_a_page_are_both_found(
    tap: TapRunner, fair: Fair, switches: Switches
) -> None:
    switches.cursor_style = "keyset"
    for number in range(499):
        fair.account.open_page(fair.page, fair.bob, at=NOON - timedelta(minutes=number + 1))
    for _ in range(2):  # rows 500 and 501
        fair.account.open_page(fair.page, fair.ann, at=NOON - timedelta(days=4))

    run = tap.run(select=["landing_page_opens"])
    assert [call.query.get("limit") for call in run.asked] == ["500", None, "437", None]
    rows = run.rows("landing_page_opens")
    mine = {row["occurrence"] for row in rows if row["contact_id"] == fair.ann.contact_id}
    assert mine == {1, 2}
    assert len(tap.run(select=["landing_page_opens"]).asked) == 1


def test_a_page_that_is_named_later_is_read_whole(tap: TapRunner, fair: Fair, clock: Clock) -> None:
    for page in (fair.page, fair.other):
        fair.account.open_page(page, fair.ann, at=NOON - timedelta(days=30))
        fair.account.open_page(page, fair.bob)
    tap.run(select=["landing_page_opens"])
    clock.advance(timedelta(hours=1))
    tap.config["landing_page_ids"] = fair.ids

    rows = tap.run(select=["landing_page_opens"]).rows("landing_page_opens")
    assert [row["campaign_activity_id"] for row in rows] == [fair.ids[0], *fair.ids[1:] * 2]
    assert Ledger(tap.state).landing_pages.keys() == set(fair.ids)


def test_whoever_comes_again_is_another_row_where_each_contact_shows_once(
    tap: TapRunner, fair: Fair, clock: Clock
) -> None:
    fair.account.open_page(fair.page, fair.ann)
    tap.run()
    clock.advance(timedelta(days=3))
    fair.account.open_page(fair.page, fair.ann)

    (row,) = tap.run().rows("landing_page_unique_opens")
    assert (row["created_time"], row["occurrence"]) == ("2026-06-04T12:00:00.000Z", 1)


def test_a_page_that_does_not_exist_is_told_once_and_ends_no_run(
    tap: TapRunner, fair: Fair, caplog: pytest.LogCaptureFixture
) -> None:
    fair.account.open_page(fair.page, fair.ann)
    tap.config["landing_page_ids"] = [NOWHERE, fair.ids[0]]

    assert tap.run(select=["landing_page_opens", "landing_page_unique_opens"]).counts == {
        "landing_page_opens": 1,
        "landing_page_unique_opens": 1,
    }
    assert [line for line in caplog.messages if line.startswith("There is no landing page")] == [
        f"There is no landing page {NOWHERE}: landing_page_ids takes the ids of their activities."
    ]
