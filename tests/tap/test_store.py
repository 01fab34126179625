"""What must outlive a run outlives it, whoever else writes."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tap_constantcontact import store as store_module
from tap_constantcontact.errors import SettingsError
from tap_constantcontact.store import FolderStore

if TYPE_CHECKING:
    from pathlib import Path


def test_a_document_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    assert store.get("grant-key") is None
    assert store.compare_and_set("grant-key", None, {"refresh_token": "one"})
    assert FolderStore(tmp_path).get("grant-key") == {"refresh_token": "one"}


def test_nobody_but_the_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "tap"
    FolderStore(folder).compare_and_set("grant", None, {"refresh_token": "one"})

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_only_the_expected_document_is_replaced(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.compare_and_set("grant", None, {"refresh_token": "one"})

    assert not store.compare_and_set("grant", {"refresh_token": "zero"}, {"refresh_token": "two"})
    assert store.get("grant") == {"refresh_token": "one"}
    assert store.compare_and_set("grant", {"refresh_token": "one"}, None)
    assert store.get("grant") is None


def test_a_failed_write_leaves_the_old_document_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.compare_and_set("grant", None, {"refresh_token": "one"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        store.compare_and_set("grant", {"refresh_token": "one"}, {"refresh_token": "two"})

    assert store.get("grant") == {"refresh_token": "one"}
    assert not list(tmp_path.glob("*.new"))


def test_a_damaged_document_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "grant.json").write_text("{", encoding="utf-8")

    with pytest.raises(SettingsError, match="delete it and sign in: tap-constantcontact-login"):
        FolderStore(tmp_path).get("grant")


def test_a_folder_that_cannot_be_made_says_which_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(SettingsError, match="set `store` to a folder that can"):
        FolderStore(tmp_path / "file" / "store")


def test_a_document_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "grant.json").mkdir()

    with pytest.raises(SettingsError, match="cannot be read"):
        FolderStore(tmp_path).get("grant")


def test_a_lock_held_too_long_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.01)
    with FolderStore(tmp_path).lock("grant"):
        other = FolderStore(tmp_path)
        with pytest.raises(SettingsError, match="is one hanging"), other.lock("grant"):
            pass
