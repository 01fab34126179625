"""The parts of the documents that are generated: `make docs` writes them, `make check` compares.

Each function returns Markdown; cog puts it between the markers of README.md and docs/*.md.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tap_constantcontact import errors
from tap_constantcontact.settings import JSONSCHEMA
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.activities import (
    ActivityDetail,
    ActivitySet,
    CampaignActivityAbTests,
    CampaignActivityNonOpenerResends,
    CampaignActivitySchedules,
)
from tap_constantcontact.streams.bulk_activities import BulkActivities
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactCounts,
    ContactReport,
    ContactWindowReport,
)
from tap_constantcontact.streams.contacts import SegmentContacts
from tap_constantcontact.streams.details import Detail
from tap_constantcontact.streams.email_reports import DerivedReport, EmailReport, EventReport
from tap_constantcontact.streams.events import (
    EventRegistrationDetails,
    EventRegistrations,
    Events,
)
from tap_constantcontact.streams.landing_pages import LandingPageReport
from tap_constantcontact.streams.mismatches import SyncMismatches
from tap_constantcontact.streams.stats import CampaignStats, Stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_constantcontact.streams.base import ConstantContactStream


DETAILS_ASKED: dict[type[ConstantContactStream], str] = {
    CampaignActivitySchedules: "e-mails of scheduled campaigns, on each run",
    CampaignActivityNonOpenerResends: "e-mails of changed campaigns; on each run where one is "
    "pending; now and then where one may be asked for",
    CampaignActivityAbTests: "e-mails of changed campaigns that try two subjects",
}
"""When details are asked for that are not asked for with every change of their campaign."""

EVENTS_ASKED: dict[type[ConstantContactStream], str] = {
    Events: "those that changed, or whose numbers moved, and the one that changed last, one a call;"
    " to find them, the list `/events`, 100 a call",
    EventRegistrations: "those of events that are read, 100 rows a call",
    EventRegistrationDetails: "those of events that are read, one a call",
}
"""What a run asks for of events."""

DOWN = "newest first down to what is known"
"""How far a report is read whose newest row comes first."""

CHOSEN: tuple[tuple[type[ConstantContactStream], str], ...] = (
    (ContactActivityDetails, f"contact, {DOWN}, {ContactActivityDetails.page_size} rows a call"),
    (ContactReport, "contact, one a call"),
    (SegmentContacts, f"segment, {SegmentContacts.page_size} rows a call"),
    (LandingPageReport, f"page, {DOWN}, {LandingPageReport.page_size} rows a call"),
)
"""What a run asks for of that which the settings name, by the family of the stream."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [header, *rows]
    written = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([written[0], "|" + "---|" * len(header), *written[1:]])


def code(*names: str) -> str:
    """Return names as code."""
    return ", ".join(f"`{name}`" for name in names)


def streams() -> str:
    """Return the table of the streams."""
    return table(
        ["stream", "what it holds", "key", "replication", "a run asks for"],
        [
            [
                code(stream.name),
                summary(stream),
                code(*stream.primary_keys),
                replication(stream) + ("" if stream.selected_by_default else "; off by default"),
                f"{code(stream.path)}: {asked(stream)}"
                if hasattr(stream, "path")
                else "nothing more",
            ]
            for stream in STREAMS
        ],
    )


def summary(thing: type) -> str:
    """Return the first line of a class's docstring, without its full stop."""
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(".")


REPLICATED: tuple[tuple[type[ConstantContactStream], str], ...] = (
    (ActivitySet, "set, with its campaign"),
    (ActivityDetail, "with its campaign, until that is final"),
    (SyncMismatches, "on each run, until they agree"),
    (ContactCounts, "one row a run"),
    (ContactWindowReport, "full, of chosen contacts"),
    (SegmentContacts, "set, of chosen segments"),
    (CampaignStats, "full"),
    (Stats, "counters of its campaign"),
)
"""By what the changes of a family are found, where neither a counter nor a time tells of them."""


def replication(stream: type[ConstantContactStream]) -> str:
    """Return by what the changes of a stream are found."""
    if issubclass(stream, EmailReport):
        return f"counter {code(stream.counter)}"
    if issubclass(stream, DerivedReport):
        names = [report.counter for report in stream.sources]
        kind = "set, counters" if "_sdc_deleted_at" in stream.schema["properties"] else "counter"
        return f"{kind} {code(*names)}"
    if stream.vanishes:
        return "full, deletions included"
    if key := replication_key(stream):
        return f"incremental, {code(key)}"
    for family, how in REPLICATED:
        if issubclass(stream, family):
            return how
    return "with its event" if stream in EVENTS_ASKED else "full"


def replication_key(stream: type[ConstantContactStream]) -> str | None:
    """Return a stream's replication key; where it has none, the SDK's class has a property."""
    key: Any = stream.replication_key
    return key if isinstance(key, str) else None


def asked(stream: type[ConstantContactStream]) -> str:
    """Return what a run asks for, and how much one call brings."""
    if issubclass(stream, EmailReport):
        depth = DOWN if issubclass(stream, EventReport) else "whole"
        return f"where its counter moved, {depth}, {stream.page_size} rows a call"
    if stream in EVENTS_ASKED:
        return EVENTS_ASKED[stream]
    if issubclass(stream, DerivedReport):
        rows = f"{stream.page_size} rows" if stream.page_size else "one activity"
        return f"where its counter moved, {rows} a call"
    if issubclass(stream, Stats):
        which = "all sent campaigns" if stream is CampaignStats else "where a total moved"
        return f"{which}, {stream.ids_a_call} ids a call"
    if issubclass(stream, ActivityDetail):
        which = DETAILS_ASKED.get(
            stream, "those of changed campaigns, and of open ones now and then"
        )
        return f"{which}, one a call"
    if issubclass(stream, Detail):
        return f"those that changed, one a call; {code(stream.listing.path)}: all"
    for family, chosen in CHOSEN:
        if issubclass(stream, family):
            return f"of each chosen {chosen}"
    which = "what changed since the last run" if replication_key(stream) else "all"
    which = "those of the last ten days" if stream is BulkActivities else which
    return f"{which}, {stream.page_size} rows a call" if stream.page_size else f"{which}, one call"


def settings() -> str:
    """Return the table of the tap's own settings."""
    required = JSONSCHEMA.get("required", [])
    return table(
        ["setting", "default", "what it says"],
        [
            [code(name), default(name in required, schema), schema["description"]]
            for name, schema in JSONSCHEMA["properties"].items()
        ],
    )


def default(required: bool, schema: dict[str, Any]) -> str:  # noqa: FBT001 - of one caller
    """Return what holds if a setting is not given."""
    if required:
        return "required"
    given = schema.get("default", [])
    return code(*map(str, given if isinstance(given, list) else [given]))


def exit_codes() -> str:
    """Return the table of the tap's exit codes."""
    found = {
        error.exit_code: summary(error)
        for error in vars(errors).values()
        if isinstance(error, type)
        and issubclass(error, errors.TapError)
        and "exit_code" in vars(error)
    }
    found[errors.TapError.exit_code] = "The loader stopped reading, or a bug"
    rows = [["0", "All that was asked for was read"]]
    rows += [[str(number), found[number]] for number in sorted(found)]
    rows += [["130, 143", "Ctrl-C, SIGTERM"]]
    return table(["exit code", "what happened"], rows)
