"""A refresh token that works only once is never lost, whoever runs, is killed or signs in."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from constantcontact_sandbox import Fault
from tap_constantcontact.auth import Authenticator, Grants, grant_from
from tap_constantcontact.errors import GrantRefused, SignInNeeded, StoreError
from tests.running import TapRunner
from tests.tap.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from constantcontact_sandbox import Sandbox, Switches
    from tap_constantcontact.settings import Settings
    from tap_constantcontact.store import Document

DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("rotating")


@pytest.fixture
def rotating(switches: Switches) -> Switches:
    switches.rotating_refresh_tokens = True
    return switches


def token_calls(sandbox: Sandbox) -> list[int]:
    return [call.status for call in sandbox.asked if call.path.endswith("/token")]


def start(tap: TapRunner, folder: Path) -> subprocess.Popen[bytes]:
    """Start the tap in a process of its own."""
    folder.mkdir(exist_ok=True)
    config = folder / "config.json"
    config.write_text(json.dumps(tap.settings), encoding="utf-8")
    command = [sys.executable, "-m", "tap_constantcontact", "--config", str(config)]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ)
    )


def ended(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Wait for a process; return its exit code and what it said."""
    _, said = process.communicate(timeout=60)
    return process.returncode, said.decode()


# Processes


def test_two_runs_at_once_spend_one_token(
    tap: TapRunner, sandbox: Sandbox, where: str, tmp_path: Path
) -> None:
    tap.config["store"] = where
    sandbox.faults.append(Fault(path="/token$", kind="slow", seconds=2))

    runs = [start(tap, tmp_path / name) for name in ("one", "two")]
    assert [ended(run)[0] for run in runs] == [0, 0]
    assert token_calls(sandbox) == [200]


def killed_between_answer_and_write(tap: TapRunner, sandbox: Sandbox, folder: Path) -> None:
    """Kill a run once the server has replaced its token, before the answer has arrived."""
    sandbox.faults.append(Fault(path="/token$", kind="slow", seconds=60))
    run = start(tap, folder)
    ends = time.monotonic() + 30
    while not token_calls(sandbox) and time.monotonic() < ends:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    assert ended(run)[0] == -signal.SIGKILL
    sandbox.faults.clear()


def test_a_run_killed_between_the_answer_and_the_write_still_has_the_old_token(
    tap: TapRunner, sandbox: Sandbox, switches: Switches, where: str, tmp_path: Path
) -> None:
    switches.refresh_grace = timedelta(minutes=1)
    tap.config["store"] = where
    killed_between_answer_and_write(tap, sandbox, tmp_path / "run")

    assert ended(start(tap, tmp_path / "run"))[0] == 0
    assert token_calls(sandbox) == [200, 200]


def test_where_the_old_token_is_dead_the_run_says_so_in_one_line_and_asks_once(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path
) -> None:
    killed_between_answer_and_write(tap, sandbox, tmp_path / "run")

    code, said = ended(start(tap, tmp_path / "run"))
    assert code == SignInNeeded.exit_code
    last = said.strip().splitlines()[-1]
    assert last.endswith(
        "The sign-in is no longer valid (invalid_grant); sign in again: tap-constantcontact-login"
    )
    assert token_calls(sandbox) == [200, 400]


def test_an_answer_that_is_lost_on_its_way_is_met_with_the_old_token(
    tap: TapRunner, sandbox: Sandbox, switches: Switches
) -> None:
    switches.refresh_grace = timedelta(minutes=1)
    sandbox.faults.append(Fault(path="/token$", kind="drop_after_headers"))

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}
    assert token_calls(sandbox) == [200, 200]


# Machines


