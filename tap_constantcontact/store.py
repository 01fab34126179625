"""What must outlive a run and is no Singer state: the tokens, and the calls made today.

A store keeps small JSON documents under keys. Whatever keeps them (a folder now, a database
later) offers the same three things: `get`, `compare_and_set` and a `lock` that holds across
processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import filelock

from tap_constantcontact.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Document = dict[str, Any]

LOCK_SECONDS = 300
"""How long to wait for another process, which may be renewing a token and be out of luck."""


class Store(Protocol):
    """Keeps documents under keys, for all processes that share it."""

    def get(self, key: str) -> Document | None:
        """Return the document under a key, or None."""

    def compare_and_set(
        self, key: str, expected: Mapping[str, Any] | None, document: Mapping[str, Any] | None
    ) -> bool:
        """Replace a document (None: none) if it is still the expected one; tell whether it was."""

    def lock(self, key: str) -> contextlib.AbstractContextManager[object]:
        """Hold a key against all other processes; the same thread may enter it again."""


class FolderStore:
    """A folder that only its owner can read (0700), one file a document (0600).

    A document is replaced as a whole: written beside, brought to the disk, renamed. A process
    killed at any moment leaves the old document or the new one.

    Args:
        folder: Where; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: dict[str, filelock.FileLock] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(_unwritable(folder, error)) from None

    def get(self, key: str) -> Document | None:
        """Return the document under a key, or None."""
        try:
            text = self._path(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(
                f"The store {self._folder} cannot be read ({error.strerror})."
            ) from None
        try:
            document: Document = json.loads(text)
        except ValueError:
            raise SettingsError(
                f"{self._path(key)} is damaged: delete it and sign in: tap-constantcontact-login"
            ) from None
        return document

    def compare_and_set(
        self, key: str, expected: Mapping[str, Any] | None, document: Mapping[str, Any] | None
    ) -> bool:
        """Replace a document (None: none) if it is still the expected one; tell whether it was."""
        with self.lock(key):
            if self.get(key) != expected:
                return False
            if document is None:
                self._path(key).unlink(missing_ok=True)
            else:
                self._write(self._path(key), json.dumps(document, indent=1))
            return True

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold a key against all other processes; the same thread may enter it again."""
        path = str(self._path(key).with_suffix(".lock"))
        if path not in self._locks:
            self._locks[path] = filelock.FileLock(path, timeout=LOCK_SECONDS, mode=0o600)
        lock = self._locks[path]
        try:
            lock.acquire()
        except filelock.Timeout:
            raise SettingsError(
                f"Another process has held {path} for {LOCK_SECONDS} seconds: is one hanging?"
            ) from None
        except OSError as error:
            raise SettingsError(_unwritable(self._folder, error)) from None
        try:
            yield
        finally:
            lock.release()

    def _path(self, key: str) -> Path:
        return self._folder / (re.sub(r"[^\w-]", "_", key) + ".json")

    def _write(self, path: Path, text: str) -> None:
        """Replace a file at once; `mkstemp` makes it 0600 from the start."""
        try:
            descriptor, beside = tempfile.mkstemp(prefix=path.stem, suffix=".new", dir=self._folder)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(beside).replace(path)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise SettingsError(_unwritable(self._folder, error)) from None


def _unwritable(folder: Path, error: OSError) -> str:
    return (
        f"The store {folder} cannot be written ({error.strerror}):"
        " set `store` to a folder that can, or refresh tokens would be lost."
    )
