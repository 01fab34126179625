"""A store that keeps nothing longer than the test, and whose clock the test moves."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class MemoryStore(Store):
    """Texts in a dictionary.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self._clock = clock

    @override
    def __str__(self) -> str:
        return "memory"

    @override
    def lock(self, key: str) -> AbstractContextManager[object]:
        return contextlib.nullcontext()

    @override
    def _read(self, key: str) -> str | None:
        return self.texts.get(key)

    @override
    def _change(
        self, key: str, change: Callable[[str | None, float], str | None], *, lasting: bool
    ) -> None:
        new = change(self.texts.get(key), self._clock())
        if new is None:
            self.texts.pop(key, None)
        else:
            self.texts[key] = new
