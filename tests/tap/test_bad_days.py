"""On a bad day one knows what to do, and nothing is lost: docs/reliability.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tap.bad_days import BAD_DAYS, HEADER, PAGE, BadDay, live_through
from tests.tap.certificates import behind_tls, forwarder, serving

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Sandbox
    from tests.running import TapRunner


def lines() -> list[str]:
    """Return the lines of the table."""
    table = PAGE.read_text(encoding="utf-8").partition(HEADER)[2].partition("\n\n")[0]
    return table.splitlines()[2:]


def test_each_bad_day_has_its_line() -> None:
    assert [line.split(" | ")[0] for line in lines()] == [f"| {day.what}" for day in BAD_DAYS]


@pytest.mark.parametrize("day", BAD_DAYS, ids=lambda day: day.what)
def test_a_bad_day_is_as_the_page_says(
    day: BadDay, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> str:
        text = "\n".join(caplog.messages)
        caplog.clear()
        return text

    assert str(live_through(day, tmp_path, said)) in lines()


# Proxies and certificates


def test_a_certificate_of_the_users_own_is_trusted(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with behind_tls(sandbox, tmp_path) as (url, certificate):
        tap.config |= {"api_url": f"{url}/v3", "auth_url": f"{url}/oauth2/default/v1"}
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))

        assert tap.run(select=["contacts"]).counts == {"contacts": 120}


def test_a_proxy_of_the_environment_is_used_unless_the_host_is_excepted(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = forwarder(sandbox.url)
    with serving(proxy) as where:
        monkeypatch.setenv("HTTP_PROXY", f"http://{where}")
        monkeypatch.setenv("http_proxy", f"http://{where}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        assert tap.run(select=["contact_lists"]).error is None
        through = len(proxy.asked)  # type: ignore[attr-defined] # what the forwarder keeps
        assert through == len(sandbox.asked)
        assert proxy.asked[0] == f"{sandbox.auth_url}/token"  # type: ignore[attr-defined]

        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert tap.run(select=["contact_lists"]).error is None
        assert len(proxy.asked) == through  # type: ignore[attr-defined]


def test_a_proxy_that_lets_nothing_through_is_named(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap.config["api_url"] = "https://api.example.com/v3"
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    error = str(tap.run(select=["contacts"], fails=True).error)
    assert "the proxy does not let it through (HTTPS_PROXY)" in error
