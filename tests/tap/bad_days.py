"""Each bad day there is, and what comes of it: the table in docs/reliability.md.

`python -m tests.tap.bad_days` writes the table anew; the test beside lives through each day and
compares it with its line.
"""

from __future__ import annotations

import contextlib
import copy
import re
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from tap_constantcontact.errors import TapError
from tap_constantcontact.login import Attempt
from tap_constantcontact.tap import TapConstantContact
from tests.browser import decide
from tests.pipeline.truth import KEYS
from tests.running import TapRunner, Writer, catalog
from tests.tap.certificates import behind_tls

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
HEADER = "| a bad day | what the user sees | exit code | rows lost | requests more |"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FOREVER = 1_000_000

OF_A_RUN = {"contact_counts"}
"""The streams whose rows another run cannot bring again."""


@dataclass
class Scene:
    """An account, a tap that reads it, and what a bad day may do to them."""

    tap: TapRunner
    patch: pytest.MonkeyPatch

    @property
    def sandbox(self) -> Sandbox:
        """The account behind the API."""
        return self.tap.sandbox

    def fault(self, path: str, kind: Any, *, times: int = FOREVER, **options: Any) -> None:
        """Let something go wrong with calls."""
        self.sandbox.faults.append(Fault(path=path, kind=kind, times=times, **options))


Happening = Callable[[Scene], "AbstractContextManager[object]"]


@dataclass(frozen=True)
class BadDay:
    """Something that goes wrong, until it is put right.

    Args:
        what: What it is, as the page says it.
        happens: Does it, and puts it right at its end.
    """

    what: str
    happens: Happening


@dataclass(frozen=True)
class Line:
    """What came of a bad day.

    Args:
        what: What it was.
        seen: The heading of docs/troubleshooting.md that the message has, or that all is well.
        exit_code: How the run ended.
        lost: Rows that the next run did not bring either.
        more: Requests of both runs beyond those of a run on a good day.
    """

    what: str
    seen: str
    exit_code: int
    lost: int
    more: int

    def __str__(self) -> str:
        return f"| {self.what} | {self.seen} | {self.exit_code} | {self.lost} | {self.more} |"


@contextmanager
def scene(folder: Path) -> Generator[Scene]:
    """A small account, always the same."""
    account = Account.populate(seed=7, contacts=60, campaigns=8, clock=Clock(NOON))
    switches = Switches(
        requests_per_second=None, token_requests_per_second=None, rotating_refresh_tokens=True
    )
    with Sandbox(account, switches) as sandbox, pytest.MonkeyPatch.context() as patch:
        yield Scene(TapRunner(sandbox, folder / "store"), patch)


def live_through(day: BadDay, folder: Path, said: Callable[[], str]) -> Line:
    """Run on a bad day, and once more when it is over.

    Args:
        day: The day.
        folder: For the stores.
        said: Returns what was logged since the last call.
    """
    with scene(folder / "good") as good:
        whole, asked, _ = run(good.tap)
    with scene(folder / "bad") as bad:
        said()
        with day.happens(bad):
            rows, first, error = run(bad.tap)
        warned = said()
        more, second, failed = run(bad.tap)
    assert failed is None, failed
    return Line(
        day.what,
        heading_of(str(error) if error else warned),
        error.exit_code if error else 0,
        len(whole - rows - more),
        first + second - asked,
    )


def run(tap: TapRunner) -> tuple[set[str], int, TapError | None]:
    """Run once; return the keys of the rows, how often the API was asked, and the error.

    The next run goes on from the STATE, if one was written.
    """
    writer, error, before = Writer(), None, len(tap.sandbox.asked)
    try:
        tap.make(writer=writer).sync_all()
    except TapError as raised:
        error = raised
    tap.state = next(
        (each["value"] for each in reversed(writer.messages) if each["type"] == "STATE"), tap.state
    )
    rows = {
        f"{each['stream']} {[each['record'][name] for name in KEYS[each['stream']]]}"
        for each in writer.messages
        if each["type"] == "RECORD" and each["stream"] not in OF_A_RUN
    }
    asked = sum("/oauth" not in call.path for call in tap.sandbox.asked[before:])
    return rows, asked, error


def heading_of(said: str) -> str:
    """Return the heading of docs/troubleshooting.md that what was said begins with."""
    text = (PAGE.parent / "troubleshooting.md").read_text(encoding="utf-8")
    found = [
        heading
        for heading in re.findall(r"^### (.+)$", text, flags=re.MULTILINE)
        if re.search(rf"(?m)^{'.+?'.join(map(re.escape, heading.split('…')))}(?=\W|$)", said)
    ]
    return max(found, key=lambda heading: len(heading.replace("…", "")), default="nothing")


# What may go wrong with the settings and the sign-in


def setting(**config: Any) -> Happening:
    """Settings that are wrong for a day."""

    @contextmanager
    def happens(at: Scene) -> Generator[None]:
        before = dict(at.tap.config)
        at.tap.config |= config
        yield
        at.tap.config.clear()
        at.tap.config |= before

    return happens


