"""The state: what has been read, and as of when.

    {"bookmarks": {"campaigns": {"replication_key": "updated_at", "replication_key_value": …}, …},
     "ledger": {"version": 1,
                "contacts": [{"read_whole": …, "pass": {"began": …, "done": [[[from, to], …]]},
                              "counts": {"lists": {<list_id>: …}, …}, …}],
                "segments": {<segment_id>: [[<contact_id>, …]]},
                "landing_pages": {<campaign_activity_id>: [{<stream>: <floor>, …}]},
                "deeds": [{"types": [<type>, …], "floors": {<contact_id>: <floor>, …}}],
                "texts": [{<contact_id>: <until>, …}],
                "news": [{<stream>: [<contact_id>, …]}],
                "forbidden": [{<stream>: …}],
                "listing": [{"until": …, "since": …, "before": …}],
                "events": {<event_id>: …},
                "details": [[<stream>, …]],
                "lists": {<stream>: …},
                "objects": {<stream>: [{"known": [[<id>, <changed>], …], "version": …}]},
                "campaigns": {<campaign_id>: [<sent>, <updated>, <seen>,
                                              {<campaign_activity_id>: […]}, {…}]}}}

Bookmarks are what every Singer tool knows. The ledger beside them holds, for each campaign,
the counters at which its reports were last whole, since nothing else tells that an old e-mail
was opened again. A settled campaign takes some 170 bytes: what is usual is left out, and what
everything has stands in lists of a fixed order. Of a campaign these are

    "2026-06-01T12:00Z"       when it was sent last; null if nothing says so
    421                       how many seconds later it changed; or when, where the first is null
    "q83vEjRW"                at which counters all was read that follows them, in few letters
    {<id>: […]}               its activities, but for those that repeat the e-mail
    {"resends": {…}, …}       whatever else there is to say; as a rule it is missing

and of an activity its reports in the order of `REPORTS`, each of them

    null                      never read
    1200                      whole when its counter was 1200
    [1200, 72, 700]           likewise; and 700 rows are older than the floor, 72 hours after the
                              hour in which the campaign was sent or, if that is null, changed
    [1200, 72]                likewise; and no row is older
    {"counter": 1200, …}      whatever else there is to say

`deeds` says until when it is known what chosen contacts did, `texts` until when what they agreed to
of text messages, and `news` of whom a run has learnt
something that a stream was not asked about yet: a run that ends before it gets there leaves them to
the next. A stream that is `forbidden` then is told of nobody more; the reports that are read
meanwhile say from where on they are to be read again once it is allowed. `events` says of each
event what its list showed of it when it was read, in few letters, and `lists` which objects a list
of several pages showed when it was read last. `details` says which of the streams that read single
activities were selected: where one of them is selected anew, all that it shows is due. Those that
are `due` of a campaign are told by their places in `DETAILS`.

Tools merge states key by key: Meltano lays that of a run that failed over the one before. What
says all there is of its part stands in a list, which is replaced as a whole: a member that is
left out is then gone. So can the states of runs over different campaigns be merged.

The ledger also decides when the state is worth a message.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_constantcontact.errors import StateError, UnexpectedAnswer
from tap_constantcontact.times import hour_of, moment, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

VERSION = 1

PARTS = ("bookmarks", "ledger")
"""What a state holds: one that holds other things alone is a file of another kind."""

REPORTS = (
    "email_sends",
    "email_opens",
    "email_clicks",
    "email_bounces",
    "email_optouts",
    "email_forwards",
    "email_links",
    "email_unique_opens",
    "email_did_not_opens",
)
"""The streams whose place in an activity's list is fixed; a new one is added at the end."""

SETS = frozenset({"email_did_not_opens"})
"""Those of `REPORTS` whose rows may go."""

SCHEDULES = "campaign_activity_schedules"
RESENDS = "campaign_activity_non_opener_resends"
DETAILS = (
    "campaign_activities",
    "campaign_activity_previews",
    SCHEDULES,
    "campaign_activity_send_history",
    RESENDS,
    "campaign_activity_ab_tests",
)
"""The streams that read what there is to say of single activities: their places are fixed, too."""

UNFINISHED = frozenset({"Draft", "Scheduled", "Executing"})
"""The statuses of campaigns whose activities may still change."""

