"""What must outlive a run outlives it, whoever else writes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tap_constantcontact.errors import SettingsError, StoreError
from tap_constantcontact.store import FolderStore, database, folder, open_store
from tap_constantcontact.store.database import TABLE, DatabaseStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Event as ProcessEvent

SPAWN = multiprocessing.get_context("spawn")

KEY, OTHER_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


# What every store does


def test_a_document_comes_back_as_it_was_kept(where: str) -> None:
    store = open_store(where)

    assert store.get("grant-key") is None
    assert store.compare_and_set("grant-key", None, {"refresh_token": "one"})
    assert open_store(where).get("grant-key") == {"refresh_token": "one"}


def test_only_the_expected_document_is_replaced(where: str) -> None:
    store = open_store(where)
    store.compare_and_set("grant", None, {"refresh_token": "one"})

    assert not store.compare_and_set("grant", {"refresh_token": "zero"}, {"refresh_token": "two"})
    assert not store.compare_and_set("grant", None, {"refresh_token": "two"})
    assert store.get("grant") == {"refresh_token": "one"}
    assert store.compare_and_set("grant", {"refresh_token": "one"}, None)
    assert store.get("grant") is None


def test_a_change_knows_the_time(where: str) -> None:
    times: list[float] = []

    def note(_: Any, now: float) -> dict[str, Any]:
        times.append(now)
        return {}

    open_store(where).change("pace", note)
    assert times == [pytest.approx(time.time(), abs=5)]


@pytest.mark.parametrize("letters", [3000, 30])
def test_what_need_not_outlive_the_machine_outlives_the_process(where: str, letters: int) -> None:
    for kept in ({"text": "x" * letters}, {"text": "y"}, {"text": "z" * 200}):
        open_store(where).change("calls", lambda *_, kept=kept: kept, lasting=False)
        assert open_store(where).get("calls") == kept

    open_store(where).change("calls", lambda *_: None, lasting=False)
    assert open_store(where).get("calls") is None


def _count(where: str, times: int, lasting: bool) -> None:  # noqa: FBT001 - pickled
    store = open_store(where)
    for _ in range(times):
        store.change(
            "calls",
            lambda kept, _: {"calls": (kept or {"calls": 0})["calls"] + 1},
            lasting=lasting,
        )


@pytest.mark.parametrize("lasting", [True, False])
def test_no_change_of_many_processes_is_lost(where: str, lasting: bool) -> None:  # noqa: FBT001
    processes = [SPAWN.Process(target=_count, args=(where, 40, lasting)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert open_store(where).get("calls") == {"calls": 160}


def test_a_lock_keeps_others_out_and_lets_changes_pass(where: str) -> None:
    order: list[str] = []
    inside = threading.Event()

    def other() -> None:
        inside.wait()
        open_store(where).change("grant", lambda *_: {"changed": True})
        order.append("changed")
        with open_store(where).lock("grant"):
            order.append("other")

    thread = threading.Thread(target=other)
    thread.start()
    store = open_store(where)
    with store.lock("grant"):
        inside.set()
        while "changed" not in order:
            time.sleep(0.01)
        time.sleep(0.2)
        order.append("first")
    thread.join()

    assert order == ["changed", "first", "other"]
    assert store.get("grant") == {"changed": True}


def test_keys_are_locked_apart(where: str) -> None:
    with open_store(where).lock("one"), open_store(where).lock("two"):
        pass


def test_a_lock_held_too_long_is_named(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(database, "_LET_GO", database._LET_GO.replace("300s", "100ms", 1))
    with open_store(where).lock("grant"):
        other = open_store(where)
        with pytest.raises(StoreError, match="is one hanging"), other.lock("grant"):
            pass


def _hold(where: str, held: ProcessEvent) -> None:
    with open_store(where).lock("grant"):
        held.set()
        signal.pause()


def test_the_lock_of_a_killed_process_is_gone(where: str) -> None:
    held = SPAWN.Event()
    process = SPAWN.Process(target=_hold, args=(where, held))
    process.start()
    held.wait(30)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()

    began = time.monotonic()
    with open_store(where).lock("grant"):
        assert time.monotonic() - began < 5


def test_what_a_store_is_asked_is_not_in_the_log(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    open_store(where).change("pace", lambda *_: {"free": 1})

    assert caplog.messages == []


# Encryption


def raw(where: str) -> str:
    """Return all that a store wrote, as whoever looks at the disk sees it."""
    if "://" not in where:
        return "".join(path.read_text(encoding="utf-8") for path in Path(where).iterdir())
    engine = sa.create_engine(where, poolclass=sa.NullPool)
    with engine.connect() as conn:
        return str(conn.execute(sa.text(f"SELECT key, document FROM {TABLE}")).all())


def test_with_a_key_nothing_lies_there_in_plain_text(where: str) -> None:
    open_store(where, [KEY]).change("grant", lambda *_: {"refresh_token": "hush"})

    assert "hush" not in raw(where)
    assert open_store(where, [KEY]).get("grant") == {"refresh_token": "hush"}


def test_a_new_key_before_the_old_one_takes_its_place_with_the_next_change(where: str) -> None:
    open_store(where, [KEY]).change("grant", lambda *_: {"n": 1})
    both = open_store(where, [OTHER_KEY, KEY])

    assert both.get("grant") == {"n": 1}
    both.change("grant", lambda kept, _: {"n": (kept or {})["n"] + 1})
    assert open_store(where, [OTHER_KEY]).get("grant") == {"n": 2}


def test_a_store_in_plain_text_is_encrypted_from_its_next_change_on(where: str) -> None:
    open_store(where).change("grant", lambda *_: {"refresh_token": "hush"})
    store = open_store(where, [KEY])

    assert store.get("grant") == {"refresh_token": "hush"}
    assert store.compare_and_set("grant", {"refresh_token": "hush"}, {"refresh_token": "hush!"})
    assert "hush" not in raw(where)


@pytest.mark.parametrize(
    ("keys", "words"),
    [([OTHER_KEY], "store_key does not open the store"), ([], "is encrypted: set store_key")],
)
def test_a_wrong_or_missing_key_says_so_and_changes_nothing(
    where: str, keys: list[str], words: str
) -> None:
    open_store(where, [KEY]).change("grant", lambda *_: {"n": 1})
    before = raw(where)

    store = open_store(where, keys)
    with pytest.raises(StoreError, match=words):
        store.get("grant")
    with pytest.raises(StoreError, match=words):
        store.change("grant", lambda *_: {"n": 2})
    assert raw(where) == before


def test_what_is_no_key_says_how_to_make_one(where: str) -> None:
    with pytest.raises(SettingsError, match="tap-constantcontact-login --new-store-key"):
        open_store(where, ["hush"])


# The folder


def test_nobody_but_the_owner_can_read_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "tap"
    store = FolderStore(folder)
    store.compare_and_set("grant", None, {"refresh_token": "one"})
    with store.lock("grant"):
        pass

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_failed_write_leaves_the_old_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.compare_and_set("grant", None, {"refresh_token": "one"})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(StoreError, match="No space left on device"):
            store.compare_and_set("grant", {"refresh_token": "one"}, {"refresh_token": "two"})

    assert store.get("grant") == {"refresh_token": "one"}
    assert store.compare_and_set("grant", {"refresh_token": "one"}, {"refresh_token": "two"})
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize("damaged", [b"{", b"[]", b"", b"\xff\xfe"])
def test_what_the_end_of_the_machine_has_damaged_begins_anew_if_it_need_not_last(
    tmp_path: Path, damaged: bytes
) -> None:
    (tmp_path / "calls.json").write_bytes(damaged)
    store = FolderStore(tmp_path)
    store.change("calls", lambda kept, _: {"calls": 1, "before": kept}, lasting=False)

    assert store.get("calls") == {"calls": 1, "before": None}


@pytest.mark.parametrize("damaged", [b"{", b"[]", b"", b"\xff\xfe", b'"text"'])
def test_a_damaged_document_says_what_to_do(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "grant.json").write_bytes(damaged)

    with pytest.raises(StoreError, match="delete it and sign in: tap-constantcontact-login"):
        FolderStore(tmp_path).get("grant")


def test_a_folder_that_cannot_be_made_says_which_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(StoreError, match="set `store` to a place that can"):
        FolderStore(tmp_path / "file" / "store")


def test_a_document_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "grant.json").mkdir()

    with pytest.raises(StoreError, match="cannot be read"):
        FolderStore(tmp_path).get("grant")


# Databases


def test_nobody_but_the_owner_can_read_the_file_of_sqlite(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/private/store.db")
    with store.lock("grant"):
        pass

    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700
    assert {stat.S_IMODE(at.stat().st_mode) for at in (tmp_path / "private").iterdir()} == {0o600}


def test_a_database_that_must_not_be_written_says_so(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.change("grant", lambda *_: {"n": 1})
    assert isinstance(store, DatabaseStore)
    sa.event.listen(
        store._engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = 1")
    )

    assert store.get("grant") == {"n": 1}
    with pytest.raises(StoreError, match=r"cannot be used \(attempt to write a readonly database"):
        store.change("grant", lambda *_: {"n": 2})


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("these are not the rows you are looking for" * 99)

    with pytest.raises(StoreError, match="file is not a database"):
        open_store(f"sqlite:///{tmp_path}/store.db")


def test_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        open_store("postgresql+psycopg2://me:hush@127.0.0.1:1/db")

    assert "postgresql+psycopg2://me:***@127.0.0.1:1/db" in str(caught.value)
    assert "Connection refused" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://host/db", "store cannot be in 'mysql'"),
        ("sqlite://", "store names no file"),
        ("sqlite:///:memory:", "store names no file"),
        ("sqlite:///file:x?uri=true", "store names no file"),
        ("://", "store is neither a folder nor an address"),
    ],
)
def test_an_address_that_cannot_be_a_store_says_what_can(url: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        open_store(url)


def test_many_who_make_the_table_at_once_get_one(postgres_url: str) -> None:
    _at_once(8, lambda: open_store(postgres_url).change("n", lambda *_: {}))

    assert open_store(postgres_url).get("n") == {}


def _at_once(number: int, do: Callable[[], object]) -> None:
    failed: list[BaseException] = []
    gate = threading.Barrier(number)

    def run() -> None:
        gate.wait()
        try:
            do()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_lock_that_the_server_ended_does_no_harm(postgres_url: str) -> None:
    store = open_store(postgres_url)
    engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with store.lock("grant"), engine.connect() as conn:
        conn.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'tap-constantcontact'"
            )
        )

    assert store.compare_and_set("grant", None, {"n": 1})
    with store.lock("grant"):
        assert store.get("grant") == {"n": 1}