def fault(path: str, kind: Any, **options: Any) -> Happening:
    """Calls that go wrong for a day."""

    @contextmanager
    def happens(at: Scene) -> Generator[None]:
        at.fault(path, kind, **options)
        yield
        at.sandbox.faults.clear()

    return happens


def state(**kept: Any) -> Happening:
    """A state that is not ours for a day."""

    @contextmanager
    def happens(at: Scene) -> Generator[None]:
        at.tap.state = kept
        yield
        at.tap.state = {}

    return happens


def switch(**switches: Any) -> Happening:
    """An account that is set up otherwise for a day."""

    @contextmanager
    def happens(at: Scene) -> Generator[None]:
        before = {name: getattr(at.sandbox.switches, name) for name in switches}
        for name, value in switches.items():
            setattr(at.sandbox.switches, name, value)
        yield
        for name, value in before.items():
            setattr(at.sandbox.switches, name, value)

    return happens


@contextmanager
def fewer_scopes(at: Scene) -> Generator[None]:
    """Somebody signed in for less."""
    made = at.tap.make()
    scopes = ["contact_data", "offline_access"]
    attempt = Attempt.new(made.settings, "http://localhost/callback", scopes)
    answer = made.authenticator._endpoint.exchange(attempt.form(decide(attempt.address)))
    with setting(refresh_token=answer["refresh_token"])(at):
        yield


@contextmanager
def quota_gone(at: Scene) -> Generator[None]:
    """Others have used the calls of the day; the next day comes."""
    with switch(daily_quota=12)(at), setting(on_quota="fail")(at):
        yield
    at.sandbox.account.clock.advance(timedelta(hours=12))


@contextmanager
def wrong_clock(at: Scene) -> Generator[None]:
    """The clock of the machine is hours off."""
    real = TapRunner.make

    def make(*arguments: Any, **options: Any) -> TapConstantContact:
        made = real(*arguments, **options)
        clock = made.clock
        made.clock = lambda: clock() - timedelta(hours=5)
        return made

    with at.patch.context() as patch:
        patch.setattr(TapRunner, "make", make)
        yield


@contextmanager
def another_account(at: Scene) -> Generator[None]:
    """Somebody signed in to another account than that of the state."""
    made = at.tap.make()
    made.authenticator.access_token()
    grants = made.authenticator._grants
    grant = grants.kept() or {}
    grants.replace(grant["refresh_token"], {**grant, "account": {"id": "b1", "name": "Other"}})
    with state(bookmarks={}, ledger={"version": 1, "account": "a1"})(at):
        yield


@contextmanager
def unwritable_store(at: Scene) -> Generator[None]:
    """The disk is full."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with at.patch.context() as patch:
        patch.setattr("os.fsync", full)
        yield


@contextmanager
def older_catalog(at: Scene) -> Generator[None]:
    """The tap was upgraded, and the catalog was not."""

    def older(*arguments: Any, **options: Any) -> dict[str, Any]:
        made = copy.deepcopy(catalog(*arguments, **options))
        for each in made["streams"]:
            each |= {"key_properties": ["id"], "replication_method": "FULL_TABLE"}
            each["schema"]["properties"].pop("updated_at", None)
        made["streams"].append({"tap_stream_id": "webinars", "schema": {}, "metadata": []})
        return made

    with at.patch.context() as patch:
        patch.setattr("tests.running.catalog", older)
        yield


def file(option: str, text: str) -> Happening:
    """A file that is given, and is not what it should be."""

    @contextmanager
    def happens(at: Scene) -> Generator[None]:
        given = at.tap.store.with_name("given.json")
        given.parent.mkdir(exist_ok=True, parents=True)
        given.write_text(text, encoding="utf-8")

        def make(*_: Any, **__: Any) -> TapConstantContact:
            with given.open(encoding="utf-8") as opened:
                TapConstantContact.invoke(**{option: opened})
            raise AssertionError("the file was taken")

        with at.patch.context() as patch:
            patch.setattr(TapRunner, "make", make)
            yield
        assert given.read_text(encoding="utf-8") == text

    return happens


# What may go wrong on the way


@contextmanager
def silence(at: Scene) -> Generator[None]:
    """Answers that come too late."""
    at.patch.setattr(
        "tap_constantcontact.transport.TIMEOUT", urllib3.Timeout(connect=10, read=0.05)
    )
    with fault("^/emails$", "slow", seconds=0.5)(at):
        yield
    at.patch.setattr("tap_constantcontact.transport.TIMEOUT", urllib3.Timeout(connect=10, read=60))


@contextmanager
def untrusted_certificate(at: Scene) -> Generator[None]:
    """A proxy of the company's looks into connections."""
    with behind_tls(at.sandbox, at.tap.store.parent) as (url, _), setting(api_url=f"{url}/v3")(at):
        yield


# What may be wrong with an answer


