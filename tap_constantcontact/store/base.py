"""What a store is, wherever it keeps its documents."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tap_constantcontact.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

Document = dict[str, Any]

LOCK_SECONDS = 300
"""How long to wait for another process, which may be renewing a token and be out of luck."""

SEALED = "sealed"
"""The one field of a document that is encrypted."""


class Store(ABC):
    """Keeps documents under keys, for all processes that share it.

    Args:
        keys: Fernet keys: the first encrypts what is written, any decrypts. None: plain text.

    Raises:
        SettingsError: A key is none.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        try:
            fernets = [Fernet(key) for key in keys]
        except ValueError:
            raise SettingsError(
                "store_key is no key: make one with tap-constantcontact-login --new-store-key."
            ) from None
        self._fernet = MultiFernet(fernets) if fernets else None

    @abstractmethod
    def __str__(self) -> str:
        """Return where it is, without a password."""

    def get(self, key: str) -> Document | None:
        """Return the document under a key, or None.

        Raises:
            StoreError: It cannot be read.
        """
        text = self._read(key)
        return None if text is None else self._opened(text, key, lasting=True)

    def change(
        self,
        key: str,
        change: Callable[[Document | None, float], Document | None],
        *,
        lasting: bool = True,
    ) -> None:
        """Replace a document by what it becomes, with nobody else's change in between.

        Args:
            key: The document's key.
            change: Returns the new document (None: none) for the old one and the store's clock
                (seconds since 1970; the same for all who share the store). It may be called
                more than once.
            lasting: Whether it must outlive a failure of the machine's power, and not only the
                end of the process. What need not is cheaper, and may be gone after one.

        Raises:
            StoreError: It cannot be read or written.
        """

        def changed(old: str | None, now: float) -> str | None:
            before = None if old is None else self._opened(old, key, lasting=lasting)
            after = change(before, now)
            return None if after is None else self._sealed(after)

        self._change(key, changed, lasting=lasting)

    def compare_and_set(
        self, key: str, expected: Document | None, document: Document | None
    ) -> bool:
        """Replace a document (None: none) if it is still the expected one; tell whether it was."""
        found: list[bool] = []

        def changed(old: Document | None, _: float) -> Document | None:
            found.append(old == expected)
            return document if found[-1] else old

        self.change(key, changed)
        return found[-1]

    @abstractmethod
    def lock(self, key: str) -> AbstractContextManager[object]:
        """Hold a key against all who lock it, for what takes longer than a change.

        It ends with its process, however that comes. It is not re-entrant.

        Raises:
            StoreError: Another has held it for too long, or it cannot be held here.
        """

    @abstractmethod
    def _read(self, key: str) -> str | None:
        """Return the text under a key, or None."""

    @abstractmethod
    def _change(
        self, key: str, change: Callable[[str | None, float], str | None], *, lasting: bool
    ) -> None:
        """Replace a text by what it becomes, with nobody else's change in between."""

    def _sealed(self, document: Document) -> str:
        if self._fernet is not None:
            sealed = self._fernet.encrypt(json.dumps(document).encode())
            document = {SEALED: sealed.decode()}
        return json.dumps(document)

    def _opened(self, text: str, key: str, *, lasting: bool) -> Document | None:
        try:
            document = json.loads(text)
            sealed = document.get(SEALED)
        except (ValueError, AttributeError):
            if not lasting:
                return None
            raise StoreError(
                f"{key} in the store {self} is damaged: delete it and sign in:"
                " tap-constantcontact-login"
            ) from None
        if sealed is None:
            return dict(document)
        if self._fernet is None:
            raise StoreError(f"The store {self} is encrypted: set store_key.")
        try:
            opened: Document = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise StoreError(
                f"store_key does not open the store {self}: set the key that it was written with,"
                " or another store, and sign in: tap-constantcontact-login"
            ) from None
        return opened


def held_too_long(what: str) -> StoreError:
    """Return the failure of whoever has waited for another process."""
    return StoreError(
        f"Another process has held {what} for {LOCK_SECONDS} seconds: is one hanging?"
    )
