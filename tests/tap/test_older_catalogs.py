"""A catalog chooses, whichever version of the tap discovered it: nothing is lost by its age."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.errors import SettingsError
from tap_constantcontact.streams.email_reports import EmailOpens
from tap_constantcontact.tap import TapConstantContact
from tests.conftest import NOON
from tests.pipeline.tables import Tables
from tests.pipeline.truth import differences_of
from tests.running import IMPATIENT, Outcome, TapRunner, Writer
from tests.running import catalog as catalog_of_today
from tests.tap.test_cli import command, last_line
from tests.tap.test_rights import discover

if TYPE_CHECKING:
    from pathlib import Path

FITS_NOT = (
    r"The catalog does not fit this version of the tap and its settings \((.*)\): discover it again"
    r" \(with Meltano: --refresh-catalog\)\."
)

Catalog = dict[str, Any]


def older(*names: str) -> Catalog:
    """Return a catalog that selects some streams, or all, and may be changed."""
    return copy.deepcopy(catalog_of_today(frozenset(names) or None))


def entry(catalog: Catalog, stream: str) -> dict[str, Any]:
    """Return what a catalog says of a stream."""
    found: dict[str, Any]
    (found,) = [each for each in catalog["streams"] if each["tap_stream_id"] == stream]
    return found


def metadata(catalog: Catalog, stream: str, *crumb: str) -> dict[str, Any]:
    """Return the metadata of a stream, or of one of its columns."""
    found: dict[str, Any]
    (found,) = [
        each["metadata"]
        for each in entry(catalog, stream)["metadata"]
        if each["breadcrumb"] == list(crumb)
    ]
    return found


def forget_column(catalog: Catalog, stream: str, column: str) -> None:
    """Let a catalog know nothing of a column."""
    of = entry(catalog, stream)
    del of["schema"]["properties"][column]
    of["metadata"] = [each for each in of["metadata"] if column not in each["breadcrumb"]]


def run(tap: TapRunner, catalog: Catalog, **config: Any) -> Outcome:
    """Run with a catalog; the next run goes on from the state."""
    writer, before = Writer(), len(tap.sandbox.asked)
    made = TapConstantContact(
        config={**tap.settings, **config}, catalog=catalog, state=tap.state, message_writer=writer
    )
    made.patience, made.clock = IMPATIENT, tap.sandbox.account.clock.now
    made.sync_all()
    asked = [call for call in tap.sandbox.asked[before:] if not call.path.startswith("/oauth")]
    outcome = Outcome(writer.messages, asked)
    tap.state = outcome.state
    return outcome


def schema(outcome: Outcome, stream: str) -> dict[str, Any]:
    """Return the SCHEMA message of a stream."""
    return next(
        each for each in outcome.messages if each["type"] == "SCHEMA" and each["stream"] == stream
    )


def columns(outcome: Outcome, stream: str) -> dict[str, Any]:
    """Return the columns that the SCHEMA message of a stream has."""
    found: dict[str, Any] = schema(outcome, stream)["schema"]["properties"]
    return found


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return in what the catalog was said not to fit."""
    lines = [line for line in caplog.messages if line.startswith("The catalog")]
    told = [re.fullmatch(FITS_NOT, line) for line in lines]
    return [found[1] for found in told if found]