def odd(name: str, value: Any) -> Callable[[Any], object]:
    """Return what puts something else into a field of the first row."""

    def edit(body: Any) -> None:
        body[next(iter(body))][0][name] = value

    return edit


def leads_to_itself(body: Any) -> None:
    """Let the next page be this one."""
    body["_links"] = {"next": {"href": "/v3/emails?next=x"}}


def leads_elsewhere(body: Any) -> None:
    """Write another host into the next link."""
    body["_links"] = {"next": {"href": "https://elsewhere.example.com/v3/emails?next=x"}}


BAD_DAYS = (
    BadDay("A client that nobody knows", setting(client_id="nobody")),
    BadDay("A client secret that is wrong", setting(client_secret="wrong")),
    BadDay("A refresh token that was revoked", setting(refresh_token="revoked")),
    BadDay("A setting that is misspelt", setting(start_dat="2026-01-01")),
    BadDay("A `start_date` in the future", setting(start_date="2999-01-01")),
    BadDay("A disk that is full", unwritable_store),
    BadDay("A scope that was not given", fewer_scopes),
    BadDay("A privilege that is missing", switch(withheld_privileges=frozenset({"campaign:read"}))),
    BadDay("An application that was deactivated", fault("^/(?!oauth)", "forbidden")),
    BadDay("The day's calls are used up", quota_gone),
    BadDay("Throttled for minutes", fault("^/emails$", "throttled")),
    BadDay("Throttled for a moment", fault("^/emails$", "throttled", times=2)),
    BadDay("The API is down: status 503", fault("^/emails$", "status_503")),
    BadDay("The API is down: a page for people, status 200", fault("^/emails$", "html_200")),
    BadDay("The API is down: a page for people, status 404", fault("^/emails$", "html_404")),
    BadDay("Connections that are cut", fault("^/emails$", "reset")),
    BadDay("Answers that never come", silence),
    BadDay("Answers that are cut short", fault("^/emails$", "drop_after_headers")),
    BadDay("A name that no server knows", setting(api_url="http://no-such-host.invalid/v3")),
    BadDay("A certificate that is not trusted", untrusted_certificate),
    BadDay("JSON that is cut short", fault("^/emails$", "truncated_json")),
    BadDay("JSON that is none", fault("^/emails$", "malformed_json")),
    BadDay(
        "A page that is its own next page", fault("^/emails$", "repeated", edit=leads_to_itself)
    ),
    BadDay("A next link to another host", fault("^/emails$", "edited", edit=leads_elsewhere)),
    BadDay("A redirect to another host", fault("^/emails$", "redirect")),
    BadDay(
        "A time that is a number", fault("^/emails$", "edited", edit=odd("updated_at", 20260601))
    ),
    BadDay(
        "Rows that are none",
        fault("^/emails$", "edited", edit=lambda body: body.update(campaigns="x")),
    ),
    BadDay(
        "Links that are none",
        fault("^/emails$", "edited", edit=lambda body: body.update(_links="x")),
    ),
    BadDay(
        "A text of 10 MB where a name should be",
        fault("^/emails$", "edited", edit=odd("name", "x" * 10_000_000), times=1),
    ),
    BadDay("A clock that is wrong", wrong_clock),
    BadDay("A catalog of an older version", older_catalog),
    BadDay("A catalog that is half-written", file("catalog", '{"streams": [{"tap_st')),
    BadDay("A catalog that is none", file("catalog", "[1]")),
    BadDay("A state that is half-written", file("state", '{"bookmarks": {"camp')),
    BadDay("A state that is none", file("state", "[1]")),
    BadDay(
        "A state of another tap",
        state(bookmarks={"contacts": {"replication_key_value": "2026-05-31T00:00:00Z"}}),
    ),
    BadDay("A state of an older version", state(bookmarks={}, ledger={"version": 0})),
    BadDay("A state that is damaged", state(bookmarks={}, ledger={"version": 1, "campaigns": [1]})),
    BadDay("A state of another account", another_account),
)


def main() -> None:
    """Write the table into the page."""
    import logging  # noqa: PLC0415 - only here

    lines: list[str] = []
    log: list[str] = []

    class Handler(logging.Handler):
        """Keeps what is said."""

        def emit(self, record: logging.LogRecord) -> None:
            log.append(record.getMessage())

    logging.getLogger().addHandler(Handler())

    def said() -> str:
        text = "\n".join(log)
        log.clear()
        return text

    for day in BAD_DAYS:
        folder = Path(tempfile.mkdtemp())
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder)
            lines.append(str(live_through(day, folder, said)))
            print(lines[-1])  # noqa: T201 - a command's output
    page = PAGE.read_text(encoding="utf-8")
    before, _, after = page.partition(HEADER)
    rest = after[after.index("\n\n") :]
    table = "\n".join([HEADER, "|---|---|---|---|---|", *lines])
    PAGE.write_text(f"{before}{table}{rest}", encoding="utf-8")


if __name__ == "__main__":
    main()
