"""What tables and columns are called.

A name stays as the tap wrote it, unless the database cannot have it: too long, empty, holding a
character that no name may hold, or (where case does not matter) spelled like another but for the
case. Then it ends in eight digits of its own hash, so that it is the same on every run.
"""

from __future__ import annotations

import hashlib
import string
from collections import defaultdict
from typing import TYPE_CHECKING

from target_relational.errors import LoaderError

if TYPE_CHECKING:
    from collections.abc import Collection

# No database takes NUL, and SQLAlchemy 2.0 takes the latter for the beginning of a parameter.
_UNWRITABLE = ("\0", "%(")
# SQLite compares names without regard to case, but of ASCII letters only.
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def assign(
    names: Collection[str],
    taken: Collection[str],
    *,
    max_bytes: int | None,
    case_matters: bool,
) -> dict[str, str]:
    """Give each name of a stream its name in the database.

    Args:
        names: The tap's names.
        taken: Names that exist already: whoever is spelled the same owns it.
        max_bytes: The longest name that the database keeps whole.
        case_matters: Whether two names that differ in case only are two names.

    Returns:
        The tap's names with the database's.

    Raises:
        LoaderError: If two names come out the same all the same.
    """
    assigned = {name: _fitting(name, max_bytes) for name in sorted(names)}
    if not case_matters:
        owners = {fold(name): name for name in taken}
        alike: dict[str, list[str]] = defaultdict(list)
        for name, fitting in assigned.items():
            alike[fold(fitting)].append(name)
        for folded, group in alike.items():
            owner = owners.get(folded, group[0])
            assigned.update({name: hashed(name, max_bytes) for name in group if name != owner})
    if len(set(assigned.values())) < len(assigned):
        raise LoaderError(f"Two of these would get the same name: {', '.join(sorted(names))}.")
    return {name: assigned[name] for name in names}


def fold(name: str) -> str:
    """A name as a database sees it that pays no regard to case."""
    return name.translate(_ASCII_LOWER)


def hashed(name: str, max_bytes: int | None) -> str:
    """A name with eight digits of its own hash behind it, and no longer than allowed."""
    ending = "_" + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    stem = _storable(name).encode()
    if max_bytes is not None:
        stem = stem[: max_bytes - len(ending)]
    return stem.decode(errors="ignore") + ending


def _fitting(name: str, max_bytes: int | None) -> str:
    possible = name and name == _storable(name)
    fits = max_bytes is None or len(name.encode(errors="replace")) <= max_bytes
    return name if possible and fits else hashed(name, max_bytes)


def _storable(name: str) -> str:
    for unwritable in _UNWRITABLE:
        name = name.replace(unwritable, "")
    return name.encode(errors="ignore").decode()