def test_of_a_catalog_that_fits_nothing_is_said(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    for config in ({}, {"add_account_id": True}):
        tap.state = {}
        run(tap, discover(tap, **config), **config)

    assert not [line for line in caplog.messages if "catalog" in line]


def test_a_stream_that_there_is_no_more_is_named_and_the_others_are_read(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = older("contact_tags")
    for name, selected in (("webinars", True), ("polls", False)):
        gone = copy.deepcopy(entry(catalog, "contact_tags"))
        gone |= {"tap_stream_id": name, "stream": name}
        gone["metadata"] = [{"breadcrumb": [], "metadata": {"selected": selected}}]
        catalog["streams"].append(gone)

    assert set(run(tap, catalog).counts) == {"contact_tags"}
    assert warned(caplog) == ["streams that there are not: webinars"]


def test_a_stream_that_it_lacks_is_named_unless_it_is_off_and_the_others_are_read(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = older("contact_tags")
    for lacking in ("contact_lists", "contact_sms_history"):
        catalog["streams"].remove(entry(catalog, lacking))

    assert set(run(tap, catalog).counts) == {"contact_tags"}
    assert warned(caplog) == ["streams that it lacks: contact_lists"]


def test_a_column_that_it_lacks_is_read_all_the_same(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    whole = run(tap, older("campaigns")).rows("campaigns")
    tap.state = {}
    catalog = older("campaigns")
    forget_column(catalog, "campaigns", "current_status")

    outcome = run(tap, catalog)
    assert outcome.rows("campaigns") == whole
    assert "current_status" in columns(outcome, "campaigns")
    assert warned(caplog) == ["columns that it lacks: campaigns.current_status"]


def test_a_column_that_it_lacks_is_left_out_where_columns_were_chosen_by_name(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = older("campaigns")
    forget_column(catalog, "campaigns", "current_status")
    metadata(catalog, "campaigns", "properties", "name")["selected"] = False

    outcome = run(tap, catalog)
    assert not {"name", "current_status"} & outcome.rows("campaigns")[0].keys()
    assert not {"name", "current_status"} & columns(outcome, "campaigns").keys()
    assert warned(caplog) == ["columns that it lacks: campaigns.current_status"]


def test_a_column_that_there_is_no_more_is_left_out(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = older("campaigns")
    of = entry(catalog, "campaigns")
    of["schema"]["properties"]["colour"] = {"type": ["string", "null"]}
    of["metadata"].append({"breadcrumb": ["properties", "colour"], "metadata": {"selected": True}})

    assert "colour" not in columns(run(tap, catalog), "campaigns")
    assert warned(caplog) == ["columns that there are not: campaigns.colour"]


def test_a_type_is_that_of_this_version(tap: TapRunner, caplog: pytest.LogCaptureFixture) -> None:
    catalog = older("campaigns")
    there = entry(catalog, "campaigns")["schema"]["properties"]
    there["name"] = {"type": "string"}
    there["updated_at"] = {"type": ["string", "null"]}

    own = columns(run(tap, catalog), "campaigns")
    assert own["name"]["type"] == ["string", "null"]
    assert own["updated_at"]["format"] == "date-time"
    assert warned(caplog) == ["other types: campaigns.name, campaigns.updated_at"]


@pytest.mark.parametrize("where", ["entry", "metadata"])
def test_a_key_is_that_of_this_version_and_never_left_out(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    catalog = older("email_opens")
    if where == "entry":
        entry(catalog, "email_opens")["key_properties"] = ["contact_id"]
    else:
        metadata(catalog, "email_opens")["table-key-properties"] = ["contact_id"]
    key = metadata(catalog, "email_opens", "properties", "occurrence")
    key |= {"inclusion": "available", "selected": False}

    outcome = run(tap, catalog)
    assert schema(outcome, "email_opens")["key_properties"] == list(EmailOpens.primary_keys)
    assert all("occurrence" in row for row in outcome.rows("email_opens"))
    assert warned(caplog) == ["other keys: email_opens"]


@pytest.mark.parametrize(
    ("key", "value"), [("replication_method", "FULL_TABLE"), ("replication_key", "created_at")]
)
def test_the_way_of_replication_is_that_of_this_version(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, key: str, value: str
) -> None:
    catalog = older("campaigns")
    entry(catalog, "campaigns")[key] = value

    first, second = run(tap, catalog), run(tap, catalog)
    assert schema(first, "campaigns")["bookmark_properties"] == ["updated_at"]
    assert first.rows("campaigns")
    assert second.rows("campaigns") == []
    assert warned(caplog) == ["other ways of replication: campaigns"] * 2


def test_a_catalog_from_before_rows_said_whose_they_are_lets_them_say_so(
    tap: TapRunner, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = run(tap, older("contact_tags"), add_account_id=True)

    assert schema(outcome, "contact_tags")["key_properties"] == ["account_id", "tag_id"]
    assert {row["account_id"] for row in outcome.rows("contact_tags")} == {
        account.owner.encoded_account_id
    }
    assert warned(caplog) == [
        "columns that it lacks: contact_tags.account_id; other keys: contact_tags"
    ]


def test_an_entry_without_metadata_is_selected_and_one_without_its_own_is_not(
    tap: TapRunner,
) -> None:
    catalog = older("contact_tags")
    entry(catalog, "contact_tags")["metadata"] = []
    entry(catalog, "contact_lists")["metadata"].pop(
        entry(catalog, "contact_lists")["metadata"].index(
            {"breadcrumb": [], "metadata": metadata(catalog, "contact_lists")}
        )
    )

    assert set(run(tap, catalog).counts) == {"contact_tags"}


def test_with_an_old_catalog_the_rows_equal_the_account_and_the_state_goes_on(
    tap: TapRunner, sandbox: Sandbox, account: Account
) -> None:
    catalog = older()
    for of in catalog["streams"]:
        of |= {"key_properties": ["id"], "replication_key": "id"}
        of["replication_method"] = "FULL_TABLE"
        forget_column(catalog, of["tap_stream_id"], list(of["schema"]["properties"])[-2])
        of["schema"]["properties"]["of_old"] = {"type": ["string", "null"]}
    tables = Tables()
    tables.load(run(tap, older()).messages)
    sandbox.live(timedelta(hours=7))
    tables.load(run(tap, catalog).messages)
    account.clock.advance(timedelta(days=8))
    tables.load(run(tap, catalog).messages)

    assert differences_of(account, tables.rows) == []


def test_the_catalog_of_another_account_chooses_in_this_one(
    tap: TapRunner, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Account.populate(seed=9, contacts=5, campaigns=2, clock=Clock(NOON))
    with Sandbox(other, Switches.unlimited()) as sandbox:
        catalog = discover(TapRunner(sandbox, tmp_path / "other"))
    fresh = TapRunner(tap.sandbox, tmp_path / "fresh")

    assert run(tap, catalog).counts == run(fresh, discover(fresh)).counts
    assert warned(caplog) == []


# Files that are none


@pytest.mark.parametrize("text", ["[]", "null", '{"streams": [{}]}', '{"streams": 1}'])
def test_a_file_that_is_no_catalog_is_refused_in_one_line(
    tap: TapRunner, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "catalog.json"
    file.write_text(text, encoding="utf-8")

    done = command(tap, tmp_path, "--catalog", str(file))
    assert done.returncode == SettingsError.exit_code
    assert last_line(done.stderr) == f"--catalog {file} cannot be read as a catalog."
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
