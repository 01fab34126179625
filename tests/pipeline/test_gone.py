"""What vanishes from the account, on both databases: marked or deleted, of one account alone."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from target_relational.target import TargetRelational
from tests.conftest import NOON
from tests.pipeline.dimensions import KEYS
from tests.pipeline.truth import differences
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def load(url: str, messages: Iterable[dict[str, Any]], **config: Any) -> None:
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    TargetRelational(config={"sqlalchemy_url": url, **config}).listen(io.StringIO(lines))


def rows(url: str, statement: str) -> list[Any]:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(statement))]
    finally:
        engine.dispose()


def of_small_things(lines: Iterable[str]) -> list[str]:
    """Return the differences in the tables that these tests fill."""
    return [line for line in lines if line.partition(":")[0] in KEYS]


@pytest.mark.parametrize("hard", [False, True], ids=["marked", "deleted"])
def test_after_each_run_the_rows_are_those_that_the_api_shows(
    tap: TapRunner, sandbox: Sandbox, account: Account, url: str, *, hard: bool
) -> None:
    gone = set()
    for _ in range(6):
        load(url, tap.run().messages, hard_delete=hard)
        assert of_small_things(differences(account, url)) == []
        sandbox.live(timedelta(days=2))
        tag = next(iter(account.tags.values()))
        account.delete_tag(tag)
        gone.add(tag.tag_id)
    load(url, tap.run().messages, hard_delete=hard)

    assert of_small_things(differences(account, url)) == []
    kept = {key for (key,) in rows(url, "SELECT tag_id FROM contact_tags")}
    assert gone.isdisjoint(kept) if hard else gone <= kept


def test_the_run_of_one_account_leaves_the_rows_of_another_alone(url: str, tmp_path: Path) -> None:
    both = {}
    for seed in (1, 2):
        account = Account.populate(seed=seed, contacts=20, campaigns=2, clock=Clock(NOON))
        with Sandbox(account, Switches.unlimited()) as sandbox:
            config = {"add_account_id": True}
            tap = TapRunner(sandbox, tmp_path / str(seed), config, select=frozenset(KEYS))
            load(url, tap.run().messages)
            if seed == 2:
                for segment in list(account.segments.values()):
                    account.delete_segment(segment)
                account.delete_tag(next(iter(account.tags.values())))
                load(url, tap.run().messages)
        both[account.owner.encoded_account_id] = len(account.tags)

    living = rows(
        url,
        "SELECT account_id, count(*) FROM contact_tags WHERE _sdc_deleted_at IS NULL"
        " GROUP BY account_id",
    )
    assert dict(living) == both
    assert len(set(both.values())) == len(both)
    kept = rows(url, "SELECT DISTINCT account_id FROM segments WHERE _sdc_deleted_at IS NULL")
    assert kept == [(next(iter(both)),)]  # of the other account none is left