RESENDABLE = timedelta(days=10)
"""How long after an e-mail was sent it may be sent to those who did not open it, at most."""

FIRST_LOOK = timedelta(hours=1)
"""When to look again, at the earliest, at what may change without a word."""

FRESH = timedelta(days=14)
"""How long after a campaign changed or was sent much of it is expected to move."""

FEW_ROWS = 450
"""Where fewer rows lie below the floor of an old report, reading it whole costs no call more."""

FIRST_TRY = 1 / 48
"""When a shortfall is tried again first, as a part of the time there is: of two days, an hour."""

STATE_SECONDS = 20
"""Seconds between two STATE messages, at least."""

HOUR = timedelta(hours=1)

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Settling:
    """How a shortfall is tried again: ever more rarely, and in the end not at all.

    Counters and what they count are refreshed apart, by minutes or by hours.

    Args:
        runs: On how many runs, 1 or more.
        within: The last try is this long after the shortfall was found.
    """

    runs: int
    within: timedelta

    def after(self, tries: int) -> timedelta:
        """Return how long after a shortfall was found the next try is due.

        >>> settling = Settling(runs=3, within=timedelta(hours=48))
        >>> [round(settling.after(tries) / timedelta(hours=1)) for tries in range(3)]
        [1, 7, 48]
        """
        left = self.runs - 1 - tries
        part: float = FIRST_TRY ** (left / (self.runs - 1)) if left else 1.0
        return self.within * part


