"""The sandbox on a port: connections, faults, latency, and an end that leaves nothing behind."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from constantcontact_sandbox import Account, Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constantcontact_sandbox import Clock, Switches
    from constantcontact_sandbox.faults import Kind

ANY = "/account/user/privileges"


@pytest.fixture
def sandbox(account: Account, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(account, switches) as running:
        yield running


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {sandbox.access_token()}"
        yield session


def test_it_answers_on_a_free_port(sandbox: Sandbox, session: requests.Session) -> None:
    response = session.get(f"{sandbox.api_url}{ANY}", timeout=5)
    assert response.status_code == 200
    assert response.headers["Date"] == "Mon, 01 Jun 2026 12:00:00 GMT"
    assert response.headers["Content-Type"] == "application/json"
    assert {"privilege_id": 42, "privilege_name": "contacts:read"} in response.json()


def test_a_refresh_over_the_wire(sandbox: Sandbox) -> None:
    response = requests.post(
        f"{sandbox.auth_url}/token",
        auth=(sandbox.client_id, sandbox.client_secret),
        data={"grant_type": "refresh_token", "refresh_token": sandbox.refresh_token},
        timeout=5,
    )
    assert response.json()["token_type"] == "Bearer"
    assert [each.path for each in sandbox.asked] == ["/oauth2/default/v1/token"]


def test_a_connection_stays_open_and_names_of_all_alphabets_pass(
    sandbox: Sandbox, session: requests.Session, account: Account
) -> None:
    account.add_contact(None, first_name="محمد 🎂", last_name="O'Brien\\'); DROP TABLE x;--")
    before = threading.active_count()
    for _ in range(5):
        [shown] = session.get(f"{sandbox.api_url}/contacts", timeout=5).json()["contacts"]
        assert (shown["first_name"], shown["last_name"]) == (
            "محمد 🎂",
            "O'Brien\\'); DROP TABLE x;--",
        )
    assert threading.active_count() == before + 1


def test_stopping_leaves_no_thread_even_while_somebody_waits(
    account: Account, switches: Switches
) -> None:
    before = set(threading.enumerate())
    with Sandbox(account, switches) as sandbox, requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {sandbox.access_token()}"
        session.get(f"{sandbox.api_url}{ANY}", timeout=5)
        switches.latency = timedelta(hours=1)
        failed = threading.Event()

        def wait_for_an_answer() -> None:
            with pytest.raises(requests.ConnectionError):
                session.get(f"{sandbox.api_url}{ANY}", timeout=60)
            failed.set()

        waiting = threading.Thread(target=wait_for_an_answer)
        waiting.start()
        while len(sandbox.asked) < 2:
            time.sleep(0.001)
        sandbox.stop()
        waiting.join()
        assert failed.is_set()
    assert set(threading.enumerate()) == before


def test_where_it_listens_is_known_only_while_it_does(sandbox: Sandbox) -> None:
    assert sandbox.api_url == f"{sandbox.url}/v3"
    sandbox.stop()
    sandbox.stop()
    with pytest.raises(RuntimeError, match="does not listen"):
        _ = sandbox.api_url


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("throttled", 429, '{"error_key":"throttled","error_message":"Too Many Requests"}'),
        ("quota_exceeded", 429, '{"error_key":"quota_exceeded","error_message":"Limit Exceeded"}'),
        ("unauthorized", 401, '{"error_key":"unauthorized","error_message":"Unauthorized"}'),
        (
            "forbidden",
            403,
            (
                '{"error_key":"access_denied",'
                '"error_message":"Request forbidden due to insufficient user privileges."}'
            ),
        ),
        ("empty_403", 403, ""),
    ],
)
def test_a_refusal_on_purpose(
    sandbox: Sandbox, session: requests.Session, kind: Kind, status: int, body: str
) -> None:
    sandbox.faults.append(Fault(r"^/account", kind))
    response = session.get(f"{sandbox.api_url}{ANY}", timeout=5)
    assert (response.status_code, response.text) == (status, body)
    assert session.get(f"{sandbox.api_url}{ANY}", timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("html_200", 200),
        ("status_500", 500),
        ("status_502", 502),
        ("status_503", 503),
        ("status_504", 504),
    ],
)
def test_an_outage_is_a_page_for_people(
    sandbox: Sandbox, session: requests.Session, kind: Kind, status: int
) -> None:
    sandbox.faults.append(Fault(r"^/account", kind))
    response = session.get(f"{sandbox.api_url}{ANY}", timeout=5)
    assert (response.status_code, response.text[:6]) == (status, "<html>")
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_fault_strikes_after_some_calls_so_many_times_and_only_its_path(
    sandbox: Sandbox, session: requests.Session
) -> None:
    fault = Fault(r"^/contacts$", "status_503", times=2, after=1)
    sandbox.faults.append(fault)
    paths = ["/contacts", ANY, "/contacts", "/contacts", "/contacts"]
    for path in paths:
        session.get(f"{sandbox.api_url}{path}", timeout=5)
    assert [each.status for each in sandbox.asked] == [200, 200, 503, 503, 200]
    assert fault.met == 2


def test_truncated_json_arrives_as_a_good_answer(
    sandbox: Sandbox, session: requests.Session
) -> None:
    sandbox.faults.append(Fault(r"", "truncated_json"))
    response = session.get(f"{sandbox.api_url}{ANY}", timeout=5)
    assert response.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_an_answer_can_break_off_in_the_middle(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.append(Fault(r"", "drop_after_headers"))
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(f"{sandbox.api_url}{ANY}", timeout=5)
    assert session.get(f"{sandbox.api_url}{ANY}", timeout=5).status_code == 200


def test_a_connection_can_be_reset(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.append(Fault(r"", "reset"))
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        session.get(f"{sandbox.api_url}{ANY}", timeout=5)
    assert [each.status for each in sandbox.asked] == [0]


def test_an_answer_can_be_slow_or_never_come(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.faults.append(Fault(r"", "slow", seconds=0.05))
    started = time.monotonic()
    assert session.get(f"{sandbox.api_url}{ANY}", timeout=5).status_code == 200
    assert time.monotonic() - started >= 0.05
    sandbox.faults.append(Fault(r"", "timeout", seconds=60))
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{sandbox.api_url}{ANY}", timeout=0.05)


def test_latency_is_waited_for_side_by_side(
    sandbox: Sandbox, session: requests.Session, switches: Switches
) -> None:
    switches.latency, switches.latency_jitter = timedelta(seconds=0.1), timedelta(seconds=0.02)
    headers = dict(session.headers)

    def ask() -> None:
        requests.get(f"{sandbox.api_url}{ANY}", headers=headers, timeout=5)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.08 <= time.monotonic() - started < 0.6
    assert [each.status for each in sandbox.asked] == [200] * 8


def test_a_day_can_pass_over_the_wire(sandbox: Sandbox, clock: Clock) -> None:
    before = clock.now()
    for index in range(20):
        sandbox.account.add_contact(f"c{index}@example.com")
    response = requests.post(f"{sandbox.url}/sandbox/live?days=1&hours=1", timeout=5)
    assert clock.now() - before == timedelta(days=1, hours=1)
    assert response.json()["now"] == "2026-06-02T13:00:00+00:00"
    assert response.json()["happened"]["contact added"] == 4
    for wrong in ("years=1", "days=soon", "days=-1"):
        response = requests.post(f"{sandbox.url}/sandbox/live?{wrong}", timeout=5)
        assert response.status_code == 400
    assert clock.now() - before == timedelta(days=1, hours=1)


def test_a_busy_port_is_an_os_error(sandbox: Sandbox, clock: Clock) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), Sandbox(Account(clock), port=port):
        pass


def test_a_client_that_goes_away_does_no_harm(
    sandbox: Sandbox, session: requests.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox.faults.append(Fault(r"", "slow", seconds=0.05))
    with pytest.raises(requests.ReadTimeout):
        session.get(f"{sandbox.api_url}{ANY}", timeout=0.01)
    session.close()
    time.sleep(0.06)
    sandbox.stop()
    assert capfd.readouterr().err == ""
