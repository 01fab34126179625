"""The state: what has been read, and as of when.

    {"bookmarks": {"contacts": {"replication_key": "updated_at", "replication_key_value": …}, …},
     "ledger": {"version": 1,
                "contacts_read_whole": …,
                "campaigns_read_until": …,
                "campaigns": {<campaign_id>: {"status": …, "updated_at": …,
                                              "seen": {<stream>: <as of what>, …},
                                              "activities": {<campaign_activity_id>: {…}}}}}}

Bookmarks are what every Singer tool knows. The ledger beside them holds, for each campaign,
the counters at which its reports were last whole, since nothing else tells that an old e-mail
was opened again. It also decides when the state is worth a message.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_constantcontact.errors import StateError, UnexpectedAnswer
from tap_constantcontact.times import moment, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

VERSION = 1

STATE_SECONDS = 20
"""Seconds between two STATE messages, at least."""


@dataclass
class Report:
    """How far one report of one activity has been read.

    Args:
        counter: The activity's counter that the rows agreed with when they were last whole.
        floor: Rows older than this are known, and are `below` in number.
        below: How many rows lie below the floor.
        short_since: When the rows were first found fewer than the counter says.
        short_runs: On how many runs they were since.
    """

    counter: int | None = None
    floor: datetime | None = None
    below: int = 0
    short_since: datetime | None = None
    short_runs: int = 0

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Report:
        """Read it from the state."""
        return cls(
            counter=state.get("counter"),
            floor=moment(state["floor"]) if "floor" in state else None,
            below=state.get("below", 0),
            short_since=moment(state["short_since"]) if "short_since" in state else None,
            short_runs=state.get("short_runs", 0),
        )

    def dump(self) -> dict[str, Any]:
        """Write it to the state; what is not known is left out."""
        return {
            **({"counter": self.counter} if self.counter is not None else {}),
            **({"floor": text_of(self.floor), "below": self.below} if self.floor else {}),
            **(
                {"short_since": text_of(self.short_since), "short_runs": self.short_runs}
                if self.short_since
                else {}
            ),
        }


@dataclass
class Activity:
    """An activity of a campaign: one thing that is or was to be sent.

    Args:
        role: `primary_email`, `resend`, `permalink` …; only the first two have reports.
        reports: By stream, how far each has been read.
    """

    role: str
    reports: dict[str, Report] = field(default_factory=dict)

    def report(self, stream: str) -> Report:
        """Return how far a report has been read: not at all, if nothing is known."""
        return self.reports.setdefault(stream, Report())


@dataclass
class Campaign:
    """A campaign as it was last seen.

    Args:
        status: `Draft`, `Scheduled`, `Executing`, `Done`, `Error` or `Removed`.
        updated_at: As the API wrote it.
        seen: By stream, as of what the campaign's rows were last whole: its `version` for
            what follows the campaign, its counters for what follows those.
        activities: By id.
        refused: Whether the API has no counters of it, as of its `version`.
        last_sent_date: As the API wrote it, or empty. A resend may move nothing else.
    """

    status: str
    updated_at: str
    seen: dict[str, int | str] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    refused: bool = False
    last_sent_date: str = ""

    @property
    def version(self) -> str:
        """What changes whenever the campaign, or what it consists of, does."""
        return " ".join(filter(None, (self.updated_at, self.last_sent_date)))

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Campaign:
        """Read it from the state."""
        return cls(
            status=state["status"],
            updated_at=state["updated_at"],
            seen=dict(state.get("seen", {})),
            activities={
                key: Activity(
                    role=kept["role"],
                    reports={
                        name: Report.load(report)
                        for name, report in kept.get("reports", {}).items()
                    },
                )
                for key, kept in state.get("activities", {}).items()
            },
            refused=state.get("refused", False),
            last_sent_date=state.get("last_sent_date", ""),
        )

    def dump(self) -> dict[str, Any]:
        """Write it to the state."""
        activities = {}
        for key, activity in self.activities.items():
            reports = {name: report.dump() for name, report in activity.reports.items()}
            reports = {name: report for name, report in reports.items() if report}
            activities[key] = {
                "role": activity.role,
                **({"reports": reports} if reports else {}),
            }
        return {
            "status": self.status,
            "updated_at": self.updated_at,
            **({"last_sent_date": self.last_sent_date} if self.last_sent_date else {}),
            "seen": dict(self.seen),
            **({"activities": activities} if activities else {}),
            **({"refused": True} if self.refused else {}),
        }


class Ledger:
    """Owns the state of a run: loaded from the last one, written to the next.

    Args:
        state: The Singer state, as the last run left it; empty on the first.
        clock: Monotonic seconds.

    Raises:
        StateError: It is not a state that this version can go on from.
    """

    def __init__(
        self, state: Mapping[str, Any], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        kept = state.get("ledger") or {"version": VERSION}
        if not isinstance(kept, dict) or kept.get("version") != VERSION:
            raise StateError(
                "The state was written by another version of the tap:"
                " run without a state (with Meltano: --full-refresh) to read everything anew."
            )
        try:
            self._bookmarks = {
                name: (bookmark["replication_key"], moment(bookmark["replication_key_value"]))
                for name, bookmark in state.get("bookmarks", {}).items()
                if bookmark.get("replication_key_value")
            }
            whole = kept.get("contacts_read_whole")
            self.contacts_read_whole: datetime | None = moment(whole) if whole else None
            """When all contacts were last read, whatever their times say."""
            until = kept.get("campaigns_read_until")
            self.campaigns_read_until: datetime | None = moment(until) if until else None
            """Until when changed campaigns are known, whether or not their stream is selected."""
            self.campaigns: dict[str, Campaign] = {
                key: Campaign.load(campaign) for key, campaign in kept.get("campaigns", {}).items()
            }
        except (KeyError, TypeError, AttributeError, UnexpectedAnswer) as error:
            raise StateError(
                f"The state is damaged (at {error}): restore an older one, or run without a state"
                " (with Meltano: --full-refresh) to read everything anew."
            ) from None
        self._clock = clock
        self._due_at = clock() + STATE_SECONDS

    def bookmark(self, stream: str) -> datetime | None:
        """Return until when a stream is known, or None if it never was read."""
        kept = self._bookmarks.get(stream)
        return kept[1] if kept else None

    def advance(self, stream: str, replication_key: str, until: datetime) -> None:
        """Move a bookmark forward; it never moves back."""
        before = self.bookmark(stream)
        self._bookmarks[stream] = (replication_key, max(before, until) if before else until)

    def state(self) -> dict[str, Any]:
        """Return the state as it stands, to be written as a STATE message."""
        whole, until = self.contacts_read_whole, self.campaigns_read_until
        return {
            "bookmarks": {
                name: {"replication_key": key, "replication_key_value": text_of(value)}
                for name, (key, value) in sorted(self._bookmarks.items())
            },
            "ledger": {
                "version": VERSION,
                **({"contacts_read_whole": text_of(whole)} if whole else {}),
                **({"campaigns_read_until": text_of(until)} if until else {}),
                "campaigns": {
                    key: campaign.dump() for key, campaign in sorted(self.campaigns.items())
                },
            },
        }

    def due(self) -> bool:
        """Tell whether a STATE message is due, and count the time to the next one if so."""
        now = self._clock()
        if now < self._due_at:
            return False
        self._due_at = now + STATE_SECONDS
        return True