@dataclass
class Shortfall:
    """Fewer than a counter says: what was read lags behind, or will never agree.

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

    def is_due(self, now: datetime, settling: Settling) -> bool:
        """Tell whether it is time to try again, though nothing has moved."""
        return now - self.since >= settling.after(min(self.tries, settling.runs - 1))

    def is_worth_a_try(self, counter: int, now: datetime, settling: Settling) -> bool:
        """Tell whether something has moved since the last try, or it is time anyway."""
        return counter != self.tried or self.is_due(now, settling)

    def note_try(self, counter: int, now: datetime, settling: Settling) -> None:
        """Note that it was tried, in vain; only tries that were due count."""
        self.tries += self.is_due(now, settling)
        self.tried = counter

    def is_last(self, now: datetime, settling: Settling) -> bool:
        """Tell whether the next try is the last."""
        return self.tries >= settling.runs - 1 and self.is_due(now, settling)


@dataclass
class Report:
    """How far one report of one activity has been read.

    Args:
        counter: The activity's counter at which there was nothing left to read.
        floor: Rows older than this are known, and are `below` in number; it is a full hour.
        below: How many rows lie below the floor.
        gap: By how much the rows were left to be fewer than the counter.
        since: Since when they are fewer.
        short: That they are fewer still.
        untold: How many rows lay below which floor when a stream was not told whom the rows above
            name, since it was forbidden; None if all were told.
        seen: At which counters of its activity it was read, in few letters, where it may have
            moved with any of them; it is forgotten once nothing much is expected any more.
    """

    counter: int | None = None
    floor: datetime | None = None
    below: int = 0
    gap: int = 0
    since: datetime | None = None
    short: Shortfall | None = None
    untold: tuple[int, datetime | None] | None = None
    seen: str = ""

    @classmethod
    def load(cls, state: Any, start: datetime) -> Report:  # noqa: ANN401 - JSON is anything
        """Read it from the state, in any of its forms.

        Args:
            state: What `dump` has returned.
            start: The hour that floors are told from.
        """
        if state is None or isinstance(state, int):
            return cls(counter=state)
        if isinstance(state, list):
            counter, hours, *others = state
            (below,) = others or [0]
            return cls(counter=counter, below=below, floor=start + hours * HOUR)
        below, floor = state.get("untold", (0, None))
        return cls(
            counter=state.get("counter"),
            floor=moment(state["floor"]) if "floor" in state else None,
            below=state.get("below", 0),
            gap=state.get("gap", 0),
            since=moment(state["since"]) if "since" in state else None,
            short=Shortfall.load(state["short"]) if "short" in state else None,
            untold=(below, floor and moment(floor)) if "untold" in state else None,
            seen=state.get("seen", ""),
        )

    def dump(self, start: datetime, *, cold: bool) -> Any:  # noqa: ANN401 - JSON is anything
        """Write it to the state, in its shortest form.

        Args:
            start: The hour that floors are told from.
            cold: Whether nothing much is expected of it any more.
        """
        below, floor = self.untold or (0, None)
        seen = "" if cold else self.seen
        if not (self.gap or self.short or self.untold or seen):
            if self.floor is None or (cold and self.below < FEW_ROWS):
                return self.counter
            hours = (self.floor - start) // HOUR
            return [self.counter, hours, *([self.below] if self.below else [])]
        return {
            **({"counter": self.counter} if self.counter is not None else {}),
            **({"floor": text_of(self.floor), "below": self.below} if self.floor else {}),
            **({"gap": self.gap} if self.gap else {}),
            **({"since": text_of(self.since)} if self.since else {}),
            **({"short": self.short.dump()} if self.short else {}),
            **({"untold": [below, floor and text_of(floor)]} if self.untold else {}),
            **({"seen": seen} if seen else {}),
        }

    def leave_untold(self) -> None:
        """Note that a stream is not told whom the rows above the floor name."""
        self.untold = self.untold or (self.below, self.floor)

    def read_untold_again(self) -> None:
        """Make what was left untold be due again, and nothing below it."""
        if self.untold:
            self.below, self.floor = self.untold
            self.counter = self.short = self.untold = None

    def is_due(self, counter: int, now: datetime, settling: Settling) -> bool:
        """Tell whether there is anything to read.

        Args:
            counter: What the activity's counter says now.
            now: The API's clock.
            settling: How a shortfall is tried again.
        """
        if counter == self.counter:
            return False
        return self.short is None or self.short.is_worth_a_try(counter, now, settling)

    def settle(self, counted: int, counter: int, now: datetime, settling: Settling) -> Outcome:
        """Compare what was read with the counter, and note what follows.

        Args:
            counted: The rows, in the counter's own measure.
            counter: What the activity's counter says.
            now: The API's clock.
            settling: How a shortfall is tried again.
        """
        if counted >= counter - self.gap:
            self.counter, self.short = counter, None
            self.gap = max(counter - counted, 0)
            return Outcome.AGREES
        if self.short is None or counted >= self.short.counter - self.gap:
            # What fell short before has come: these are other rows.
            self.short = Shortfall(counter, counter, now)
            return Outcome.SHORT
        if self.short.is_last(now, settling):
            self.since = self.since if self.gap else self.short.since
            self.counter, self.gap, self.short = counter, counter - counted, None
            return Outcome.LEFT
        self.short.note_try(counter, now, settling)
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
        reports: By stream, how far each has been read; None if it is of a kind that has none,
            such as the web page of an e-mail.
        is_resend: Whether it repeats the e-mail itself.
    """

    reports: dict[str, Report] | None = None
    is_resend: bool = False

    @classmethod
    def load(cls, state: list[Any] | None, start: datetime, *, is_resend: bool) -> Activity:
        """Read it from the state."""
        if state is None:
            return cls(is_resend=is_resend)
        kept = {name: Report.load(each, start) for name, each in zip(REPORTS, state, strict=False)}
        reports = {name: report for name, report in kept.items() if report != Report()}
        return cls(reports, is_resend=is_resend)

    def dump(self, start: datetime, *, cold: bool) -> list[Any] | None:
        """Write it to the state."""
        if self.reports is None:
            return None
        # Without a floor, whoever has gone from a set would be told to have gone again.
        found = [
            self.reports.get(name, Report()).dump(start, cold=cold and name not in SETS)
            for name in REPORTS
        ]
        while found and found[-1] is None:
            found.pop()
        return found

    def report(self, stream: str) -> Report:
        """Return how far a report has been read: not at all, if nothing is known.

        Raises:
            KeyError: The activity has no reports.
        """
        if self.reports is None:
            raise KeyError(stream)
        return self.reports.setdefault(stream, Report())


