"""What went wrong, in one line that says what to do.

- `LoaderError`: the run stops and the user reads the message, without a traceback
    - `UnusableDatabase`: the address is wrong, or nobody answers there
    - `ImpossibleChange`: a table cannot become what its stream now sends
    - `RefusedRecord`: a record does not fit its schema or its column
        - `KeylessRecord`: it lacks its key
    - `RefusedStatement`: the database said no
        - `Overtaken`: another loader has begun to overwrite the same table

No message holds a password or a value of a record other than its key.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from singer_sdk.exceptions import MissingKeyPropertiesError, SingerSDKError

if TYPE_CHECKING:
    from collections.abc import Iterable


class LoaderError(SingerSDKError):
    """Something a person has to put right; the message says what."""


class UnusableDatabase(LoaderError):
    """The database's address is wrong, or nobody answers there."""


class ImpossibleChange(LoaderError):
    """A table cannot become what its stream now sends."""


class RefusedRecord(LoaderError):
    """A record does not fit its schema or its column."""


class KeylessRecord(RefusedRecord, MissingKeyPropertiesError):
    """A record does not say what tells it from others."""


class RefusedStatement(LoaderError):
    """The database did not do what it was asked."""

    blames_a_row = False
    """Whether a row is at fault, so that others could be written."""


class Overtaken(RefusedStatement):
    """Another loader has begun to overwrite a table that this one overwrites."""


def one_line(message: object) -> str:
    """A message on a single line."""
    return " ".join(str(message).split())


def unknown_setting(name: str, known: Iterable[str]) -> str:
    """What to say of a setting that does not exist, naming the one that was probably meant."""
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "`target-relational --about` lists them all."
    return f"There is no setting '{name}': {hint}"
