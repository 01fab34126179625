"""What whoever signed in may not read is left out, by name, and all else is read."""

from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stdout
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Fault
from tap_constantcontact.errors import Forbidden
from tap_constantcontact.streams.activities import ACTIVITY_DETAILS
from tap_constantcontact.streams.email_reports import DERIVED_REPORTS, EMAIL_REPORTS
from tap_constantcontact.tap import TapConstantContact
from tests.pipeline.tables import Tables
from tests.pipeline.truth import UNNAMED, differences_of
from tests.running import IMPATIENT, Writer

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Sandbox, Switches
    from tests.running import TapRunner

CAMPAIGNS_ALONE = frozenset({"contacts:read", "contacts:lists:read", "contacts:write"})


def discover(tap: TapRunner, **config: Any) -> dict[str, Any]:
    """Return the catalog that discovery writes."""
    made = TapConstantContact(config={**tap.settings, **config}, validate_config=False)
    made.patience = IMPATIENT
    with redirect_stdout(io.StringIO()) as out:
        made.run_discovery()
    catalog: dict[str, Any] = json.loads(out.getvalue())
    return catalog


def unsupported(catalog: dict[str, Any]) -> set[str]:
    """Return the streams that cannot be selected."""
    return {
        stream["tap_stream_id"]
        for stream in catalog["streams"]
        for entry in stream["metadata"]
        if entry["breadcrumb"] == [] and entry["metadata"]["inclusion"] == "unsupported"
    }


def paths(sandbox: Sandbox) -> list[str]:
    return [call.path for call in sandbox.asked if not call.path.startswith("/oauth")]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of discovery."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and record.name == "tap-constantcontact"
    ]


# Discovery


def test_discovery_asks_once_and_shows_what_cannot_be_selected(
    tap: TapRunner, sandbox: Sandbox, switches: Switches, caplog: pytest.LogCaptureFixture
) -> None:
    switches.withheld_privileges = CAMPAIGNS_ALONE
    catalog = discover(tap)

    assert paths(sandbox) == ["/account/user/privileges"]
    assert len(catalog["streams"]) == len(tap.make().streams)
    assert unsupported(catalog) == {
        "contact_lists",
        "contacts",
        "contact_tags",
        "contact_custom_fields",
        "segments",
        "segment_criteria",
        "segment_contacts",
        "bulk_activities",
        "contact_counts",
        "contact_sms_history",
    }
    (line,) = said(caplog)
    assert line == (
        "Whoever signed in lacks privileges, so these streams cannot be selected:"
        " bulk_activities (contacts:write);"
        " contact_counts, contact_custom_fields, contact_sms_history, contact_tags, contacts,"
        " segment_contacts (contacts:read);"
        " contact_lists, segment_criteria, segments (contacts:lists:read)."
    )


