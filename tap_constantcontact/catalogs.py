"""The catalog that a run is given: it chooses, but what there is to choose from, this version says.

Meltano keeps a catalog until a setting changes, whichever version of the tap discovered it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import Catalog

from tap_constantcontact.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from singer_sdk.singerlib import CatalogEntry

    from tap_constantcontact.streams.base import ConstantContactStream


def catalog_of(document: Any, name: str) -> Catalog:  # noqa: ANN401 - JSON is anything
    """Return the catalog that a document is.

    Args:
        document: The parsed JSON.
        name: The file that holds it, for the message.

    Raises:
        SettingsError: It is none.
    """
    try:
        return Catalog.from_dict(document)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise SettingsError(f"--catalog {name} cannot be read as a catalog.") from None


def misfits(catalog: Catalog, streams: Mapping[str, ConstantContactStream]) -> list[str]:
    """Return in what a catalog is not what discovery would write now, in words.

    Args:
        catalog: The catalog that was given.
        streams: All streams, by name, with what it selects.
    """
    found: dict[str, list[str]] = {}
    for entry in catalog.streams:
        stream = streams.get(entry.tap_stream_id)
        if stream is None:
            if entry.metadata.resolve_selection()[()]:
                found.setdefault("streams that there are not", []).append(entry.tap_stream_id)
        elif stream.selected:
            for kind, name in _differences(entry, stream):
                found.setdefault(kind, []).append(name)
    new = [
        name
        for name, stream in streams.items()
        if stream.selected_by_default and name not in catalog
    ]
    if new:
        found["streams that it lacks"] = new
    return [f"{kind}: {', '.join(names)}" for kind, names in found.items()]


def _differences(entry: CatalogEntry, stream: ConstantContactStream) -> Iterator[tuple[str, str]]:
    """Yield in what an entry differs from its stream: the kind, and the name of what differs."""
    there = entry.schema.to_dict().get("properties", {})
    own: Mapping[str, Any] = stream.schema["properties"]
    for name in own:
        if name not in there:
            yield "columns that it lacks", f"{stream.name}.{name}"
        elif _kind(own[name]) != _kind(there[name]):
            yield "other types", f"{stream.name}.{name}"
    for name in there:
        if name not in own:
            yield "columns that there are not", f"{stream.name}.{name}"
    root = entry.metadata.root
    keys = {tuple(each) for each in (entry.key_properties, root.table_key_properties) if each}
    if keys - {tuple(stream.primary_keys)}:
        yield "other keys", stream.name
    methods = {entry.replication_method, root.forced_replication_method} - {None}
    marks = {entry.replication_key, root.replication_key} - {None}
    if methods - {stream.replication_method} or marks - {stream.replication_key}:
        yield "other ways of replication", stream.name


def _kind(column: Mapping[str, Any]) -> tuple[frozenset[str], str | None]:
    """Return what matters of a column's type."""
    kind = column.get("type") or ()
    return frozenset([kind] if isinstance(kind, str) else kind), column.get("format")
