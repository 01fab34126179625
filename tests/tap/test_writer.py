"""What is written can be read by anybody, and is exactly what was to be written."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.writer import PageWriter, encoded

if TYPE_CHECKING:
    import pytest

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

TRICKY = st.text(alphabet='\\xUué0"1\n\u2028😀\ud83d\0') | st.text()


def parsed(written: bytes) -> list[Any]:
    """Return the messages of lines that end as lines end."""
    *whole, rest = written.split(b"\n")
    assert rest == b""
    return [json.loads(line) for line in whole]


@given(
    st.text(alphabet='_abc"é', min_size=1),
    st.lists(st.dictionaries(TRICKY, TRICKY), min_size=1),
    st.none() | st.integers(0, 2**63),
)
def test_whatever_a_text_holds_it_is_one_line_that_says_the_same(
    stream: str, rows: list[dict[str, Any]], version: int | None
) -> None:
    stdout = io.BytesIO()
    with mock.patch.object(sys, "stdout", SimpleNamespace(buffer=stdout)):
        PageWriter().write_rows(stream, rows, NOON, version)

    said: dict[str, Any] = {
        "type": "RECORD",
        "stream": stream,
        "time_extracted": "2026-06-01T12:00:00+00:00",
    }
    if version is not None:
        said["version"] = version
    assert parsed(stdout.getvalue()) == [{**said, "record": row} for row in rows]


def test_numbers_stay_as_exact_as_they_are() -> None:
    assert encoded({"rate": Decimal("12.50"), "share": 0.1, "count": 2**63}) == (
        b'{"rate":12.50,"share":0.1,"count":9223372036854775808}'
    )


class OneByteAtATime(io.RawIOBase):
    """What stdout is without a buffer while signals arrive: it takes less than it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""

    def write(self, given: Any, /) -> int:
        self.taken += bytes(given[:1])
        return 1


def test_a_write_that_is_cut_short_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = OneByteAtATime()
    monkeypatch.setattr(sys, "stdout", type("Stdout", (), {"buffer": stdout}))

    PageWriter().write_rows("contacts", [{"id": 1}, {"id": 2}], NOON)
    assert parsed(stdout.taken) == [
        {
            "type": "RECORD",
            "stream": "contacts",
            "record": {"id": number},
            "time_extracted": "2026-06-01T12:00:00+00:00",
        }
        for number in (1, 2)
    ]
