"""What is small and read whole: exactly these requests, these rows, and what is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from tap_constantcontact.errors import QuotaUsed, Unreachable
from tests.conftest import NOON
from tests.pipeline.dimensions import KEYS
from tests.pipeline.tables import Tables
from tests.pipeline.truth import differences_of
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox import Request as SandboxRequest
    from tests.running import Outcome

YESTERDAY = NOON - timedelta(days=1)
LISTS = [
    ("/account/summary", {"extra_fields": "physical_address,company_logo"}),
    ("/account/emails", {}),
    ("/account/user/privileges", {}),
    ("/contact_tags", {"include_count": "true", "limit": "500"}),
    ("/contact_custom_fields", {"limit": "100"}),
    ("/segments", {"limit": "1000"}),
    ("/social/profiles", {"include": "accessible"}),
    ("/social/connections", {}),
    ("/social/hashtags/groups", {"limit": "5"}),
    ("/automations/workflows", {}),
    ("/activities", {"limit": "500"}),
    (
        "/reports/summary_reports/sms_campaign_summaries",
        {"limit": "50", "start_at": "2000-01-01T00:00:00Z"},
    ),
]
VANISHING = [
    "account_emails",
    "user_privileges",
    "contact_tags",
    "contact_custom_fields",
    "segments",
    "social_profiles",
    "social_connections",
    "social_hashtag_groups",
]


@pytest.fixture
def account(clock: Clock) -> Account:
    """An account with little in it."""
    account = Account(clock)
    account.add_tag("bread", at=YESTERDAY)
    account.add_tag("cake", at=YESTERDAY)
    account.add_segment("all", at=YESTERDAY)
    account.add_automation("Welcome", at=YESTERDAY)
    return account


@pytest.fixture
def sandbox(account: Account, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store", select=tuple(KEYS))


def asked(run: Outcome) -> list[tuple[str, dict[str, Any]]]:
    return [(call.path, dict(call.query)) for call in run.asked]


def activated(run: Outcome) -> list[str]:
    return [message["stream"] for message in run.messages if message["type"] == "ACTIVATE_VERSION"]


def versions(run: Outcome, stream: str) -> list[int | None]:
    """Return the versions of a stream's records."""
    return [
        message.get("version")
        for message in run.messages
        if message["type"] == "RECORD" and message["stream"] == stream
    ]


# What is asked


def test_a_first_run_asks_for_each_list_once_and_for_each_detail(
    tap: TapRunner, account: Account
) -> None:
    (segment,), (automation,) = account.segments, account.automations

    assert asked(tap.run()) == [
        *LISTS,
        (f"/segments/{segment}", {}),
        (f"/automations/workflows/{automation}", {}),
    ]


def test_a_quiet_run_asks_for_lists_alone(tap: TapRunner) -> None:
    tap.run()

    assert asked(tap.run()) == LISTS


