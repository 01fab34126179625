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

ROOM = 2048
"""Bytes of a document that is written over, filled up with blanks: so none is ever shortened."""


class FolderStore(Store):
    """A folder that only its owner can read (0700), one file a document (0600).

    A document is replaced as a whole: written beside, brought to the disk, renamed. A process
    killed at any moment leaves the old document or the new one. One that need not last longer
    than that is written over the old one, in a single write, which nothing but the end of the
    machine can cut in two; that takes a fifth of the time. Locks are the operating system's, which
    ends them with their process.

    Args:
        folder: Where; made when missing.
        keys: See `Store`.
    """

    def __init__(self, folder: Path, keys: Iterable[str] = ()) -> None:
        super().__init__(keys)
        self._folder = folder
        self._changes = filelock.FileLock(folder / "changes.lock", LOCK_SECONDS, mode=0o600)
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
            return self._path(key).read_text(encoding="utf-8").rstrip()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            return ""
        except OSError as error:
            raise StoreError(f"The store {self} cannot be read ({error.strerror}).") from None

    @override
    def _change(
        self, key: str, change: Callable[[str | None, float], str | None], *, lasting: bool
    ) -> None:
        with held(self._changes, self):
            old = self._read(key)
            new = change(old, time.time())
            if new is None:
                with self._writing():
                    self._path(key).unlink(missing_ok=True)
            elif new != old:
                if lasting or max(len(new), len(old or "")) > ROOM:
                    self._write(self._path(key), new)
                else:
                    self._write_over(self._path(key), new.ljust(ROOM))

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

    def _write_over(self, path: Path, text: str) -> None:
        """Write over a file."""
        with self._writing():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, text.encode())
            finally:
                os.close(descriptor)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self)


def file_lock(path: Path, store: Store) -> AbstractContextManager[None]:
    """Hold a file against all other processes and threads.

    Args:
        path: The lock's file, which stays and says nothing.
        store: What it belongs to, for messages.

    Raises:
        StoreError: Another has held it for too long, or it cannot be held here.
    """
    return held(filelock.FileLock(path, LOCK_SECONDS, mode=0o600), store)


@contextlib.contextmanager
def held(lock: filelock.BaseFileLock, store: Store) -> Generator[None]:
    """Hold a lock; see `file_lock`."""
    try:
        with writing(store):
            lock.acquire(poll_interval=POLL_SECONDS)
    except filelock.Timeout:
        raise held_too_long(lock.lock_file) from None
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
