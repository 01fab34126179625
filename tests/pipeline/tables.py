"""Tables in memory, filled as a loader fills those of a database."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pendulum

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[Any, ...]


class Tables:
    """Rows by their keys: upserted, and removed where a message says that they are gone."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._times: dict[str, set[str]] = {}
        self._tables: defaultdict[str, dict[Key, Any]] = defaultdict(dict)
        self._seen: defaultdict[tuple[str, int], set[Key]] = defaultdict(set)

    def load(self, messages: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
        """Load messages; return the last state among them."""
        state = None
        for message in messages:
            stream = message.get("stream", "")
            if message["type"] == "SCHEMA":
                self._keys[stream] = message["key_properties"]
                self._times[stream] = {
                    name
                    for name, field in message["schema"]["properties"].items()
                    if field.get("format") == "date-time"
                }
            elif message["type"] == "RECORD":
                self._record(stream, message)
            elif message["type"] == "ACTIVATE_VERSION":
                self._activate(stream, message["version"])
            else:
                state = json.loads(json.dumps(message["value"]))
        return state

    def _record(self, stream: str, message: dict[str, Any]) -> None:
        row = message["record"]
        times = self._times[stream]
        key = tuple(
            pendulum.parse(row[name]) if name in times else row[name] for name in self._keys[stream]
        )
        if row.get("_sdc_deleted_at"):
            self._tables[stream].pop(key, None)
            return
        self._tables[stream][key] = {**self._tables[stream].get(key, {}), **row}
        if "version" in message:
            self._seen[stream, message["version"]].add(key)

    def _activate(self, stream: str, version: int) -> None:
        seen = self._seen[stream, version]
        rows = self._tables[stream].items()
        self._tables[stream] = {key: row for key, row in rows if key in seen}

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table."""
        return list(self._tables[name].values())
