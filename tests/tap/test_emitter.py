"""Pages written as a whole and rows written by the SDK say the same, whatever is asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.streams.core import Stream

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.planner import Planner
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tap_constantcontact.units import Unit

STREAMS = {
    "contacts",
    "campaigns",
    "campaign_activities",
    "campaign_stats",
    "campaign_activity_stats",
    "email_sends",
    "email_opens",
}


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    account = Account.populate(clock=clock, contacts=40, campaigns=4)
    with Sandbox(account, Switches.unlimited()) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store")


@pytest.fixture
def by_the_sdk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tell which streams' rows the SDK wrote."""
    written: list[str] = []
    real = Stream._write_record_message

    def write(stream: Stream, row: dict[str, Any]) -> None:
        written.append(stream.name)
        real(stream, row)

    monkeypatch.setattr(Stream, "_write_record_message", write)
    return written


def read(tap: TapRunner, deselected: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a first run by stream.

    Args:
        tap: The tap.
        deselected: What is not wanted, as "stream.column" or "stream.column.part".
    """
    writer = Writer()
    made = tap.make(writer=writer)
    catalog = made.catalog_dict
    catalog["streams"] = [each for each in catalog["streams"] if each["tap_stream_id"] in STREAMS]
    for entry in catalog["streams"]:
        for path in deselected:
            stream, *parts = path.split(".")
            crumb = [word for part in parts for word in ("properties", part)]
            if entry["tap_stream_id"] == stream:
                entry["metadata"] = [
                    each for each in entry["metadata"] if each["breadcrumb"] != crumb
                ]
                entry["metadata"].append({"breadcrumb": crumb, "metadata": {"selected": False}})
    chosen = type(made)(config=tap.settings, catalog=catalog, message_writer=writer)
    chosen.patience, chosen.threads = made.patience, 1
    chosen.sync_all()
    rows: dict[str, list[dict[str, Any]]] = {}
    for message in writer.messages:
        if message["type"] == "RECORD":
            rows.setdefault(message["stream"], []).append(message["record"])
    return rows


def test_pages_say_what_rows_written_one_by_one_say(
    tap: TapRunner, by_the_sdk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(tap)
    assert by_the_sdk == []
    assert set(whole) == STREAMS

    kinds = {type(stream) for stream in tap.make().streams.values()}
    for kind in kinds:
        monkeypatch.setattr(kind, "hidden", None)
    assert read(tap) == whole
    assert set(by_the_sdk) == set(whole)


def test_a_column_that_is_not_selected_is_left_out_and_misses_nobody(
    tap: TapRunner, by_the_sdk: list[str]
) -> None:
    whole = read(tap)

    less = read(tap, ("contacts.first_name", "campaign_stats.em_opens_all", "email_opens._extra"))
    assert by_the_sdk == []
    for stream, column in (
        ("contacts", "first_name"),
        ("campaign_stats", "em_opens_all"),
        ("email_opens", "_extra"),
    ):
        for row in whole[stream]:
            del row[column]
    assert less == whole


def test_a_row_stays_whole_for_whoever_learns_from_it(
    tap: TapRunner, by_the_sdk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[dict[str, Any]] = []
    real = Planner.take

    def take(planner: Planner, unit: Unit, rows: Sequence[dict[str, Any]]) -> None:
        taken.extend(rows)
        real(planner, unit, rows)

    monkeypatch.setattr(Planner, "take", take)
    tap.config["stream_maps"] = {"contacts": {"seen": "1"}}
    read(tap, ("contacts.first_name", "campaigns.name"))

    assert set(by_the_sdk) == {"contacts"}
    people = [row for row in taken if "list_memberships" in row]
    assert people
    assert all("first_name" in row for row in people)
    assert all("name" in row for row in taken if "type_code" in row)


def test_what_the_sdk_leaves_out_misses_nobody_either(
    tap: TapRunner, by_the_sdk: list[str]
) -> None:
    whole = read(tap)
    tap.config["stream_maps"] = {"campaign_stats": {"seen": "1"}}

    less = read(tap, ("campaign_stats.em_opens_all",))
    assert set(by_the_sdk) == {"campaign_stats"}
    for row in whole["campaign_stats"]:
        del row["em_opens_all"]
        row["seen"] = 1
    assert less == whole


def test_a_part_of_a_column_is_left_out_by_the_sdk(tap: TapRunner, by_the_sdk: list[str]) -> None:
    part = "campaign_activities.physical_address_in_footer.city"
    whole = read(tap)
    footers = [row["physical_address_in_footer"] for row in whole["campaign_activities"]]
    assert any("city" in footer for footer in footers if footer)

    less = read(tap, (part,))
    assert set(by_the_sdk) == {"campaign_activities"}
    for footer in footers:
        (footer or {}).pop("city", None)
    assert less == whole


def test_a_stream_map_changes_rows(tap: TapRunner, by_the_sdk: list[str]) -> None:
    whole = read(tap)
    tap.config["stream_maps"] = {
        "contacts": {"first_name": "first_name.upper() if first_name else None"},
        "campaigns": {"__alias__": "mailings"},
    }

    mapped = read(tap)
    assert set(by_the_sdk) == {"contacts", "campaigns"}
    for row in whole["contacts"]:
        row["first_name"] = row["first_name"] and row["first_name"].upper()
    whole["mailings"] = whole.pop("campaigns")
    assert mapped == whole


def test_flattening_changes_rows(tap: TapRunner, by_the_sdk: list[str]) -> None:
    whole = read(tap)
    tap.config |= {"flattening_enabled": True, "flattening_max_depth": 1}

    flat = read(tap)
    assert set(by_the_sdk) == set(whole)
    assert [row["contact_id"] for row in flat["contacts"]] == [
        row["contact_id"] for row in whole["contacts"]
    ]
    lists = [row["list_memberships"] for row in flat["contacts"] if row["list_memberships"]]
    assert all(isinstance(text, str) for text in lists)
