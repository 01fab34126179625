"""What a run asks for each stream is what the table in README.md says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.streams import STREAMS
from tests.conftest import NOON
from tests.pipeline import chosen
from tests.running import TapRunner

if TYPE_CHECKING:
    from constantcontact_sandbox import Asked

README = Path(__file__).parent.parent.parent / "README.md"
LINE = r"^\| `(\w+)` \|.*\| (?:`([^`|]+)`: ([^|]+)|nothing more) \|$"
SAID = {
    name: (path, said)
    for name, path, said in re.findall(LINE, README.read_text(encoding="utf-8"), re.MULTILINE)
}
"""The path of each stream, and what the table says of its requests; both empty for none."""

ON_EACH_RUN = (
    "all",
    "what changed since the last run",
    "those of the last ten days",
    "of each chosen",
    "e-mails of scheduled campaigns, on each run",
)
WHERE_SOMETHING_MOVED = (
    "where ",
    "those that changed, one a call",
    "those of changed campaigns",
    "those of events that are read",
    "e-mails of changed campaigns that try",
)
"""How the table begins to say when a stream is asked for."""

SAYS_MORE = {"events", "campaign_activity_non_opener_resends"}
"""Streams of which the table says more: their own tests hold it to that."""


@dataclass(frozen=True)
class Runs:
    """What two runs asked, of which the second found nothing new."""

    first: list[Asked]
    quiet: list[Asked]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    account = Account.populate(seed=7, contacts=120, campaigns=24, clock=Clock(NOON))
    store = tmp_path_factory.mktemp("store")
    with Sandbox(account, Switches.unlimited()) as sandbox:
        tap = TapRunner(sandbox, store, chosen.settings(account))
        return Runs(tap.run().asked, tap.run().asked)


def of(asked: list[Asked], stream: str) -> list[Asked]:
    """Return the requests that are a stream's; another one may have the same path."""
    path, _ = SAID[stream]
    pattern = re.sub(r"\{\w+\}", "[^/]+", path)
    found = [call for call in asked if re.fullmatch(pattern, call.path)]
    if path == "/contacts":
        segments = stream == "segment_contacts"
        found = [call for call in found if ("segment_id" in call.query) == segments]
        found = [call for call in found if call.query.get("limit") != "1"]  # it counts, or probes
    return found


def test_the_table_says_it_of_every_stream() -> None:
    assert list(SAID) == [stream.name for stream in STREAMS]
    for name, (path, said) in SAID.items():
        known = said.startswith((*ON_EACH_RUN, *WHERE_SOMETHING_MOVED))
        assert known or not path or name in SAYS_MORE, name


@pytest.mark.parametrize("stream", [name for name, (path, _) in SAID.items() if path])
def test_a_first_run_asks_as_the_table_says(runs: Runs, stream: str) -> None:
    _, said = SAID[stream]
    asked = of(runs.first, stream)

    assert asked
    if "one call" in said:
        assert len(asked) == 1
    if "one a call" in said or "one activity a call" in said:
        assert len({call.path for call in asked}) == len(asked)
    if limit := re.search(r"(\d+) rows a call", said):
        begun = [call for call in asked if not {"cursor", "next", "page"} & call.query.keys()]
        assert {call.query.get("limit") for call in begun} == {limit[1]}
    if most := re.search(r"(\d+) ids a call", said):
        assert max(call.path.count(",") + 1 for call in asked) <= int(most[1])


@pytest.mark.parametrize("stream", sorted(SAID.keys() - SAYS_MORE))
def test_a_quiet_run_asks_again_only_where_the_table_says_so(runs: Runs, stream: str) -> None:
    path, said = SAID[stream]
    if said.startswith(ON_EACH_RUN):
        assert of(runs.quiet, stream)
    elif path:
        assert [call.path for call in of(runs.quiet, stream)] == []


def test_a_quiet_run_asks_for_nothing_else(runs: Runs) -> None:
    known = [call for stream, (path, _) in SAID.items() if path for call in of(runs.quiet, stream)]
    others = {call.path for call in runs.quiet} - {call.path for call in known}

    assert others == {"/automations/workflows", "/contacts/counts", "/events"}
