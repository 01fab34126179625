"""Four calls a second, ten thousand a day, and who may call at all."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constantcontact_sandbox import Account, Request, Sandbox
from constantcontact_sandbox.limits import Pace

if TYPE_CHECKING:
    from constantcontact_sandbox import Clock, Switches
    from tests.sandbox.client import Client

THROTTLED = (429, {"error_key": "throttled", "error_message": "Too Many Requests"})
QUOTA_EXCEEDED = (429, {"error_key": "quota_exceeded", "error_message": "Limit Exceeded"})
UNAUTHORIZED = (401, {"error_key": "unauthorized", "error_message": "Unauthorized"})
ANY = "/account/user/privileges"


def statuses(client: Client, arrivals: list[float]) -> list[int]:
    answered = []
    for client.arrived in arrivals:
        answered.append(client.ask(ANY)[0])
    return answered


def test_a_fifth_call_within_any_second_is_throttled(client: Client, switches: Switches) -> None:
    switches.requests_per_second = 4
    assert statuses(client, [0.0, 0.9, 0.91, 0.92, 0.93]) == [200, 200, 200, 200, 429]
    assert client.ask(ANY) == THROTTLED
    assert statuses(client, [1.0, 1.89, 1.9]) == [200, 429, 200]


def test_what_is_throttled_does_not_count(client: Client, switches: Switches) -> None:
    switches.requests_per_second = 2
    assert statuses(client, [0, 0.1, 0.2, 0.3, 0.9, 1.0]) == [200, 200, 429, 429, 429, 200]


@settings(deadline=None)
@given(st.lists(st.floats(0, 5), max_size=40), st.integers(1, 5))
def test_no_second_holds_more_calls_than_the_pace(arrivals: list[float], calls: int) -> None:
    pace = Pace()
    accepted = [each for each in sorted(arrivals) if pace.allows("key", each, calls)]
    for first in accepted:
        assert sum(first <= each < first + 1 - 1e-9 for each in accepted) <= calls


def test_a_slower_pace_stretches_the_second() -> None:
    pace = Pace()
    assert [pace.allows("key", at, 0.5) for at in (0, 1, 1.9, 2, 3.9, 4)] == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_the_pace_is_kept_per_key() -> None:
    pace = Pace()
    assert pace.allows("one", 0, 1)
    assert pace.allows("other", 0, 1)
    assert not pace.allows("one", 0.5, 1)


def test_the_day_ends_at_midnight_utc(client: Client, clock: Clock, switches: Switches) -> None:
    switches.daily_quota = 2
    assert [client.ask(ANY)[0] for _ in range(2)] == [200, 200]
    assert client.ask(ANY) == QUOTA_EXCEEDED
    clock.advance(timedelta(hours=11, minutes=59, seconds=59))
    assert client.ask(ANY) == QUOTA_EXCEEDED
    clock.advance(timedelta(seconds=1))
    assert client.ask(ANY)[0] == 200


def test_calls_that_are_refused_by_the_quota_do_not_use_it(
    client: Client, clock: Clock, switches: Switches
) -> None:
    switches.daily_quota = 1
    for _ in range(3):
        client.ask(ANY)
    used = client.sandbox.api.quota.used(client.sandbox.client_id, clock.now().date())
    assert used == 1


def test_a_wait_can_be_named(client: Client, switches: Switches) -> None:
    switches.daily_quota = 0
    assert "Retry-After" not in client.answer(f"/v3{ANY}").headers
    switches.retry_after = 7
    assert client.answer(f"/v3{ANY}").headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer none", "Bearer a.b.c", "Basic good", "good"]
)
def test_a_token_that_is_none_is_unauthorized(sandbox: Sandbox, authorization: str | None) -> None:
    headers = {}
    if authorization:
        good = sandbox.access_token()
        headers["Authorization"] = authorization.replace("good", good)
    response = sandbox.answer(Request.of("GET", f"/v3{ANY}", headers))
    assert (response.status, json.loads(response.body)) == UNAUTHORIZED


def test_a_token_of_another_sandbox_is_unauthorized(client: Client, clock: Clock) -> None:
    other = Sandbox(Account(clock, seed=8)).access_token()
    assert client.answer(f"/v3{ANY}", Authorization=f"Bearer {other}").status == 401


def test_a_token_lives_a_day(client: Client, clock: Clock, sandbox: Sandbox) -> None:
    token = f"Bearer {sandbox.access_token()}"
    clock.advance(timedelta(seconds=86399))
    assert client.answer(f"/v3{ANY}", Authorization=token).status == 200
    clock.advance(timedelta(seconds=1))
    assert client.answer(f"/v3{ANY}", Authorization=token).status == 401


def test_the_gateway_can_turn_away_who_has_no_token_at_all(
    sandbox: Sandbox, switches: Switches
) -> None:
    switches.bare_403_without_token = True
    response = sandbox.answer(Request.of("GET", f"/v3{ANY}", {}))
    assert (response.status, response.body) == (403, b"")
    headers = {"Authorization": "Bearer none"}
    assert sandbox.answer(Request.of("GET", f"/v3{ANY}", headers)).status == 401


def test_unknown_paths_and_methods_are_refused(client: Client, sandbox: Sandbox) -> None:
    assert client.ask("/weather")[0] == 404
    assert client.answer("/v2/contacts").status == 404
    headers = {"Authorization": f"Bearer {sandbox.access_token()}"}
    assert sandbox.answer(Request.of("DELETE", f"/v3{ANY}", headers)).status == 405


def test_answers_carry_the_date_of_the_sandbox_and_an_id(client: Client, clock: Clock) -> None:
    first = client.answer(f"/v3{ANY}")
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Date"] == "Mon, 01 Jun 2026 12:00:00 GMT"
    clock.advance(timedelta(days=1, microseconds=1))
    second = client.answer(f"/v3{ANY}")
    assert second.headers["Date"] == "Tue, 02 Jun 2026 12:00:00 GMT"
    assert first.headers["x-amzn-requestid"] != second.headers["x-amzn-requestid"]


def test_what_was_asked_is_kept(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    client.arrived = 3.5
    client.ask("/contacts", limit=501, status=["all", "active"])
    [asked] = sandbox.asked
    assert (asked.method, asked.path, asked.status, asked.arrived, asked.at) == (
        "GET",
        "/contacts",
        400,
        3.5,
        clock.now(),
    )
    assert asked.query == {"limit": "501", "status": "all,active"}