def test_whoever_may_do_everything_sees_no_line(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    assert unsupported(discover(tap)) == set()
    assert said(caplog) == []


def test_the_privilege_to_read_contacts_is_taken_to_be_enough_for_lists(
    tap: TapRunner, switches: Switches
) -> None:
    switches.withheld_privileges = frozenset({"contacts:lists:read"})

    assert unsupported(discover(tap)) == set()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"refresh_token": None}, "Nobody has signed in yet"),
        ({"client_id": None}, "client_id is missing"),
        ({"auth_url": "http://127.0.0.1:1"}, "POST /token failed 4 times"),
    ],
)
def test_discovery_without_a_sign_in_or_a_network_shows_everything(
    tap: TapRunner, config: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = discover(tap, **config)

    assert len(catalog["streams"]) == len(tap.make().streams)
    assert unsupported(catalog) == set()
    *_, line = said(caplog)
    assert line.startswith(
        f"What whoever signed in may read is not known, so every stream can be selected: {reason}"
    )


def test_a_sync_with_a_catalog_asks_for_nothing_that_discovery_left_out(
    tap: TapRunner, sandbox: Sandbox, switches: Switches
) -> None:
    switches.withheld_privileges = CAMPAIGNS_ALONE
    catalog = discover(tap)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = True
    before = len(sandbox.asked)
    TapConstantContact(config=tap.settings, catalog=catalog, message_writer=Writer()).sync_all()

    assert 403 not in {call.status for call in sandbox.asked[before:]}
    assert paths(sandbox).count("/account/user/privileges") == 2  # once each


def test_a_sync_without_a_catalog_asks_once_and_uses_the_answer_twice(
    tap: TapRunner, sandbox: Sandbox, switches: Switches
) -> None:
    switches.withheld_privileges = CAMPAIGNS_ALONE
    writer = Writer()
    TapConstantContact(config=tap.settings, message_writer=writer).sync_all()

    assert paths(sandbox).count("/account/user/privileges") == 1
    assert 403 not in {call.status for call in sandbox.asked}
    schemas = {each["stream"] for each in writer.messages if each["type"] == "SCHEMA"}
    assert "campaigns" in schemas
    assert "contacts" not in schemas
    rows = [each for each in writer.messages if each.get("stream") == "user_privileges"]
    assert [each["type"] for each in rows] == ["SCHEMA", *["RECORD"] * 11, "ACTIVATE_VERSION"]


def test_discovery_leaves_out_what_is_forbidden_where_rows_say_whose_they_are(
    tap: TapRunner, sandbox: Sandbox, switches: Switches, caplog: pytest.LogCaptureFixture
) -> None:
    switches.withheld_privileges = frozenset({"contacts:write"})

    assert unsupported(discover(tap, add_account_id=True)) == {"bulk_activities"}
    assert paths(sandbox) == ["/account/user/privileges"]
    (line,) = said(caplog)
    assert line.endswith("these streams cannot be selected: bulk_activities (contacts:write).")


def test_a_sync_without_a_catalog_says_of_privileges_whose_they_are(
    tap: TapRunner, account: Account, sandbox: Sandbox, switches: Switches
) -> None:
    switches.withheld_privileges = CAMPAIGNS_ALONE
    tap.config["add_account_id"] = True
    writer = Writer()
    TapConstantContact(config=tap.settings, message_writer=writer).sync_all()

    assert paths(sandbox)[:2] == ["/account/user/privileges", "/account/summary"]
    assert paths(sandbox).count("/account/user/privileges") == 1
    assert paths(sandbox).count("/account/summary") == 1
    assert "contacts" not in {each.get("stream") for each in writer.messages}
    rows = [each["record"] for each in writer.messages if each["type"] == "RECORD"]
    assert {row["account_id"] for row in rows} == {account.owner.encoded_account_id}
    assert sum("privilege_id" in row for row in rows) == 11


# In mid-run


def test_what_is_forbidden_is_left_out_and_named_in_the_last_line(
    tap: TapRunner, account: Account, switches: Switches, caplog: pytest.LogCaptureFixture
) -> None:
    switches.withheld_privileges = frozenset({"contacts:read"})
    run = tap.run()

    left_out = {"contacts", "contact_counts", "contact_tags", "contact_custom_fields"}
    assert left_out.isdisjoint(run.counts)
    assert set(run.state["bookmarks"]) == {"bulk_activities", "campaigns", "events"}
    assert [message["stream"] for message in run.messages if "version" in message].count(
        "contact_tags"
    ) == 0
    tables = Tables()
    tables.load(run.messages)
    assert differences_of(account, tables.rows, UNNAMED - left_out) == []
    assert caplog.records[-1].getMessage() == (
        "Left out, since it is forbidden: contact_tags, contact_custom_fields, contact_counts,"
        " contacts (the scope contact_data and the privilege contacts:read)."
    )


COUNTED = {
    *(report.name for report in (*EMAIL_REPORTS, *DERIVED_REPORTS)),
    "sync_mismatches",
    *("contact_activity_details", "contact_activity_summaries", "contact_open_and_click_rates"),
}
DETAILS = {detail.name for detail in ACTIVITY_DETAILS}
LOOKED_UP = {
    *DETAILS,
    "campaign_activity_stats",
    *COUNTED,
}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("^/contacts/counts$", {"contact_counts"}),
        ("^/contacts$", {"contacts", "contact_sms_history"}),
        ("^/segments$", {"segments", "segment_criteria"}),
        ("^/automations/workflows$", {"automations"}),
        ("^/events$", {"events", "event_registrations", "event_registration_details"}),
        ("^/events/[^/]+$", {"events", "event_registrations", "event_registration_details"}),
        ("/registrations$", {"event_registrations", "event_registration_details"}),
        ("^/emails$", {"campaigns", "campaign_stats", *LOOKED_UP}),
        ("^/emails/[^/]+$", LOOKED_UP),
        ("^/reports/stats/email_campaigns/", {"campaign_stats", *LOOKED_UP} - DETAILS),
        ("^/reports/stats/email_campaign_activities/", {"campaign_activity_stats", *COUNTED}),
        ("/tracking/opens$", {"email_opens", "email_unique_opens", "email_did_not_opens"}),
        ("/tracking/unique_opens$", {"email_unique_opens"}),
        ("^/contact_tags$", {"contact_tags"}),
        ("^/contact_lists$", {"contact_lists"}),
        ("^/reports/summary_reports/email", {"campaign_summaries"}),
    ],
)
def test_what_is_made_from_something_forbidden_is_named_too(
    tap: TapRunner,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    path: str,
    names: set[str],
) -> None:
    tap.config["contact_report_scope"] = "with_news"
    tap.config["sms_history_scope"] = "with_channel"
    sandbox.faults.append(Fault(path=path, times=1_000, kind="forbidden"))

    tap.run()
    line = caplog.records[-1].getMessage()
    assert line.startswith("Left out, since it is forbidden: ")
    assert {*re.findall(r"[a-z_]+", re.sub(r"\([^)]*\)", "", line.partition(": ")[2]))} == names


