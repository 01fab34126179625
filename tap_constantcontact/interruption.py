"""A signal ends the run where that is safe, and at once.

While the run waits for the API, a signal breaks the wait. While it writes a message, the signal
is only noted: half a line would break the loader.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tap_constantcontact.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interrupted(TapError):
    """The run was asked to end.

    Args:
        signum: The signal's number: the exit code is 128 more, as shells have it.
    """

    def __init__(self, signum: int) -> None:
        super().__init__("Interrupted: run again, it goes on where it stopped.")
        self.exit_code = 128 + signum  # type: ignore[misc] # told apart by signal


class Interruption:
    """Knows whether the run was asked to end, and whether it may at this moment."""

    def __init__(self) -> None:
        self._signum: int | None = None
        self._open = False

    def request(self, signum: int) -> None:
        """Ask the run to end: called by the signal's handler.

        Raises:
            Interrupted: It may end now.
        """
        self._signum = signum
        if self._open:
            self.check()

    def check(self) -> None:
        """End the run if it was asked to.

        Raises:
            Interrupted: It was.
        """
        if self._signum is not None:
            raise Interrupted(self._signum)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Let a signal end the run within: for waits."""
        self.check()
        self._open = True
        try:
            yield
        finally:
            self._open = False
