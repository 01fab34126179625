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

import enum
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_constantcontact.errors import StateError, UnexpectedAnswer
from tap_constantcontact.times import moment, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

VERSION = 1

TRY_AFTER = (1 / 48, 1 / 12, 1 / 4, 1)
"""When a shortfall is tried again, as parts of the patience there is: of two days after an hour,
four, twelve, and in the end."""

STATE_SECONDS = 20
"""Seconds between two STATE messages, at least."""


@dataclass
class Shortfall:
    """Fewer than a counter says: what was read lags behind, or will never agree.

    Counters and what they count are refreshed apart, by minutes or by hours. So it is tried
    again after a while, ever more rarely, and in the end left at that.

    Args:
        counter: What was counted when it first fell short.
        tried: What was counted when it was tried last.
        since: When it first fell short.
        tries: How often it was due to be tried since.
    """

    counter: int
    tried: int
    since: datetime
    tries: int = 0

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Shortfall:
        """Read it from the state."""
        return cls(state["counter"], state["tried"], moment(state["since"]), state["tries"])

    def dump(self) -> dict[str, Any]:
        """Write it to the state."""
        return {**vars(self), "since": text_of(self.since)}

    def is_due(self, now: datetime, patience: timedelta) -> bool:
        """Tell whether it is time to try again, though nothing has moved."""
        return now - self.since >= patience * TRY_AFTER[self.tries]

    def is_worth_a_try(self, counter: int, now: datetime, patience: timedelta) -> bool:
        """Tell whether something has moved since the last try, or it is time anyway."""
        return counter != self.tried or self.is_due(now, patience)

    def note_try(self, counter: int, now: datetime, patience: timedelta) -> None:
        """Note that it was tried, in vain; only tries that were due count."""
        self.tries += self.is_due(now, patience)
        self.tried = counter

    def is_last(self, now: datetime, patience: timedelta) -> bool:
        """Tell whether the next try is the last."""
        return self.tries == len(TRY_AFTER) - 1 and self.is_due(now, patience)


@dataclass
class Report:
    """How far one report of one activity has been read.

    Args:
        counter: The activity's counter at which there was nothing left to read.
        floor: Rows older than this are known, and are `below` in number.
        below: How many rows lie below the floor.
        gap: By how much the rows were left to be fewer than the counter.
        short: That they are fewer still.
    """

    counter: int | None = None
    floor: datetime | None = None
    below: int = 0
    gap: int = 0
    short: Shortfall | None = None

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Report:
        """Read it from the state."""
        return cls(
            counter=state.get("counter"),
            floor=moment(state["floor"]) if "floor" in state else None,
            below=state.get("below", 0),
            gap=state.get("gap", 0),
            short=Shortfall.load(state["short"]) if "short" in state else None,
        )

    def dump(self) -> dict[str, Any]:
        """Write it to the state; what is not known is left out."""
        return {
            **({"counter": self.counter} if self.counter is not None else {}),
            **({"floor": text_of(self.floor), "below": self.below} if self.floor else {}),
            **({"gap": self.gap} if self.gap else {}),
            **({"short": self.short.dump()} if self.short else {}),
        }

    def is_due(self, counter: int, now: datetime, patience: timedelta) -> bool:
        """Tell whether there is anything to read.

        Args:
            counter: What the activity's counter says now.
            now: The API's clock.
            patience: For how long a shortfall is tried.
        """
        if counter == self.counter:
            return False
        return self.short is None or self.short.is_worth_a_try(counter, now, patience)

    def settle(self, counted: int, counter: int, now: datetime, patience: timedelta) -> Outcome:
        """Compare what was read with the counter, and note what follows.

        Args:
            counted: The rows, in the counter's own measure.
            counter: What the activity's counter says.
            now: The API's clock.
            patience: For how long a shortfall is tried.
        """
        if counted >= counter - self.gap:
            self.counter, self.short = counter, None
            self.gap = max(counter - counted, 0)
            return Outcome.AGREES
        if self.short is None or counted >= self.short.counter - self.gap:
            # What fell short before has come: these are other rows.
            self.short = Shortfall(counter, counter, now)
            return Outcome.SHORT
        if self.short.is_last(now, patience):
            self.counter, self.gap, self.short = counter, counter - counted, None
            return Outcome.LEFT
        self.short.note_try(counter, now, patience)
        return Outcome.STILL_SHORT


class Outcome(enum.Enum):
    """What comparing a report with its counter has shown."""

    AGREES = "agrees"
    SHORT = "falls short"
    STILL_SHORT = "still falls short"
    LEFT = "is left at that"


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
        abuse: Complaints, which only the summaries count in total.
        excess: By how much its counters were left to exceed those of its activities.
        short: That they exceed them by more.
    """

    status: str
    updated_at: str
    seen: dict[str, int | str] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    refused: bool = False
    last_sent_date: str = ""
    abuse: int = 0
    excess: int = 0
    short: Shortfall | None = None

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
            abuse=state.get("abuse", 0),
            excess=state.get("excess", 0),
            short=Shortfall.load(state["short"]) if "short" in state else None,
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
            **({"abuse": self.abuse} if self.abuse else {}),
            **({"excess": self.excess} if self.excess else {}),
            **({"short": self.short.dump()} if self.short else {}),
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
