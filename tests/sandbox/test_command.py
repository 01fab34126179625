"""`constantcontact-sandbox` from a terminal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from constantcontact_sandbox import Switches
from constantcontact_sandbox.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = ("--contacts", "20", "--campaigns", "4")


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Start the command on a free port and read what it says."""
    command = [sys.executable, "-m", "constantcontact_sandbox", "--port", "0", *SMALL, *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Stop:"):
                break
        try:
            yield process, dict(re.findall(r"export (\w+)=(\S+)", said))
        finally:
            process.kill()


def test_what_it_prints_is_enough_to_read_the_account_and_it_ends_in_peace() -> None:
    with running("--days-later", "1", "--requests-per-second", "off") as (process, said):
        prefix = "TAP_CONSTANTCONTACT_"
        answer = requests.post(
            f"{said[f'{prefix}AUTH_URL']}/token",
            auth=(said[f"{prefix}CLIENT_ID"], said[f"{prefix}CLIENT_SECRET"]),
            data={
                "grant_type": "refresh_token",
                "refresh_token": said[f"{prefix}REFRESH_TOKEN"],
            },
            timeout=5,
        )
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        url = f"{said[f'{prefix}API_URL']}/contacts"
        asked = {"status": "all", "limit": "500"}
        response = requests.get(url, params=asked, headers=headers, timeout=5)
        assert len(response.json()["contacts"]) == 24
        assert response.headers["Date"].startswith("Tue, 02 Jun 2026 12:00:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_ctrl_c_ends_it_in_peace() -> None:
    with running() as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_port_in_use_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert main(["--port", str(port), *SMALL]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        f"Cannot serve on port {port}: Address already in use.\n",
    )


def test_the_help_knows_every_switch(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for each in fields(Switches):
        assert f"--{each.name.replace('_', '-')}" in said
        assert each.metadata["grade"] in {"S", "G", "T", "L", "I"}


def test_options_become_switches(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Switches] = []

    def refuse(_: object, switches: Switches, *, port: int) -> None:
        seen.append(switches)
        raise SystemExit(port)

    monkeypatch.setattr("constantcontact_sandbox.__main__.Sandbox", refuse)
    with pytest.raises(SystemExit, match="81"):
        main(
            [
                *(
                    "--port",
                    "81",
                    *SMALL,
                    "--rotating-refresh-tokens",
                    "--no-minute-granular-times",
                ),
                *("--latency", "0.3", "--requests-per-second", "off", "--daily-quota", "7"),
                *("--withheld-privileges", "contacts:read,campaign:read", "--retry-after", "5"),
                *("--last-page", "rotating", "--invalid-grant-status", "401"),
                *("--report-stragglers", "0.25"),
            ]
        )
    assert seen == [
        Switches(
            rotating_refresh_tokens=True,
            minute_granular_times=False,
            latency=timedelta(seconds=0.3),
            requests_per_second=None,
            daily_quota=7,
            withheld_privileges=frozenset({"contacts:read", "campaign:read"}),
            retry_after=5,
            last_page="rotating",
            invalid_grant_status=401,
            report_stragglers=0.25,
        )
    ]


def test_without_options_the_switches_are_as_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Switches] = []

    def refuse(_: object, switches: Switches, *, port: int) -> None:
        seen.append(switches)
        raise SystemExit(port)

    monkeypatch.setattr("constantcontact_sandbox.__main__.Sandbox", refuse)
    with pytest.raises(SystemExit, match="8089"):
        main([*SMALL])
    assert seen == [Switches()]
