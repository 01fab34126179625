"""The parts of the documents that are generated: `make docs` writes them, `make check` compares.

Each function returns Markdown; cog puts it between the markers of README.md and docs/*.md.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tap_constantcontact import errors
from tap_constantcontact.settings import JSONSCHEMA
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.contact_reports import ContactCounts, ContactReport
from tap_constantcontact.streams.contacts import SegmentContacts
from tap_constantcontact.streams.email_reports import EmailLinks, EmailReport, EventReport
from tap_constantcontact.streams.mismatches import SyncMismatches
from tap_constantcontact.streams.stats import CampaignStats, Stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_constantcontact.streams.base import ConstantContactStream


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
                replication(stream),
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


def replication(stream: type[ConstantContactStream]) -> str:
    """Return by what the changes of a stream are found."""
    if issubclass(stream, (EmailReport, EmailLinks)):
        return f"counter {code(stream.counter)}"
    if key := replication_key(stream):
        return f"incremental, {code(key)}"
    if issubclass(stream, SyncMismatches):
        return "as they are found"
    if issubclass(stream, ContactCounts):
        return "one row a run"
    if issubclass(stream, (ContactReport, SegmentContacts)):
        return "full, of chosen contacts"
    if issubclass(stream, Stats):
        return "full" if stream is CampaignStats else "counters of its campaign"
    return "full" if stream.page_size else "with its campaign"


def replication_key(stream: type[ConstantContactStream]) -> str | None:
    """Return a stream's replication key; where it has none, the SDK's class has a property."""
    key: Any = stream.replication_key
    return key if isinstance(key, str) else None


def asked(stream: type[ConstantContactStream]) -> str:
    """Return what a run asks for, and how much one call brings."""
    if issubclass(stream, EmailReport):
        depth = "newest first down to what is known" if issubclass(stream, EventReport) else "whole"
        return f"where its counter moved, {depth}, {stream.page_size} rows a call"
    if issubclass(stream, EmailLinks):
        return "where its counter moved, one activity a call"
    if issubclass(stream, Stats):
        which = "all sent campaigns" if stream is CampaignStats else "where a total moved"
        return f"{which}, {stream.ids_a_call} ids a call"
    if issubclass(stream, ContactReport):
        return "of each chosen contact, one a call"
    if issubclass(stream, SegmentContacts):
        return f"of each chosen segment, {stream.page_size} rows a call"
    if stream.page_size is None:
        return "those of changed campaigns, one a call"
    which = "what changed since the last run" if replication_key(stream) else "all"
    return f"{which}, {stream.page_size} rows a call"


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
    return code(str(schema["default"])) if "default" in schema else ""


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
