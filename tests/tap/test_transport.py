"""What comes back from the API, and what the tap makes of it."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Fault
from tap_constantcontact.errors import (
    Forbidden,
    Refused,
    Reply,
    SettingsError,
    SignInNeeded,
    TryAgain,
    UnexpectedAnswer,
    Unreachable,
)
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.emails import CampaignLookup
from tap_constantcontact.transport import Host, Patience
from tests.pipeline.tables import Tables
from tests.pipeline.truth import differences_of

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Account, Sandbox, Switches
    from tests.running import TapRunner

PASSING = [
    "throttled",
    "status_500",
    "status_502",
    "status_503",
    "status_504",
    "html_200",
    "truncated_json",
    "reset",
]


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_tried_again(tap: TapRunner, sandbox: Sandbox, kind: Any) -> None:
    sandbox.faults.append(Fault(path=r"^/emails$", times=2, kind=kind))

    run = tap.run(select=["campaigns"])
    assert run.paths() == ["/emails"] * 3
    assert run.counts == {"campaigns": 24}


@pytest.mark.parametrize("kind", PASSING)
def test_what_does_not_pass_ends_the_run_with_the_state(
    tap: TapRunner, sandbox: Sandbox, kind: Any
) -> None:
    sandbox.faults.append(Fault(path=r"^/emails$", times=100, kind=kind))

    run = tap.run(fails=True)
    assert isinstance(run.error, Unreachable)
    assert "GET /emails failed 4 times, the last time: " in str(run.error)
    assert len(run.paths("/emails")) == 4
    assert set(run.state["bookmarks"]) == {"bulk_activities"}


def test_a_run_after_the_quota_goes_on_where_it_stopped(
    tap: TapRunner, sandbox: Sandbox, switches: Switches
) -> None:
    switches.daily_quota = 60
    runs = [tap.run()]
    while 429 in {call.status for call in runs[-1].asked} and len(runs) < 9:
        sandbox.account.clock.advance(_until_midnight(sandbox))
        shutil.rmtree(tap.store)  # where the tap has counted today's calls by its own clock
        runs.append(tap.run())

    assert len(runs) > 2
    # Nothing is read twice but the few calls that begin a run.
    reports = [
        call.path
        for run in runs
        for call in run.asked
        if call.path.startswith("/reports/email_reports") and call.status == 200
    ]
    assert len(reports) == len(set(reports))


def _until_midnight(sandbox: Sandbox) -> timedelta:
    now = sandbox.account.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return midnight - now


def test_a_missing_privilege_is_named(tap: TapRunner, switches: Switches) -> None:
    switches.withheld_privileges = frozenset({"ui:campaign:metrics"})
    tap.config["on_forbidden"] = "fail"

    run = tap.run(select=["campaign_summaries"], fails=True)
    assert isinstance(run.error, Forbidden)
    assert str(run.error) == (
        "GET /reports/summary_reports/email_campaign_summaries is forbidden: whoever signed in"
        " lacks the privilege ui:campaign:metrics. Let an owner or manager of the account sign in"
        " (tap-constantcontact-login), or deselect the stream."
    )


@pytest.mark.parametrize("kind", ["forbidden", "empty_403"])
def test_no_kind_of_forbidden_is_tried_again(tap: TapRunner, sandbox: Sandbox, kind: Any) -> None:
    sandbox.faults.append(Fault(path=r"^/emails$", times=1, kind=kind))

    run = tap.run(select=["campaigns"], fails=True)
    assert isinstance(run.error, Forbidden)
    assert run.paths() == ["/emails", "/account/user/privileges"]


def test_a_refused_token_is_renewed_once_and_the_call_repeated_once(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    tap.run(select=["contact_lists"])
    before = _token_calls(sandbox)
    sandbox.faults.append(Fault(path=r"^/emails$", times=1, kind="unauthorized"))

    run = tap.run(select=["campaigns"])
    assert [call.status for call in run.asked] == [401, 200, 200][: len(run.asked)]
    assert _token_calls(sandbox) == before + 1


def test_a_token_that_stays_refused_asks_to_sign_in_again(tap: TapRunner, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(path=r"^/contacts$", times=9, kind="unauthorized"))

    run = tap.run(select=["contacts"], fails=True)
    assert isinstance(run.error, SignInNeeded)
    assert "sign in again: tap-constantcontact-login" in str(run.error)
    assert len(run.asked) == 2


def _token_calls(sandbox: Sandbox) -> int:
    return sum(call.path.endswith("/token") for call in sandbox.asked)


def test_a_next_link_to_another_host_is_not_followed(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(monkeypatch, {"lists": [], "_links": {"next": {"href": "https://evil.test/v3/x"}}})

    run = tap.run(select=["contact_lists"], fails=True)
    assert isinstance(run.error, UnexpectedAnswer)
    assert "evil.test" in str(run.error)
    assert "the access token must not leave" in str(run.error)


def test_a_page_that_links_to_itself_ends_the_run(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(monkeypatch, {"lists": [], "_links": {"next": {"href": "/v3/contact_lists?cursor=x"}}})

    run = tap.run(select=["contact_lists"], fails=True)
    assert isinstance(run.error, UnexpectedAnswer)
    assert str(run.error) == "GET /contact_lists gives the same page as the next one again."


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "An answer for contact_lists holds no 'lists'."),
        ([], "An answer for contact_lists holds no 'lists'."),
        ({"lists": {}}, "An answer for contact_lists holds no 'lists'."),
        ({"lists": ["x"]}, "An answer for contact_lists holds no 'lists'."),
        ({"lists": [{"name": "x"}]}, "A row of contact_lists has no list_id."),
    ],
)
def test_an_answer_of_another_shape_ends_the_run(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch, body: Any, words: str
) -> None:
    _answer(monkeypatch, body)

    run = tap.run(select=["contact_lists"], fails=True)
    assert isinstance(run.error, UnexpectedAnswer)
    assert str(run.error) == words


def test_a_row_that_lacks_what_the_planner_needs_ends_the_run(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CampaignLookup, "path", "/emails")

    run = tap.run(select=["campaign_activities"], fails=True)
    assert str(run.error) == "An answer for campaign lookups holds no 'campaign_activities'."


def _answer(monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    """Let every answer of the API have this body."""

    ask = Host.ask

    def answer(host: Host, method: str, *given: Any, **others: Any) -> Reply:
        reply = ask(host, method, *given, **others)
        told = json.dumps(body).encode()
        return replace(reply, status=200, data=told) if method == "GET" else reply

    monkeypatch.setattr(Host, "ask", answer)


@pytest.mark.parametrize("style", ["absent", "empty", "null", "next_null", "href_null"])
def test_every_way_to_say_no_more_is_understood(
    tap: TapRunner, switches: Switches, style: Any
) -> None:
    switches.last_page = style

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


def test_an_empty_page_with_a_next_link_is_not_the_end(tap: TapRunner, switches: Switches) -> None:
    switches.empty_pages = True

    run = tap.run(select=["contacts", "email_opens"])
    assert run.counts["contacts"] == 120
    assert run.counts["email_opens"] > 100


def test_an_address_that_is_none_names_the_settings(tap: TapRunner) -> None:
    tap.config["api_url"] = "not an address"

    run = tap.run(fails=True)
    assert isinstance(run.error, SettingsError)
    assert str(run.error) == "api_url and auth_url must be addresses like https://host/path."


@pytest.mark.parametrize("threads", [1, 6])
def test_not_one_request_goes_over_the_pace(tap: TapRunner, threads: int) -> None:
    tap.threads = threads
    tap.config["requests_per_second"] = 20

    run = tap.run(select=["campaign_activities"])
    assert len(run.asked) > 60
    arrived = sorted(call.arrived for call in run.asked)
    assert (len(arrived) - 1) / (arrived[-1] - arrived[0]) < 20
    # A busy machine may hold up a request on its way by more than the headroom allows for.
    assert all(sum(start <= moment < start + 0.9 for moment in arrived) <= 20 for start in arrived)


def test_waits_grow_and_a_servers_own_wish_is_granted() -> None:
    waits = Patience(first=1, longest=6).waits()
    next(waits)

    grown = [waits.send(TryAgain("throttled")) for _ in range(5)]
    for wait, longest in zip(grown, (1, 2, 4, 6, 6), strict=True):
        assert longest / 2 <= wait <= longest
    assert waits.send(TryAgain("throttled", after=17)) == 17


def test_a_retry_after_header_is_honoured(
    tap: TapRunner, switches: Switches, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    switches.retry_after = 0
    sandbox.faults.append(Fault(path=r"^/contacts$", times=1, kind="throttled"))

    tap.run(select=["contacts"])
    assert "GET /contacts: throttled; again in 0.0 s" in caplog.text


def test_no_log_line_carries_a_secret_or_a_person(
    tap: TapRunner, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.faults.append(Fault(path=r"^/contacts$", times=1, kind="status_500"))
    sandbox.faults.append(Fault(path=r"^/contacts$", times=1, kind="unauthorized"))
    tap.run()

    people = [
        contact.email_address.address
        for contact in sandbox.account.contacts.values()
        if contact.email_address
    ]
    secrets = [sandbox.client_secret, sandbox.refresh_token, "eyJ"]
    assert "GET /contacts: status 500" in caplog.text
    assert not [word for word in (*people, *secrets) if word in caplog.text]


def test_any_other_status_is_a_refusal(tap: TapRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Contacts, "page_size", 501)

    run = tap.run(select=["contacts"], fails=True)
    assert isinstance(run.error, Refused)
    assert str(run.error) == (
        "GET /contacts was refused with status 400 (contacts.api.validation.error)."
    )


@pytest.mark.parametrize(("kind", "error"), [("redirect", Refused), ("html_404", Unreachable)])
@pytest.mark.parametrize(
    ("path", "select"),
    [
        # Where what is refused may be a part that the API does not know,
        ("^/contacts$", {"contacts"}),
        # where a refusal may say that it is gone,
        ("^/automations/workflows/[^/]+$", {"automations"}),
        # and where "not found" does.
        ("^/reports/email_reports/.*/tracking/opens", {"email_opens"}),
    ],
)
def test_what_stands_in_between_says_nothing_of_what_is_gone(
    tap: TapRunner,
    account: Account,
    sandbox: Sandbox,
    kind: Any,
    error: Any,
    path: str,
    select: set[str],
) -> None:
    tables = Tables()
    for name in ("one", "other"):
        account.clock.advance(timedelta(hours=1))
        for automation in account.automations.values():
            account.rename_automation(automation, name)
        sandbox.faults.append(Fault(path=path, kind=kind, times=100))
        broken = tap.run(select=select, fails=True)
        if name == "one" or "automations" in select:
            assert isinstance(broken.error, error)
        tables.load(broken.messages)
        sandbox.faults.clear()
        tables.load(tap.run(select=select).messages)

    assert differences_of(account, tables.rows, select) == []


def test_proxies_and_certificates_of_the_environment_are_looked_up_once(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:8080")
    monkeypatch.setenv("NO_PROXY", "inside.test")
    bundle = tmp_path / "certificates.pem"
    bundle.touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    settings = tap.make().settings

    outside = Host(settings, "https://outside.test/v3").pool
    assert str(outside.proxy) == "http://proxy.test:8080"
    assert (outside.ca_certs, outside.cert_reqs) == (str(bundle), "CERT_REQUIRED")  # type: ignore[attr-defined]
    assert Host(settings, "https://inside.test/v3").pool.proxy is None


def test_certificates_that_are_not_there_are_named(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "nowhere.pem")

    with pytest.raises(SettingsError, match="REQUESTS_CA_BUNDLE names are not there"):
        Host(tap.make().settings, "https://api.test/v3")
