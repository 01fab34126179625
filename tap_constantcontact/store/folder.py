"""A store in a folder, and the locks of files."""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

import filelock
from typing_extensions import override

from tap_constantcontact.errors import StoreError
from tap_constantcontact.store.base import LOCK_SECONDS, Store, held_too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

POLL_SECONDS = 0.01
"""How often a file's lock is asked for: a change holds it for a millisecond."""


class FolderStore(Store):
    """A folder that only its owner can read (0700), one file a document (0600).

    A document is replaced as a whole: written beside, brought to the disk, renamed. A process
    killed at any moment leaves the old document or the new one. Locks are the operating
    system's, which ends them with their process.

    Args:
        folder: Where; made when missing.
        keys: See `Store`.
    """

    def __init__(self, folder: Path, keys: Iterable[str] = ()) -> None:
        super().__init__(keys)
        self._folder = folder
        with self._writing():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @override
    def __str__(self) -> str:
        return str(self._folder)

    @override
    def lock(self, key: str) -> AbstractContextManager[object]:
        return file_lock(self._path(key).with_suffix(".lock"), self)

    @override
    def _read(self, key: str) -> str | None:
        try:
            return self._path(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            return ""
        except OSError as error:
            raise StoreError(f"The store {self} cannot be read ({error.strerror}).") from None

    @override
    def _change(self, key: str, change: Callable[[str | None, float], str | None]) -> None:
        with file_lock(self._folder / "changes.lock", self):
            old = self._read(key)
            new = change(old, time.time())
            if new is None:
                with self._writing():
                    self._path(key).unlink(missing_ok=True)
            elif new != old:
                self._write(self._path(key), new)

    def _path(self, key: str) -> Path:
        return self._folder / (re.sub(r"[^\w-]", "_", key) + ".json")

    def _write(self, path: Path, text: str) -> None:
        """Replace a file at once. What a kill leaves beside it, the next one overwrites."""
        beside = path.with_suffix(".new")
        with self._writing():
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self)


@contextlib.contextmanager
def file_lock(path: Path, store: Store) -> Generator[None]:
    """Hold a file against all other processes and threads.

    Args:
        path: The lock's file, which stays and says nothing.
        store: What it belongs to, for messages.

    Raises:
        StoreError: Another has held it for too long, or it cannot be held here.
    """
    lock = filelock.FileLock(path, timeout=LOCK_SECONDS, mode=0o600)
    try:
        with writing(store):
            lock.acquire(poll_interval=POLL_SECONDS)
    except filelock.Timeout:
        raise held_too_long(str(path)) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def writing(store: Store) -> Generator[None]:
    """Say what it means if a file of the store cannot be written.

    Raises:
        StoreError: It cannot.
    """
    try:
        yield
    except filelock.Timeout:
        raise
    except OSError as error:
        raise StoreError(
            f"The store {store} cannot be written ({error.strerror}):"
            " set `store` to a place that can, or refresh tokens would be lost."
        ) from None
