"""/activities: what was done to many contacts at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, get_args

import pytest

from constantcontact_sandbox.bulk_activities import BulkKind, EndState
from tests.sandbox.client import cursor_of, next_link
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock
    from tests.sandbox.client import Client, Row

ELSEWHERE = "c3639a04-bc12-11f1-aa3a-02420a320002"
HOUR = timedelta(hours=1)


def ids(rows: list[Row]) -> list[str]:
    return [each["activity_id"] for each in rows]


def test_a_job_is_taken_on_done_and_over(account: Account, client: Client, clock: Clock) -> None:
    job = account.add_bulk_activity(source_file_name="contacts.csv")
    path = f"/activities/{job.activity_id}"
    fresh = {
        "activity_id": job.activity_id,
        "state": "initialized",
        "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
        "source_file_name": "contacts.csv",
        "percent_done": 1,
        "activity_errors": [],
        "_links": {"self": {"href": f"/v3/activities/{job.activity_id}"}},
    }
    assert client.get(path) == fresh
    assert client.get("/activities") == {"activities": [fresh]}
    clock.advance(HOUR)
    account.begin_bulk_activity(job, 9)
    begun = {
        **fresh,
        "state": "processing",
        "started_at": "2026-06-01T13:00:00Z",
        "updated_at": "2026-06-01T13:00:00Z",
        "percent_done": 50,
    }
    assert client.get(path) == {**begun, "status": _counts(person_count=4)}
    clock.advance(HOUR)
    account.end_bulk_activity(job)
    assert client.get(path) == {
        **begun,
        "state": "completed",
        "completed_at": "2026-06-01T14:00:00Z",
        "updated_at": "2026-06-01T14:00:00Z",
        "percent_done": 100,
        "status": _counts(person_count=9),
    }


def _counts(*, person_count: int) -> dict[str, int]:
    return {
        "items_total_count": 9,
        "person_count": person_count,
        "error_count": 0,
        "correctable_count": 0,
        "cannot_add_to_list_count": 0,
    }


@pytest.mark.parametrize("kind", get_args(BulkKind))
def test_only_an_export_has_a_result(account: Account, client: Client, kind: BulkKind) -> None:
    job = account.add_bulk_activity(kind)
    account.begin_bulk_activity(job, 3)
    assert "results" not in client.get(f"/activities/{job.activity_id}")["_links"]
    account.end_bulk_activity(job)
    links = client.get(f"/activities/{job.activity_id}")["_links"]
    assert links.get("results") == (
        {"href": f"/v3/contact_exports/{job.results_id}"} if kind == "contact_exports" else None
    )


@pytest.mark.parametrize("state", get_args(EndState))
def test_a_state_chooses_jobs(account: Account, client: Client, state: EndState) -> None:
    jobs = [account.add_bulk_activity(at=NOON - HOUR * number) for number in range(3)]
    account.begin_bulk_activity(jobs[0], 1)
    account.begin_bulk_activity(jobs[1], 1)
    account.end_bulk_activity(jobs[1], state, errors=("Why",))
    shown = client.get("/activities", state=state)["activities"]
    assert ids(shown) == [jobs[1].activity_id]
    assert shown[0]["activity_errors"] == ["Why"]
    assert ids(client.get("/activities", state="processing")["activities"]) == [jobs[0].activity_id]
    assert client.ask("/activities", state="initialized")[0] == 400


def test_jobs_come_newest_first_and_are_gone_after_ten_days(
    account: Account, client: Client, clock: Clock
) -> None:
    old = account.add_bulk_activity(at=NOON - 10 * 24 * HOUR)
    new = account.add_bulk_activity(at=NOON - HOUR)
    assert ids(client.get("/activities")["activities"]) == [new.activity_id, old.activity_id]
    clock.advance(timedelta(seconds=1))
    assert ids(client.get("/activities")["activities"]) == [new.activity_id]
    assert client.ask(f"/activities/{old.activity_id}")[0] == 404
    assert set(account.bulk_activities) == {old.activity_id, new.activity_id}


def test_a_page_begins_with_the_job_that_its_cursor_names(account: Account, client: Client) -> None:
    jobs = [account.add_bulk_activity(at=NOON - HOUR * number) for number in range(5)]
    body = client.get("/activities", limit=2)
    account.add_bulk_activity()
    second = client.get("/activities", cursor=cursor_of(str(next_link(body))))
    assert ids(second["activities"]) == [each.activity_id for each in jobs[2:4]]


def test_a_cursor_that_names_a_job_gone_since_is_at_the_end(
    account: Account, client: Client, clock: Clock
) -> None:
    for number in range(3):
        account.add_bulk_activity(at=NOON - HOUR * number)
    cursor = cursor_of(str(next_link(client.get("/activities", limit=2))))
    clock.advance(10 * 24 * HOUR - HOUR)
    assert client.get("/activities", cursor=cursor) == {"activities": []}


def test_all_rows_of_a_page_link_to_its_last_row(account: Account, client: Client) -> None:
    jobs = [account.add_bulk_activity(at=NOON - HOUR * number) for number in range(2)]
    links = [each["_links"]["self"]["href"] for each in client.get("/activities")["activities"]]
    assert links == [f"/v3/activities/{jobs[1].activity_id}"] * 2


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/activities", {"limit": 501}, 400),
        ("/activities", {"state": "done"}, 400),
        ("/activities/none", {}, 400),
        (f"/activities/{ELSEWHERE}", {}, 404),
    ],
)
def test_a_bad_value_is_refused(
    client: Client, path: str, asked: dict[str, object], status: int
) -> None:
    assert client.ask(path, **asked)[0] == status