def test_details_are_asked_for_where_something_was_edited(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    account.add_segment("others", at=YESTERDAY)
    tap.run()
    clock.advance(timedelta(hours=1))
    segment, automation = account.segments[1], next(iter(account.automations.values()))
    account.rename_segment(segment, "everybody")
    account.promote(automation)

    run = tap.run()
    assert asked(run)[len(LISTS) :] == [
        ("/segments/1", {}),
        (f"/automations/workflows/{automation.automation_id}", {}),
    ]
    assert [row["name"] for row in run.rows("segment_criteria")] == ["everybody"]
    assert [row["status"] for row in run.rows("automations")] == ["ACTIVE"]


def test_lists_are_asked_for_where_only_their_details_are_wanted(tap: TapRunner) -> None:
    run = tap.run(select=["segment_criteria", "automations"])

    assert run.paths()[:2] == ["/segments", "/automations/workflows"]
    assert run.counts == {"segment_criteria": 1, "automations": 1}
    assert activated(run) == ["segment_criteria", "automations"]


def test_only_jobs_that_changed_are_rows(tap: TapRunner, account: Account, clock: Clock) -> None:
    first, second = (account.add_bulk_activity(at=YESTERDAY) for _ in range(2))
    assert {row["activity_id"] for row in tap.run().rows("bulk_activities")} == {
        first.activity_id,
        second.activity_id,
    }
    clock.advance(timedelta(hours=1))
    account.begin_bulk_activity(second, 10)

    (row,) = tap.run().rows("bulk_activities")
    assert (row["activity_id"], row["state"]) == (second.activity_id, "processing")
    assert (row["status__items_total_count"], row["status__person_count"]) == (10, 5)


def test_text_campaigns_are_asked_for_between_the_dates_of_the_settings(
    tap: TapRunner, account: Account
) -> None:
    for days in (1, 20, 40):
        sent = NOON - timedelta(days=days)
        account.send_texts(account.add_text_campaign(f"t{days}", at=sent), [], at=sent)
    account.add_text_campaign("a draft", at=YESTERDAY)
    tap.config |= {"start_date": "30 days ago", "end_date": "2026-05-31"}

    run = tap.run(select=["sms_campaign_summaries"])
    assert [call.query for call in run.asked] == [
        {"start_at": "2026-05-02T12:00:00Z", "end_at": "2026-05-31T00:00:00Z", "limit": "50"}
    ]
    (row,) = run.rows("sms_campaign_summaries")
    assert row == {
        "campaign_id": row["campaign_id"],
        "campaign_name": "t20",
        "campaign_type": "SMS",
        "last_sent_date": "2026-05-12T08:00:00.000-04:00",
        "unique_counts__sends": 0,
        "unique_counts__delivers": 0,
        "unique_counts__opens": None,
        "unique_counts__clicks": 0,
        "unique_counts__optouts": 0,
        "_extra": None,
    }


def test_tags_and_custom_fields_are_asked_for_once_where_contacts_want_them_too(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    account.add_contact("ann@example.com", at=YESTERDAY)
    dimensions = ["contact_tags", "contact_custom_fields"]
    shared = ("/contact_tags", "/contact_custom_fields")
    for select in (["contacts"], ["contacts", *dimensions], ["contacts", "contact_tags"]):
        clock.advance(timedelta(hours=1))
        paths = tap.run(select=select).paths()
        assert [paths.count(path) for path in shared] == [1, 1]


@pytest.mark.parametrize("links", ["internal", "public", "nested"])
def test_the_pages_of_tags_are_followed_wherever_their_links_seem_to_lead(
    tap: TapRunner, account: Account, switches: Switches, links: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.tags.ContactTags.page_size", 1)
    switches.tag_links = links

    run = tap.run(select=["contact_tags"])
    assert {row["tag_id"] for row in run.rows("contact_tags")} == set(account.tags)
    assert set(run.paths()) == {"/contact_tags"}


# What is gone


def test_each_list_is_activated_once_after_its_last_row(tap: TapRunner) -> None:
    run = tap.run()

    assert sorted(activated(run)) == sorted([*VANISHING, "segment_criteria", "automations"])
    for stream in activated(run):
        about = [each for each in run.messages if each.get("stream") == stream]
        (version,) = {each["version"] for each in about if each["type"] != "SCHEMA"}
        assert about[-1] == {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}
    assert versions(run, "account_summary") == [None]


def test_each_reading_has_a_version_greater_than_the_one_before(tap: TapRunner) -> None:
    found = [versions(tap.run(), "contact_tags")[0] or 0 for _ in range(3)]

    assert found == sorted(set(found))


def test_what_was_deleted_is_gone(tap: TapRunner, account: Account, clock: Clock) -> None:
    tables = Tables()
    tables.load(tap.run().messages)
    clock.advance(timedelta(hours=1))
    account.delete_tag(next(iter(account.tags.values())))
    account.delete_segment(account.segments[1])
    (automation,) = account.automations.values()
    account.remove_automation(automation)

    run = tap.run()
    tables.load(run.messages)
    assert differences_of(account, tables.rows, KEYS) == []
    assert run.rows("segment_criteria") == [
        {"segment_id": 1, "_sdc_deleted_at": "2026-06-01T13:00:00Z"}
    ]
    assert run.rows("automations") == [
        {
            "automation_flow_id": automation.automation_id,
            "_sdc_deleted_at": "2026-06-01T13:00:00Z",
        }
    ]


def test_a_stream_that_became_empty_is_activated_too(tap: TapRunner, account: Account) -> None:
    tap.run(select=["contact_tags"])
    for tag in list(account.tags.values()):
        account.delete_tag(tag)

    run = tap.run(select=["contact_tags"])
    assert (run.rows("contact_tags"), activated(run)) == ([], ["contact_tags"])


def test_a_list_of_several_pages_is_read_until_two_readings_agree(
    tap: TapRunner, sandbox: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag that is deleted between two pages pushes another one over the end of the first."""
    monkeypatch.setattr("tap_constantcontact.streams.tags.ContactTags.page_size", 2)
    for number in range(3):
        account.add_tag(f"tag {number}", at=NOON - timedelta(hours=number))

    def delete(request: SandboxRequest) -> None:
        if "cursor" in request.query and len(account.tags) == 5:
            account.delete_tag(next(iter(account.tags.values())))

    sandbox.before_answer.append(delete)
    run = tap.run(select=["contact_tags"])
    tables = Tables()
    tables.load(run.messages)
    assert {row["tag_id"] for row in tables.rows("contact_tags")} == set(account.tags)
    assert activated(run) == ["contact_tags"]


def test_a_list_of_several_pages_that_is_as_the_run_before_saw_it_is_read_once(
    tap: TapRunner, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.tags.ContactTags.page_size", 1)
    first, quiet = (tap.run(select=["contact_tags"]) for _ in range(2))
    assert (len(first.asked), len(quiet.asked)) == (4, 2)
    account.add_tag("tart")

    news = tap.run(select=["contact_tags"])
    assert len(news.asked) == 6
    assert [activated(run) for run in (first, quiet, news)] == [["contact_tags"]] * 3


def test_a_list_that_never_stays_the_same_is_not_activated(
    tap: TapRunner,
    sandbox: Sandbox,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.tags.ContactTags.page_size", 1)
    caplog.set_level("INFO")

    def add(_: SandboxRequest) -> None:
        if len(account.tags) < 9:
            account.add_tag(f"tag {len(account.tags)}")

    sandbox.before_answer.append(add)
    monkeypatch.setattr("tap_constantcontact.planner.dimensions.MOST_READINGS", 1)
    run = tap.run(select=["contact_tags"])
    assert run.rows("contact_tags")
    assert activated(run) == []
    assert "contact_tags changed whenever it was read: the next run tries again." in caplog.text


def test_nothing_is_activated_that_was_not_read_to_its_end(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.tags.ContactTags.page_size", 1)
    sandbox.faults.append(Fault(path=r"^/contact_tags$", after=1, times=99, kind="status_500"))

    run = tap.run(select=["contact_tags"], fails=True)
    assert isinstance(run.error, Unreachable)
    assert run.counts == {"contact_tags": 1}
    assert activated(run) == []


def test_nothing_is_activated_once_the_calls_are_used_up(tap: TapRunner) -> None:
    tap.config |= {"max_calls_per_run": 4, "on_quota": "fail"}

    run = tap.run(fails=True)
    assert isinstance(run.error, QuotaUsed)
    assert activated(run) == ["account_emails", "user_privileges", "contact_tags"]


def test_a_sample_activates_nothing(tap: TapRunner) -> None:
    tap.run()
    writer = Writer()
    tap.make(writer=writer).run_connection_test()

    assert {message["type"] for message in writer.messages} == {"SCHEMA", "RECORD", "STATE"}
    assert not any("_sdc_deleted_at" in each.get("record", {}) for each in writer.messages)


def test_killed_at_any_record_nothing_disappears(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    first = tap.run()
    clock.advance(timedelta(hours=1))
    account.delete_tag(next(iter(account.tags.values())))
    second = tap.run()
    there = {name: len(first.rows(name)) for name in KEYS}

    for end, message in enumerate(second.messages):
        if message["type"] != "RECORD":
            continue
        tables = Tables()
        tables.load([*first.messages, *second.messages[:end]])
        done = activated(_part(second, end))
        for name in KEYS:
            if name not in done:
                assert len(tables.rows(name)) >= there[name], (end, name)


def _part(run: Outcome, end: int) -> Outcome:
    return type(run)(run.messages[:end], run.asked)


def test_a_first_reading_of_details_that_was_cut_goes_on_in_its_version(
    tap: TapRunner, account: Account
) -> None:
    """So that what the tables held before a lost state is gone in the end, and nothing else."""
    for number in range(3):
        account.add_segment(f"segment {number}", at=YESTERDAY)
    tap.config |= {"max_calls_per_run": 3}
    first = tap.run(select=["segment_criteria"])
    assert len(first.rows("segment_criteria")) == 2
    assert activated(first) == []
    del tap.config["max_calls_per_run"]

    second = tap.run(select=["segment_criteria"])
    assert len(second.rows("segment_criteria")) == 2
    assert activated(second) == ["segment_criteria"]
    (version,) = {
        *versions(first, "segment_criteria"),
        *versions(second, "segment_criteria"),
    }
    assert second.messages[-2]["version"] == version


def test_an_automation_that_is_removed_while_it_is_read_is_no_error(
    tap: TapRunner, account: Account, sandbox: Sandbox
) -> None:
    (automation,) = account.automations.values()

    def remove(request: SandboxRequest) -> None:
        if "/automations/workflows/" in request.path and account.automations:
            account.remove_automation(automation)

    sandbox.before_answer.append(remove)
    assert tap.run(select=["automations"]).rows("automations") == []