def test_machines_with_one_database_share_one_rotating_token(
    tap: TapRunner, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    other = TapRunner(sandbox, tmp_path / "other")
    for machine in (tap, other, tap):
        machine.config["store"] = postgres_url
        assert machine.run(select=["contact_lists"]).error is None
        sandbox.account.clock.advance(DAY)

    assert token_calls(sandbox) == [200, 200, 200]


def test_a_second_machine_with_a_store_of_its_own_is_told_to_sign_in(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path
) -> None:
    tap.run(select=["contact_lists"])
    second = TapRunner(sandbox, tmp_path / "second").run(fails=True)

    assert isinstance(second.error, GrantRefused)
    assert tap.run(select=["contact_lists"]).error is None


# The disk


def test_a_store_that_must_not_be_written_spends_no_token(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tap.make()
    made.store.get("grant")
    real = os.open

    def read_only(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if str(path).endswith(".new"):
            raise OSError(30, "Read-only file system")
        return real(path, flags, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr("os.open", read_only)
        with pytest.raises(StoreError, match=r"cannot be written \(Read-only file system\)"):
            made.authenticator.access_token()
    assert token_calls(sandbox) == []

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


# The token endpoint


def test_accounts_that_share_a_key_ask_for_tokens_one_a_second(
    tap: TapRunner, sandbox: Sandbox, switches: Switches
) -> None:
    switches.token_requests_per_second = 1
    switches.rotating_refresh_tokens = False
    for _ in range(3):
        made = tap.make()
        made.token_requests_per_second = 1
        made.authenticator.access_token()
        made.store.change(str(Grants(made.store, made.settings).key()), lambda *_: None)

    assert token_calls(sandbox) == [200, 200, 200]


@pytest.mark.parametrize("status", [400, 401])
def test_a_dead_token_is_known_by_its_words_not_by_its_status(
    tap: TapRunner, switches: Switches, sandbox: Sandbox, status: Any
) -> None:
    switches.invalid_grant_status = status
    tap.config["refresh_token"] = "dead"

    assert isinstance(tap.run(fails=True).error, GrantRefused)
    assert token_calls(sandbox) == [status]


# Any order of all of it


class Killed(BaseException):
    """A process ended here."""


class Server:
    """An authorization server whose refresh tokens work once.

    Args:
        grace: Whether the token before the present one is honoured, too.
    """

    def __init__(self, *, grace: bool) -> None:
        self.grace = grace
        self.now = 1e9
        self.serials = 0
        self.alive: list[str] = []
        self.access: dict[str, float] = {}
        self.meanwhile: list[Callable[[], object]] = []

    def sign_in(self) -> dict[str, Any]:
        """Begin a family: one that was before is over."""
        self.alive = []
        return self._answer()

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        token = form["refresh_token"]
        if token not in (self.alive if self.grace else self.alive[-1:]):
            raise GrantRefused("invalid_grant")
        answer = self._answer()
        for happens in self.meanwhile[:1]:
            self.meanwhile.clear()
            happens()
        return answer

    def accepts(self, access_token: str) -> bool:
        return self.access.get(access_token, 0) > self.now

    def _answer(self) -> dict[str, Any]:
        self.serials += 1
        self.alive = [*self.alive[-1:], f"refresh-{self.serials}"]
        self.access[f"access-{self.serials}"] = self.now + 86_400
        return {
            "access_token": f"access-{self.serials}",
            "refresh_token": self.alive[-1],
            "expires_in": 86_400,
        }


class Programs(RuleBasedStateMachine):
    """Programs that share a store, on machines that are killed, around people who sign in."""

    @initialize(grace=st.booleans())
    def begin(self, grace: bool) -> None:  # noqa: FBT001 - drawn
        self.server = Server(grace=grace)
        self.store = MemoryStore(lambda: self.server.now)
        self.given = str(self.server.sign_in()["refresh_token"])
        self.programs = [self.started() for _ in range(3)]
        self.lost = 0

    @property
    def grants(self) -> Grants:
        settings = SimpleNamespace(client_id="key", refresh_token=self.given)
        return Grants(self.store, cast("Settings", settings))

    @property
    def may_be_locked_out(self) -> bool:
        """Whether more answers were lost in a row than the server forgives."""
        return self.lost > self.server.grace

    def started(self) -> Authenticator:
        return Authenticator(self.grants, self.server, clock=lambda: self.server.now)

    def token(self, program: Authenticator) -> str:
        """Return an access token that the API accepts, as the transport gets one."""
        while not self.server.accepts(token := program.access_token()):
            program.renew(refused=token)
        return token

    @rule(which=st.integers(0, 2))
    def use(self, which: int) -> None:
        try:
            assert self.server.accepts(self.token(self.programs[which]))
        except SignInNeeded:
            assert self.may_be_locked_out
        else:
            if (self.grants.kept() or {}).get("refresh_token") == self.server.alive[-1]:
                self.lost = 0

    @rule()
    def let_a_day_pass(self) -> None:
        self.server.now += 86_400

    @rule()
    def end_all_access_tokens(self) -> None:
        self.server.access.clear()

    @rule(which=st.integers(0, 2))
    def restart(self, which: int) -> None:
        self.programs[which] = self.started()

    @rule(which=st.integers(0, 2), after=st.integers(0, 2))
    def kill(self, which: int, after: int) -> None:
        """Kill a program at one of its writes, which has then not been made."""
        real, writes = self.store._change, []

        def dying(
            key: str, change: Callable[[str | None, float], str | None], *, lasting: bool
        ) -> None:
            writes.append(key)
            if len(writes) > after:
                raise Killed
            real(key, change, lasting=lasting)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self.store, "_change", dying)
            before = self.server.serials
            try:
                self.token(self.programs[which])
            except Killed:
                self.lost += self.server.serials > before
            except SignInNeeded:
                assert self.may_be_locked_out
        self.restart(which)

    @rule(which=st.integers(0, 2), other=st.integers(0, 2))
    def let_another_renew_though_the_lock_is_held(self, which: int, other: int) -> None:
        """The lock was lost: its server ended it because its holder hung."""
        if which == other:
            return

        def renew() -> None:
            # It may be told that the token is dead, and must do no harm by that.
            with contextlib.suppress(SignInNeeded):
                self.started().renew(refused="")
                self.token(self.started())

        self.server.access.clear()
        self.server.meanwhile = [renew]
        self.use(which)
        self.server.meanwhile = []

    @rule(which=st.integers(0, 2))
    def sign_in_while_another_renews(self, which: int) -> None:
        self.server.access.clear()
        self.server.meanwhile = [self.sign_in]
        self.use(which)
        self.server.meanwhile = []

    @rule()
    def sign_in(self) -> None:
        self.grants.sign_in(self.grant())
        self.lost = 0

    @rule()
    def give_a_new_token_in_the_settings(self) -> None:
        self.given = str(self.server.sign_in()["refresh_token"])
        self.programs = [self.started() for _ in range(3)]
        self.lost = 0

    @invariant()
    def the_store_is_valid(self) -> None:
        for key in getattr(self, "store", MemoryStore()).texts:
            assert isinstance(self.store.get(key), dict)

    def grant(self) -> Document:
        return grant_from(self.server.sign_in(), self.server.now)


TestPrograms = Programs.TestCase
TestPrograms.settings = hypothesis_settings(
    max_examples=int(os.environ.get("ORDER_EXAMPLES", "60")), stateful_step_count=25, deadline=None
)


def test_the_token_before_is_tried_once_where_the_present_one_is_dead() -> None:
    server = Server(grace=True)
    first = grant_from(server.sign_in(), server.now)
    second = grant_from(server.exchange(first), server.now, first)
    grants = Grants(
        MemoryStore(lambda: server.now),
        cast("Settings", SimpleNamespace(client_id="key", refresh_token=None)),
    )
    grants.sign_in(second)
    server.alive.remove(second["refresh_token"])

    token = Authenticator(grants, server, clock=lambda: server.now + 2 * 86_400).access_token()
    assert server.accepts(token)
    kept = grants.kept() or {}
    assert (kept["previous"], kept["refresh_token"]) == ("refresh-2", "refresh-3")
