"""Whether a run has its folder to itself.

`meltano run` has one for each extractor, not for each run. There it writes first a settings file,
of a name of its own and gone at its end, then state and catalog, which another run writes over:
each of two that begin together may get the state of the other. So a tap holds the lock of its
settings file for as long as it lives, and looks at the settings files of others once it has read
its state. Whoever could have replaced that had written one by then.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tap_constantcontact.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_SETTINGS_FILE = re.compile(r"tap\.[0-9a-f-]{36}\.config\.json")
_SPENT = 0
"""The time of a settings file with which no tap will start any more."""
STARTING_SECONDS = 300
"""So long a settings file may be there before its tap starts; else its run was killed."""


@contextmanager
def alone(settings_file: Path) -> Generator[None]:
    """Have a folder to oneself; to be entered once the state has been read.

    Args:
        settings_file: The run's own. Unless Meltano wrote it, nothing is done.

    Raises:
        StateError: Another run is under way in the same folder, or about to begin.
    """
    if not _SETTINGS_FILE.fullmatch(settings_file.name):
        yield
        return
    with settings_file.open("rb") as own:
        fcntl.flock(own, fcntl.LOCK_EX)
        # All of them, so that none of those that are about to begin will.
        others = [
            _is_under_way(path)
            for path in settings_file.parent.iterdir()
            if _SETTINGS_FILE.fullmatch(path.name) and path != settings_file
        ]
        # Asked last: whoever marked this file before was no longer there to be seen, perhaps.
        if any(others) or os.fstat(own.fileno()).st_mtime == _SPENT:
            raise StateError(
                f"Another run uses the folder {settings_file.parent}, and may have replaced the "
                "state in it: run one at a time, or give one an extractor of its own."
            )
        os.utime(settings_file, (_SPENT, _SPENT))
        yield


def _is_under_way(path: Path) -> bool:
    """Whether another run is under way, or is about to begin: then its tap will not start."""
    with suppress(FileNotFoundError), path.open("rb") as file:  # gone: it has come to its end
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        age = time.time() - os.fstat(file.fileno()).st_mtime
        if age < STARTING_SECONDS:
            os.utime(path, (_SPENT, _SPENT))
            return True
    return False
