"""What must outlive a run and is no Singer state: the tokens, the calls made today, the pace.

A store keeps small JSON documents under keys, for all processes that share it: in a folder on
one machine, or in a database. docs/decisions/0007-store.md says why, and what a kill leaves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tap_constantcontact.store.base import Document, Store
from tap_constantcontact.store.folder import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Document", "FolderStore", "Store", "open_store"]


def open_store(where: str, keys: Iterable[str] = ()) -> Store:
    """Return the store at a place: a SQLAlchemy URL, or else a folder.

    Args:
        where: `sqlite:///…`, `postgresql+psycopg2://…` or a path.
        keys: See `Store`.

    Raises:
        SettingsError: The URL or a key makes no sense.
        StoreError: The store cannot be used.
    """
    if "://" in where:
        # SQLAlchemy is slow to load: only who needs it waits for it.
        from tap_constantcontact.store.database import DatabaseStore  # noqa: PLC0415

        return DatabaseStore(where, keys)
    return FolderStore(Path(where).expanduser(), keys)