def test_only_what_is_wanted_is_named(
    tap: TapRunner, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults.append(Fault(path="^/events$", times=9, kind="forbidden"))

    tap.run(select=["event_registrations", "contact_tags"])
    assert (
        caplog.records[-1]
        .getMessage()
        .startswith("Left out, since it is forbidden: event_registrations (the scope")
    )


def test_what_follows_from_campaigns_that_may_not_be_read_cannot_be_selected(
    tap: TapRunner, switches: Switches
) -> None:
    switches.withheld_privileges = frozenset({"campaign:read"})

    assert unsupported(discover(tap)) >= {
        "campaigns",
        "campaign_activities",
        "campaign_stats",
        "campaign_activity_stats",
        "email_opens",
        "email_links",
        "email_did_not_opens",
        "sync_mismatches",
    }


def test_what_follows_from_forbidden_campaigns_is_left_out_too(
    tap: TapRunner, account: Account, switches: Switches
) -> None:
    tap.run()
    switches.withheld_privileges = frozenset({"campaign:read"})
    account.clock.advance(account.clock.now() - account.born)
    before = tap.state
    run = tap.run()

    assert not run.paths("/emails/")
    assert not run.paths("/reports/stats")
    assert not run.paths("/reports/email_reports")
    assert run.state["ledger"]["listing"] == before["ledger"]["listing"]
    assert run.state["bookmarks"]["campaigns"] == before["bookmarks"]["campaigns"]


@pytest.mark.parametrize(
    "path",
    [
        r"^/reports/stats/email_campaigns/",
        r"^/reports/stats/email_campaign_activities/",
        r"^/reports/email_reports/.*/tracking/opens",
        r"^/reports/email_reports/.*/links",
        r"^/reports/summary_reports/",
        r"^/emails/activities/",
        r"^/emails/[^/]+$",
        r"^/emails$",
        r"^/contacts$",
        r"^/segments/",
        r"^/automations/workflows$",
    ],
)
def test_what_was_forbidden_once_is_read_by_the_next_run(
    tap: TapRunner, account: Account, sandbox: Sandbox, path: str
) -> None:
    sandbox.faults.append(Fault(path=path, times=1_000, kind="forbidden"))
    tables = Tables()
    tables.load(tap.run().messages)
    sandbox.faults.clear()

    tables.load(tap.run().messages)
    assert differences_of(account, tables.rows) == []


def test_what_is_forbidden_is_asked_for_once(tap: TapRunner, sandbox: Sandbox) -> None:
    sandbox.faults.append(
        Fault(path=r"^/reports/email_reports/.*/tracking/opens", times=1_000, kind="forbidden")
    )

    run = tap.run()
    assert sum(path.endswith("/tracking/opens") for path in run.paths()) == 1


@pytest.mark.parametrize("path", ["previews", "schedules", "abtest", "send_history"])
def test_details_that_stay_forbidden_have_no_others_asked_for_again(
    tap: TapRunner, account: Account, sandbox: Sandbox, path: str
) -> None:
    sandbox.faults.append(Fault(f"/{path}$", times=1_000, kind="forbidden"))
    select = ["contact_tags", *DETAILS]
    tables = Tables()
    tables.load(tap.run(select=select).messages)
    account.clock.advance(timedelta(minutes=5))
    size = len(json.dumps(tap.state))
    for _ in range(3):
        quiet = tap.run(select=select)
        asked = [each.rpartition("/")[2] for each in quiet.paths("/emails/activities/")]
        # Schedules are asked for on each run.
        assert [each for each in asked if each != "schedules" or path == each] in ([], [path])
        assert len(json.dumps(tap.state)) <= size
        tables.load(quiet.messages)
    sandbox.faults.clear()

    tables.load(tap.run(select=select).messages)
    assert differences_of(account, tables.rows, frozenset(select)) == []


def test_a_list_that_is_forbidden_in_its_midst_is_not_activated(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.tags.ContactTags.page_size", 2)
    sandbox.faults.append(Fault(path=r"^/contact_tags$", after=1, times=9, kind="forbidden"))

    run = tap.run(select=["contact_tags", "contact_lists"])
    assert len(run.rows("contact_tags")) == 2
    assert "ACTIVATE_VERSION" not in {message["type"] for message in run.messages}


def test_whoever_wants_to_fail_fails(tap: TapRunner, switches: Switches) -> None:
    tap.config["on_forbidden"] = "fail"
    switches.withheld_privileges = frozenset({"contacts:read"})

    run = tap.run(fails=True)
    assert isinstance(run.error, Forbidden)
    assert str(run.error).startswith("GET /contact_tags is forbidden: whoever signed in lacks")


def test_whoever_wants_to_fail_fails_where_a_look_up_is_a_stream_too(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    tap.config["on_forbidden"] = "fail"
    sandbox.faults.append(Fault(path="^/contacts/counts$", times=9, kind="forbidden"))

    assert tap.run(select=["contacts"]).error is None
    run = tap.run(select=["contacts", "contact_counts"], fails=True)
    assert isinstance(run.error, Forbidden)


@pytest.mark.parametrize(
    "path", ["^/events$", "^/events/[^/]+$", "/registrations$", "/registrations/[^/]+$"]
)
def test_what_happened_to_events_while_they_were_forbidden_is_read_by_the_next_run(
    tap: TapRunner, account: Account, sandbox: Sandbox, path: str
) -> None:
    select = ["contact_tags", "events", "event_registrations", "event_registration_details"]
    tables = Tables()
    tables.load(tap.run(select=select).messages)
    sandbox.live(timedelta(days=3))
    sandbox.faults.append(Fault(path=path, times=1_000, kind="forbidden"))
    tables.load(tap.run(select=select).messages)
    sandbox.faults.clear()
    account.clock.advance(timedelta(days=1))

    tables.load(tap.run(select=select).messages)
    assert differences_of(account, tables.rows, frozenset(select)) == []


def test_what_moved_a_counter_while_contacts_were_forbidden_is_read_by_the_next_run(
    tap: TapRunner, account: Account, sandbox: Sandbox
) -> None:
    tap.run(select=["contacts"])
    account.clock.advance(timedelta(hours=1))
    some = next(iter(account.lists.values()))
    newcomer = next(
        each for each in account.contacts.values() if some.list_id not in each.list_memberships
    )
    account.join(newcomer, some)
    sandbox.faults.append(Fault(path="^/contacts$", times=9, kind="forbidden"))
    tap.run(select=["contacts"])
    sandbox.faults.clear()
    account.clock.advance(timedelta(hours=1))

    rows = tap.run(select=["contacts"]).rows("contacts")
    assert newcomer.contact_id in {row["contact_id"] for row in rows}


def test_an_application_that_may_do_nothing_fails(tap: TapRunner, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(path=r"^/(account|con|em|rep)", times=1_000, kind="forbidden"))

    run = tap.run(select=["account_summary", "contacts", "campaigns"], fails=True)
    assert isinstance(run.error, Forbidden)
    assert str(run.error).startswith("GET /account/summary is forbidden, and so is everything else")
