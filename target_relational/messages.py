"""A line becomes a message; a request to stop is obeyed between two of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

from singer_sdk.io_base import SingerReader
from typing_extensions import override

from target_relational.errors import LoaderError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator


class MessageReader(SingerReader):
    """Reads Singer messages, one a line.

    The SDK's own quotes a line that it cannot read, with whatever it says about people.
    """

    busy = False
    """Whether a message is being worked on, so that it is no moment to stop."""
    stop: Callable[[], None] | None = None
    """What to do instead of waiting for the next message, once somebody asked."""
    _number = 0

    @override
    def process_lines(
        self,
        file_input: IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        lines = self._lines(file_input or self.default_input)
        return super().process_lines(cast("IO[str]", lines), callbacks)

    def _lines(self, source: IO[str]) -> Iterator[str]:
        """The lines that say something; between two of them a request to stop is obeyed."""
        while True:
            self.busy = False
            if self.stop is not None:
                self.stop()
            line = source.readline()
            self.busy = True
            if not line:
                return
            self._number += 1
            if not line.isspace():
                yield line

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        try:
            message = json.loads(line, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise self._unreadable("is not JSON") from None
        if not isinstance(message, dict):
            raise self._unreadable("is not a JSON object")
        return message

    @override
    def assert_line_requires(  # type: ignore[override]  # a static method that knows no line
        self, line_dict: dict[str, Any], requires: set[str]
    ) -> None:
        if missing := sorted(requires - line_dict.keys()):
            raise self._unreadable(f"lacks {', '.join(missing)}")

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        raise self._unreadable(f"is a message of the unknown type {message_dict['type']!r}")

    def _unreadable(self, reason: str) -> LoaderError:
        return LoaderError(f"Line {self._number} of the input {reason}.")


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)