@dataclass
class Campaign:
    """A campaign as it was last seen.

    Args:
        status: `Draft`, `Scheduled`, `Executing`, `Done`, `Error` or `Removed`.
        updated: When it changed last; None if the API does not say.
        sent: When it was sent last, to the minute; None as long as nothing says so. A resend may
            move nothing else.
        is_trial: Whether it tries two subjects.
        lookup_due: Whether it changed since its activities were looked up.
        due: Those of `DETAILS` that are to be read since it changed.
        looked: When it was looked at last, as long as it may change without a word.
        shown: Of a stream that shows a set of things of the e-mail itself, those that it showed.
        activities: By id.
        refused: Whether the API had no counters of it, as it then was.
        seen: At which counters all was read that follows them, in few letters.
        abuse: Complaints, which only the summaries count in total.
        excess: By how much its counters were left to exceed those of its activities.
        expected: What the counter said then that exceeds them most.
        since: Since when they do.
        short: That they exceed them by more.
    """

    status: str
    updated: datetime | None = None
    sent: datetime | None = None
    is_trial: bool = False
    lookup_due: bool = True
    due: set[str] = field(default_factory=lambda: set(DETAILS))
    looked: datetime | None = None
    shown: dict[str, list[str]] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    refused: bool = False
    seen: str = ""
    abuse: int = 0
    excess: int = 0
    expected: int = 0
    since: datetime | None = None
    short: Shortfall | None = None

    def changed(self) -> None:
        """Note that it changed, and so may all that it consists of."""
        self.lookup_due, self.due = True, set(DETAILS)
        self.refused = False

    @property
    def dated(self) -> datetime:
        """When it was sent last, or else when it changed; long ago, if the API says neither."""
        return self.sent or self.updated or LONG_AGO

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether it changed or was sent a short while ago."""
        return now - max(self.updated or LONG_AGO, self.sent or LONG_AGO) <= FRESH

    def is_hot(self, now: datetime, hot: timedelta) -> bool:
        """Tell whether it was sent so short a while ago that much is expected of it."""
        return now - self.dated <= hot

    def is_open(self, now: datetime) -> bool:
        """Tell whether its activities may change without a word, or another one be wished for."""
        may_be_resent = self.sent is not None and now < self.sent + RESENDABLE
        return self.status in UNFINISHED or may_be_resent

    def is_worth_a_look(self, now: datetime) -> bool:
        """Tell whether to look at what may have changed without a word.

        It is looked at ever more rarely: when it has been left alone for as long as it had been
        when it was looked at last. And once more, when it can be sent again no more.
        """
        if self.looked is None:
            return False
        moved = max(self.updated or LONG_AGO, self.sent or LONG_AGO)
        due = self.looked + max(self.looked - moved, FIRST_LOOK)
        if self.sent and self.looked < self.sent + RESENDABLE:
            due = min(due, self.sent + RESENDABLE)
        return now >= due

    @property
    def look(self) -> frozenset[str]:
        """Those of `DETAILS` that may change without a word as long as it is open."""
        return frozenset(DETAILS if self.status in UNFINISHED else {RESENDS})

    def may_have_changed(self, now: datetime) -> set[str]:
        """Return those of `DETAILS` that are worth asking for, though nothing says so."""
        due = set(self.look) if self.is_worth_a_look(now) else set()
        if self.status == "Scheduled":
            due.add(SCHEDULES)
        is_wished = RESENDS in self.shown and not self.was_resent
        if is_wished and (self.is_open(now) if self.sent else self.is_fresh(now)):
            # A wish is withdrawn without a word; to send it moves `sent`.
            due.add(RESENDS)
        return due

    @property
    def reported(self) -> dict[str, Activity]:
        """Those of its activities that have reports, by id."""
        return {key: each for key, each in self.activities.items() if each.reports is not None}

    @property
    def primary(self) -> str | None:
        """The id of the e-mail itself, as far as it is known."""
        return next((key for key, each in self.reported.items() if not each.is_resend), None)

    @property
    def was_resent(self) -> bool:
        """Whether the e-mail is known to have been sent again."""
        return any(each.is_resend for each in self.activities.values())

    @classmethod
    def load(cls, state: list[Any]) -> Campaign:
        """Read it from the state."""
        sent, updated, seen, activities, *others = state
        (more,) = others or [{}]
        campaign = cls(
            status=more.get("status", "Done"),
            sent=sent and moment(sent),
            is_trial=more.get("trial", False),
            lookup_due=more.get("lookup_due", False),
            due={DETAILS[place] for place in more.get("due", ())},
            looked=moment(more["looked"]) if "looked" in more else None,
            shown={name: list(kept) for name, kept in more.get("shown", {}).items()},
            refused=more.get("refused", False),
            seen=seen,
            abuse=more.get("abuse", 0),
            excess=more.get("excess", 0),
            expected=more.get("expected", 0),
            since=moment(more["since"]) if "since" in more else None,
            short=Shortfall.load(more["short"]) if "short" in more else None,
        )
        if campaign.sent and updated is not None:
            campaign.updated = campaign.sent + timedelta(seconds=updated)
        else:
            campaign.updated = updated and moment(updated)
        for is_resend, found in ((False, activities), (True, more.get("resends", {}))):
            for key, kept in found.items():
                activity = Activity.load(kept, campaign._start, is_resend=is_resend)
                campaign.activities[key] = activity
        return campaign

    def dump(self, now: datetime) -> list[Any]:
        """Write it to the state, without what is usual."""
        cold = not self.is_fresh(now)
        due = [place for place, name in enumerate(DETAILS) if name in self.due]
        # Which activities have no reports matters only as long as they are to be read.
        kept = self.activities if "campaign_activities" in self.due else self.reported
        activities: dict[str, Any] = {}
        resends: dict[str, Any] = {}
        for key, activity in kept.items():
            found = resends if activity.is_resend else activities
            found[key] = activity.dump(self._start, cold=cold)
        more = {
            **({"status": self.status} if self.status != "Done" else {}),
            **({"trial": True} if self.is_trial else {}),
            **({"lookup_due": True} if self.lookup_due else {}),
            **({"due": due} if due else {}),
            **({"looked": text_of(self.looked)} if self.looked else {}),
            **({"shown": self.shown} if self.shown else {}),
            **({"refused": True} if self.refused else {}),
            **({"abuse": self.abuse} if self.abuse else {}),
            **({"excess": self.excess} if self.excess else {}),
            **({"expected": self.expected} if self.expected else {}),
            **({"since": text_of(self.since)} if self.since else {}),
            **({"short": self.short.dump()} if self.short else {}),
            **({"resends": resends} if resends else {}),
        }
        sent = f"{self.sent:%Y-%m-%dT%H:%MZ}" if self.sent else None
        return [sent, self._updated(), self.seen, activities, *([more] if more else [])]

    @property
    def _start(self) -> datetime:
        """The hour that the state tells floors from."""
        return hour_of(self.dated)

    def _updated(self) -> str | float | None:
        """Return when it changed, as the state says it."""
        if not (self.sent and self.updated):
            return text_of(self.updated) if self.updated else None
        seconds = (self.updated - self.sent).total_seconds()
        return int(seconds) if seconds.is_integer() else seconds


@dataclass(frozen=True)
class Listing:
    """What is known of the list of campaigns.

    Args:
        until: Until when its changes are known.
        since: Campaigns sent before then were not chosen; None if all were.
        before: Campaigns sent then or later were not chosen; None if all were.
    """

    until: datetime
    since: datetime | None = None
    before: datetime | None = None

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Listing:
        """Read it from the state."""
        since, before = state.get("since"), state.get("before")
        return cls(
            moment(state["until"]),
            since=moment(since) if since else None,
            before=moment(before) if before else None,
        )

    def dump(self) -> dict[str, Any]:
        """Write it to the state."""
        return {name: text_of(value) for name, value in vars(self).items() if value}

    def covers(self, since: datetime | None, before: datetime | None) -> bool:
        """Tell whether all campaigns that are chosen now were chosen then, too."""
        return (self.since is None or (since is not None and since >= self.since)) and (
            self.before is None or (before is not None and before <= self.before)
        )


@dataclass
class Pass:
    """A reading of all contacts, which may take several runs: window by window.

    Args:
        began: When it began, by the API's clock.
        done: For each batch of lists whose contacts are asked for, the windows of `created_at`
            that have been read, in order and apart; None stands for no bound. It is one batch
            where one call asks for all.
    """

    began: datetime
    done: list[list[Window]]

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Pass:
        """Read it from the state."""
        return cls(
            moment(state["began"]),
            [
                [(since and moment(since), until and moment(until)) for since, until in windows]
                for windows in state["done"]
            ],
        )

    def dump(self) -> dict[str, Any]:
        """Write it to the state."""
        done = [
            [[since and text_of(since), until and text_of(until)] for since, until in windows]
            for windows in self.done
        ]
        return {"began": text_of(self.began), "done": done}

    def note(self, batch: int, window: Window) -> None:
        """Note that a window of a batch has been read."""
        done = sorted(
            [*self.done[batch], window], key=lambda window: (window[0] is not None, window[0])
        )
        joined = [done[0]]
        for since, until in done[1:]:
            before, end = joined[-1]
            if end == since:
                joined[-1] = (before, until)
            else:
                joined.append((since, until))
        self.done[batch] = joined

    def left(self) -> list[tuple[int, Window]]:
        """Return the windows that are still to be read, each with its batch."""
        return [
            (batch, window)
            for batch, windows in enumerate(self.done)
            for window in _between(windows)
        ]


Window = tuple["datetime | None", "datetime | None"]
"""From when, inclusive, until when, exclusive; None for no bound."""


def _between(windows: Iterable[Window]) -> Iterator[Window]:
    """Yield what lies between some windows, before them and after them."""
    since: datetime | None = None
    for start, end in windows:
        if start != since:
            yield since, start
        if end is None:
            return
        since = end
    yield since, None


Counts = dict[str, dict[str, int]]
"""How many contacts each list, tag and status has: by kind, and by its name or id."""


@dataclass
class Crowd:
    """What is known of all contacts together.

    Args:
        read_whole: When all of them were last read, whatever their times say.
        begun: The reading of all of them that is under way.
        due: When something was found that only reading all of them brings, if it did not yet.
        counts: What lists, tags and statuses counted when it was last known what moved them.
        counted: When they did, by the API's clock.
        choice: Which contacts are kept, in a few letters: empty for all.
        sms_channel: Whether the API shows channels for text messages; None if nobody asked.
        columns: The columns of custom fields, by the field's id: name, type, what it offers, and
            whether it is gone.
    """

    read_whole: datetime | None = None
    begun: Pass | None = None
    due: datetime | None = None
    counts: Counts = field(default_factory=dict)
    counted: datetime | None = None
    choice: str = ""
    sms_channel: bool | None = None
    columns: dict[str, tuple[str, str, str, bool]] = field(default_factory=dict)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Crowd:
        """Read it from the state."""
        moments = {
            name: moment(state[name]) for name in ("read_whole", "due", "counted") if name in state
        }
        return cls(
            **moments,
            begun=Pass.load(state["pass"]) if "pass" in state else None,
            counts={kind: dict(sizes) for kind, sizes in state.get("counts", {}).items()},
            choice=state.get("choice", ""),
            sms_channel=state.get("sms_channel"),
            columns={key: (*column,) for key, column in state.get("columns", {}).items()},
        )

    def dump(self) -> dict[str, Any]:
        """Write it to the state."""
        moments = {"read_whole": self.read_whole, "due": self.due, "counted": self.counted}
        return {
            **{name: text_of(value) for name, value in moments.items() if value},
            **({"pass": self.begun.dump()} if self.begun else {}),
            **({"counts": self.counts} if self.counts else {}),
            **({"choice": self.choice} if self.choice else {}),
            **({"sms_channel": self.sms_channel} if self.sms_channel is not None else {}),
            **(
                {"columns": {key: [*each] for key, each in self.columns.items()}}
                if self.columns
                else {}
            ),
        }


@dataclass
class Objects:
    """Objects that are asked for one by one, where they changed.

    Args:
        known: When each of them had changed when it was read, by id.
        version: Which reading of the whole is under way, until all have been read once.
    """

    known: dict[Any, datetime] = field(default_factory=dict)
    version: int | None = None

    def has(self, key: Any, changed: str | None) -> bool:  # noqa: ANN401 - ids are text or numbers
        """Tell whether an object was read since it changed, as far as its list tells when."""
        return bool(changed) and self.known.get(key) == moment(str(changed))

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Objects:
        """Read it from the state."""
        known = {key: moment(changed) for key, changed in state["known"]}
        return cls(known, state.get("version"))

    def dump(self) -> dict[str, Any]:
        """Write it to the state: ids may be numbers, which JSON does not have as keys."""
        known = [[key, text_of(changed)] for key, changed in sorted(self.known.items())]
        return {"known": known, **({"version": self.version} if self.version else {})}


@dataclass
class Deeds:
    """Until when it is known what contacts did.

    Args:
        types: The types of deeds that were read.
        floors: What a contact did before then is known; by contact.
    """

    types: frozenset[str] = frozenset()
    floors: dict[str, datetime] = field(default_factory=dict)

    def keep_to(self, types: Iterable[str]) -> None:
        """Read these types from now on: if one of them is new, nothing is known of anybody."""
        wanted = frozenset(types)
        if not wanted <= self.types:
            self.floors.clear()
        self.types = wanted

    def reach_down(self, contact_id: str, floor: datetime) -> None:
        """Let a contact that is known be known no further than that."""
        self.floors[contact_id] = min(self.floors[contact_id], floor)

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Deeds:
        """Read them from the state."""
        floors = {key: moment(floor) for key, floor in state["floors"].items()}
        return cls(frozenset(state["types"]), floors)

    def dump(self) -> dict[str, Any]:
        """Write them to the state."""
        floors = {key: text_of(floor) for key, floor in sorted(self.floors.items())}
        return {"types": sorted(self.types), "floors": floors}


def check_is_state(document: object) -> None:
    """Make sure that a document may be a state.

    Raises:
        StateError: It is none.
    """
    if not isinstance(document, dict) or (document and document.keys().isdisjoint(PARTS)):
        raise damaged("its beginning")


def _is_of_another_tap(state: Mapping[str, Any]) -> bool:
    """Tell whether a state holds bookmarks alone: of what they cover, nothing else is known."""
    bookmarks = state.get("bookmarks") or {}
    begun = not isinstance(bookmarks, dict) or any(bookmarks.values())
    return begun and "ledger" not in state


def damaged(where: object) -> StateError:
    """Return the error that a state is not what the tap wrote.

    Args:
        where: What is missing or wrong.
    """
    return StateError(
        f"The state is damaged (at {where}): restore an older one, or run without a state"
        " (with Meltano: --full-refresh) to read everything anew."
    )


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
        kept = state.get("ledger", {"version": VERSION})
        if (
            _is_of_another_tap(state)
            or not isinstance(kept, dict)
            or kept.get("version") != VERSION
        ):
            raise StateError(
                "The state was written by another version of the tap:"
                " run without a state (with Meltano: --full-refresh) to read everything anew."
            )
        self._account: str | None = kept.get("account")
        self.mark: str | None = kept.get("mark")
        """What tells the state from others in `Traces`; None as long as there are none."""
        try:
            self._bookmarks = {
                name: (bookmark["replication_key"], moment(bookmark["replication_key_value"]))
                for name, bookmark in state.get("bookmarks", {}).items()
                if bookmark.get("replication_key_value")
            }
            (contacts,) = kept.get("contacts", [{}])
            self.crowd = Crowd.load(contacts)
            """What is known of all contacts together."""
            self.segments: dict[str, set[str]] = {
                key: set(members) for key, (members,) in kept.get("segments", {}).items()
            }
            """Who was in each chosen segment, by its id."""
            self.landing_pages: dict[str, dict[str, datetime]] = {
                key: {name: moment(floor) for name, floor in floors.items()}
                for key, (floors,) in kept.get("landing_pages", {}).items()
            }
            """Until when each chosen landing page is known, by its id and by stream."""
            (deeds,) = kept.get("deeds", [None])
            self.deeds = Deeds() if deeds is None else Deeds.load(deeds)
            """What is known of what contacts did."""
            (texts,) = kept.get("texts", [{}])
            self.texts: dict[str, datetime] = {key: moment(until) for key, until in texts.items()}
            """Until when the history of text messages is known of contacts, by id."""
            (news,) = kept.get("news", [{}])
            self.news: dict[str, set[str]] = {name: set(ids) for name, ids in news.items()}
            """Of which contacts a stream is still to be asked, by stream."""
            (forbidden,) = kept.get("forbidden", [{}])
            self.forbidden: dict[str, bool] = dict(forbidden)
            """The streams of `news` that were forbidden when they were asked last, and whether
            there was news since that they were not told."""
            (listing,) = kept.get("listing", [None])
            self.listing = None if listing is None else Listing.load(listing)
            """What is known of the list of campaigns, whether or not their stream is selected."""
            self.events: dict[str, str] = dict(kept.get("events", {}))
            """What their list showed of events when they were read, in few letters, by id."""
            (details,) = kept.get("details", [[]])
            self.details = frozenset[str](details)
            """Those of `DETAILS` that are kept up with."""
            self.lists: dict[str, str] = dict(kept.get("lists", {}))
            """Which objects lists of several pages showed last, in few letters, by stream."""
            self.objects: dict[str, Objects] = {
                name: Objects.load(objects) for name, (objects,) in kept.get("objects", {}).items()
            }
            """What is known of objects that are asked for one by one, by stream."""
            self.campaigns: dict[str, Campaign] = {
                key: Campaign.load(campaign) for key, campaign in kept.get("campaigns", {}).items()
            }
            """Those that are chosen, by id."""
        except (
            LookupError,
            TypeError,
            ValueError,
            OverflowError,
            AttributeError,
            UnexpectedAnswer,
        ) as error:
            raise damaged(error) from None
        self._clock = clock
        self._due_at = clock() + STATE_SECONDS

    def belongs_to(self, account: str | None) -> None:
        """Make sure that the state is of the account that is about to be read.

        Args:
            account: The account's id, if it is known: signing in tells it.

        Raises:
            StateError: The state is of another account.
        """
        if account and self._account and account != self._account:
            raise StateError(
                f"The state is of another account ({self._account}) than the one that is signed in"
                f" ({account}): give each account a state of its own, and a database or schema."
            )
        self._account = account or self._account

    def bookmark(self, stream: str) -> datetime | None:
        """Return until when a stream is known, or None if it never was read."""
        kept = self._bookmarks.get(stream)
        return kept[1] if kept else None

    def advance(self, stream: str, replication_key: str, until: datetime) -> None:
        """Move a bookmark forward; it never moves back."""
        before = self.bookmark(stream)
        self._bookmarks[stream] = (replication_key, max(before, until) if before else until)

    def read_untold_again(self) -> None:
        """Make due again what reports showed while a stream that is told of it was forbidden."""
        for campaign in self.campaigns.values():
            for activity in campaign.reported.values():
                for report in (activity.reports or {}).values():
                    if report.untold:
                        report.read_untold_again()
                        campaign.seen = ""

    def keep_up_with(self, details: frozenset[str]) -> None:
        """Note which of `DETAILS` are wanted: those that were not before are due everywhere."""
        new = details - self.details
        for campaign in self.campaigns.values():
            campaign.due = (campaign.due | new) & details
            # Activities that have no reports are not remembered once they have been read.
            campaign.lookup_due = campaign.lookup_due or "campaign_activities" in new
        self.details = details

    def state(self) -> dict[str, Any]:
        """Return the state as it stands, to be written as a STATE message."""
        contacts = self.crowd.dump()
        segments = {key: [sorted(members)] for key, members in sorted(self.segments.items())}
        landing_pages = {
            key: [{name: text_of(floor) for name, floor in sorted(floors.items())}]
            for key, floors in sorted(self.landing_pages.items())
        }
        texts = {key: text_of(until) for key, until in sorted(self.texts.items())}
        news = {name: sorted(ids) for name, ids in sorted(self.news.items())}
        forbidden = dict(sorted(self.forbidden.items()))
        objects = {name: [kept.dump()] for name, kept in sorted(self.objects.items())}
        now = self.listing.until if self.listing else LONG_AGO
        return {
            "bookmarks": {
                name: {"replication_key": key, "replication_key_value": text_of(value)}
                for name, (key, value) in sorted(self._bookmarks.items())
            },
            "ledger": {
                "version": VERSION,
                **({"account": self._account} if self._account else {}),
                **({"mark": self.mark} if self.mark else {}),
                **({"contacts": [contacts]} if contacts else {}),
                **({"segments": segments} if segments else {}),
                **({"landing_pages": landing_pages} if landing_pages else {}),
                **({"deeds": [self.deeds.dump()]} if self.deeds.types else {}),
                **({"texts": [texts]} if texts else {}),
                **({"news": [news]} if news else {}),
                **({"forbidden": [forbidden]} if news or forbidden else {}),
                **({"listing": [self.listing.dump()]} if self.listing else {}),
                **({"events": dict(sorted(self.events.items()))} if self.events else {}),
                **({"details": [sorted(self.details)]} if self.details else {}),
                **({"lists": dict(sorted(self.lists.items()))} if self.lists else {}),
                **({"objects": objects} if objects else {}),
                "campaigns": {
                    key: campaign.dump(now) for key, campaign in sorted(self.campaigns.items())
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
