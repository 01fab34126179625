"""Two runs of one extractor of Meltano's: neither may go on from the state of the other."""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from tap_constantcontact.alone import STARTING_SECONDS, alone
from tap_constantcontact.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path


def settings_file(folder: Path) -> Path:
    """What Meltano writes for a run, before its state."""
    path = folder / f"tap.{uuid.uuid4()}.config.json"
    path.write_text("{}")
    return path


def refuses(path: Path) -> bool:
    try:
        with alone(path):
            return False
    except StateError:
        return True


def test_runs_one_after_another_have_the_folder_to_themselves(tmp_path: Path) -> None:
    for _ in range(2):
        path = settings_file(tmp_path)
        with alone(path):
            assert path.read_text() == "{}"
        path.unlink()


def test_a_run_beside_one_that_is_under_way_is_refused_and_the_other_goes_on(
    tmp_path: Path,
) -> None:
    with alone(settings_file(tmp_path)):
        second = settings_file(tmp_path)
        assert refuses(second)
        second.unlink()
    assert not refuses(settings_file(tmp_path))


@pytest.mark.parametrize("gone", [True, False])
def test_of_two_runs_that_begin_together_neither_goes_on(tmp_path: Path, *, gone: bool) -> None:
    """Both have written their states; whichever of the taps comes first sees that."""
    first, second = settings_file(tmp_path), settings_file(tmp_path)
    assert refuses(second)
    if gone:
        second.unlink()

    assert refuses(first)


def test_a_run_that_was_killed_is_in_nobody_s_way(tmp_path: Path) -> None:
    """Its settings file stays: of one whose tap had started, and of one that never came so far."""
    with alone(settings_file(tmp_path)):
        pass
    never_started = settings_file(tmp_path)
    long_ago = time.time() - STARTING_SECONDS - 1
    os.utime(never_started, (long_ago, long_ago))

    assert not refuses(settings_file(tmp_path))


def test_a_run_that_ends_meanwhile_is_in_nobody_s_way(tmp_path: Path) -> None:
    ended = settings_file(tmp_path)
    ended.unlink()
    ended.symlink_to("nowhere")  # listed, and gone when it is looked at

    assert not refuses(settings_file(tmp_path))


def test_files_that_are_not_meltano_s_are_left_alone(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "tap.config.json", settings_file(tmp_path)
    ours.write_text("{}")
    before = (ours.stat().st_mtime, theirs.stat().st_mtime)
    assert not refuses(ours)
    assert (ours.stat().st_mtime, theirs.stat().st_mtime) == before
    theirs.rename(tmp_path / "target.0191e0a4-0000-7000-8000-000000000000.config.json")

    assert not refuses(settings_file(tmp_path))
