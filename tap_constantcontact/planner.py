"""What is asked, and in which order.

A run is a sequence of stages. The units of a stage do not depend on each other's answers; a
stage is planned from what the stages before it have taught, so it is begun only when all of
their pages have been taken.

    account          lists, contacts, campaigns and when they were sent last
    contacts         all of them, when that is due
    look-ups         which activities the changed campaigns have; then the activities
    counters         the totals of all sent campaigns, 150 a call: their rows, and the gate
    moved            where a total moved, the counters of each activity, 10 a call
    reports          where an activity's counter moved, the report that it counts
    shortfalls       what did not agree with its counter, once more and whole
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

from tap_constantcontact.ledger import Activity, Campaign, Outcome, Shortfall
from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.streams.contacts import ContactLists, Contacts
from tap_constantcontact.streams.email_reports import EMAIL_REPORTS, ROLES, EmailReport
from tap_constantcontact.streams.emails import CampaignActivities, CampaignLookup, Campaigns
from tap_constantcontact.streams.readings import ReportReading
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats, fingerprint
from tap_constantcontact.streams.summaries import CampaignSummaries
from tap_constantcontact.times import moment
from tap_constantcontact.units import Reading, ReportUnit, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tap_constantcontact.ledger import Ledger, Report
    from tap_constantcontact.settings import Settings

SENT = frozenset({"Done", "Executing"})
"""The statuses of campaigns that surely have counters."""

MAYBE_SENT = frozenset({"Error", "Removed"})
"""The statuses of campaigns that may have been sent before."""

HOT = timedelta(days=14)
"""How long after a campaign changed or was sent its counters may still appear."""

MOST_SUMMARIES = 500
"""How many campaigns the summaries show at most."""

FOLLOWED = tuple(report.counter for report in EMAIL_REPORTS)
"""The counters of which a campaign has as many as its activities together."""

ODD_PAGE = 499
"""Rows a page where a report is read again: its pages end elsewhere than the first time."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)

LOGGER = logging.getLogger(__name__)

S = TypeVar("S", bound=ConstantContactStream)


class Planner:
    """Decides what is asked, and learns from what is answered.

    Args:
        streams: All streams, by name.
        wanted: The names of those whose rows are wanted.
        ledger: What is known from the runs before; it is told what this run learns.
        settings: How far back.
        now: The API's clock when the run began; known once it has answered.
    """

    def __init__(
        self,
        streams: Mapping[str, ConstantContactStream],
        wanted: Iterable[str],
        ledger: Ledger,
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        self._streams = streams
        self._wanted = frozenset(wanted)
        self._ledger = ledger
        self._settings = settings
        self._now = now
        self._lists = _the(ContactLists, streams)
        self._contacts = _the(Contacts, streams)
        self._campaigns = _the(Campaigns, streams)
        self._lookup = CampaignLookup()
        self._activities = _the(CampaignActivities, streams)
        self._summaries = _the(CampaignSummaries, streams)
        self._campaign_stats = _the(CampaignStats, streams)
        self._activity_stats = _the(CampaignActivityStats, streams)
        self._reports = [
            _the(report, streams) for report in EMAIL_REPORTS if report.name in self._wanted
        ]
        self._follows_activities = bool(self._reports) or self._wants(self._activity_stats)
        self._follows_counters = self._follows_activities or self._wants(self._campaign_stats)
        self._patience = max(settings.report_lookback, timedelta(hours=1))
        self._open: defaultdict[str, set[Unit]] = defaultdict(set)
        self._totals: dict[str, Row] = {}
        self._counters: dict[str, Row] = {}
        self._refused: list[list[str]] = []
        self._looked_up: set[str] = set()
        self._again: list[ReportUnit] = []
        self._contacts_again: list[Unit] = []
        self._summed_up = 0
        self._summaries_are_whole = False

    # What is asked

    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield the stages of the run, each an iterable of units that is to be taken lazily."""
        yield self._account()
        yield self._more_contacts()
        if self._wants(self._activities):
            yield self._lookups(self._unremoved())
            yield self._details()
        if self._follows_counters:
            yield from self._total_counters()
        if not self._follows_activities:
            return
        moved = self._moved()
        yield self._lookups(moved)
        yield self._activity_counters(moved)
        exceeding = [key for key in moved if self._may_have_more(key)]
        yield self._lookups(exceeding, again=True)
        yield self._details()
        yield self._activity_counters(exceeding)
        for key in moved:
            self._settle_total(key)
        yield self._moved_reports(moved)
        yield self._shortfalls()

    def _account(self) -> Iterator[Unit]:
        if self._wants(self._lists):
            yield self._lists.of_channel("email")
            yield self._lists.of_channel("sms")
        if self._wants(self._contacts):
            known = self._ledger.bookmark(self._contacts.name)
            since = known - self._settings.lookback if known else None
            yield from self._together(self._contacts.name, self._contacts_since(since))
        if self._wanted - {self._lists.name, self._contacts.name}:
            yield self._campaigns.between(self._campaigns_since(), self._settings.end)
        wanted = self._wants(self._summaries)
        if wanted or self._follows_counters or self._wants(self._activities):
            yield replace(self._summaries.all(), optional=not wanted)

    def _contacts_since(self, since: datetime | None) -> list[Unit]:
        if since is None:
            return [self._contacts.all()]
        return [self._contacts.changed_since(since), self._contacts.opted_out_since(since)]

    def _more_contacts(self) -> Iterator[Unit]:
        """Yield what only the first answers could tell: now and then, all contacts are due."""
        yield from self._contacts_again
        whole, every = self._ledger.contacts_read_whole, self._settings.contacts_full_refresh
        overdue = every and (whole is None or self._now() - whole >= every)
        if self._wants(self._contacts) and overdue:
            yield self._contacts.all()

    def _campaigns_since(self) -> datetime | None:
        """Return since when changed campaigns are asked for.

        The bookmark says what rows went out; if none are wanted, what the ledger knows is
        enough. A bookmark without a ledger is another tool's: it says nothing of the reports.
        """
        known = self._ledger.campaigns_read_until
        if known and self._wants(self._campaigns):
            known = self._ledger.bookmark(self._campaigns.name)
        return known - self._settings.lookback if known else self._settings.start

    def _unremoved(self) -> list[str]:
        campaigns = self._ledger.campaigns.items()
        return [key for key, campaign in campaigns if campaign.status != "Removed"]

    def _lookups(self, campaign_ids: Iterable[str], *, again: bool = False) -> Iterator[Unit]:
        """Yield look-ups of the campaigns that changed since their last one, sent ones first."""
        for key in self._newest_first(campaign_ids):
            campaign = self._ledger.campaigns[key]
            if again or campaign.seen.get("activities") != campaign.version:
                yield self._lookup.of(key)

    def _details(self) -> Iterator[Unit]:
        """Yield the activities of campaigns that changed since they were last read.

        Those of a removed campaign are not asked for: the API has none of them any more.
        """
        if not self._wants(self._activities):
            return
        for key in self._newest_first(self._unremoved()):
            campaign = self._ledger.campaigns[key]
            known = "activities" in campaign.seen
            if known and campaign.seen.get(self._activities.name) != campaign.version:
                units = [self._activities.of(key, activity) for activity in campaign.activities]
                yield from self._together(key, units)

    def _total_counters(self) -> Iterator[Iterable[Unit]]:
        """Yield the stages that read the total counters of all campaigns that were sent.

        One id that has no counters makes the API refuse all that were asked with it. The
        culprits are found by halving, and remembered. What was sent or changed lately may get
        counters yet: such ids are asked again, each alone.
        """
        stream, size = self._campaign_stats, self._campaign_stats.ids_a_call
        certain, dated, alone = [], [], []
        for key, campaign in self._ledger.campaigns.items():
            if campaign.status in SENT:
                if not campaign.refused:
                    certain.append(key)
                elif self._now() - self._last_moved(campaign) <= HOT:
                    alone.append(key)
            elif campaign.status in MAYBE_SENT and not campaign.refused:
                if campaign.last_sent_date:
                    dated.append(key)
                elif not self._summaries_are_whole:
                    alone.append(key)
        batches = [
            ids[start : start + size]
            for ids in (certain, dated)
            for start in range(0, len(ids), size)
        ] + [[key] for key in alone]
        while batches:
            self._refused = []
            yield [stream.of(batch) for batch in batches]
            batches = [
                half
                for batch in self._refused
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :])
                if half
            ]

    def _moved(self) -> list[str]:
        """Return the campaigns of which a counter moved that a wanted stream follows."""
        return self._newest_first(
            key
            for key in self._totals
            if any(
                self._ledger.campaigns[key].seen.get(name) != value
                for name, value in self._gates(key).items()
            )
        )

    def _gates(self, campaign_id: str) -> dict[str, int | str]:
        """Return, for each wanted stream that follows counters, what it follows.

        An activity that nobody was sent has counters, too, and moves no total; and of the
        complaints only the summaries have one.
        """
        totals = self._totals[campaign_id]
        gates: dict[str, int | str] = {
            report.name: totals[report.counter] or 0 for report in self._reports
        }
        if self._wants(self._activity_stats):
            of = len(self._reported(campaign_id))
            abuse = self._ledger.campaigns[campaign_id].abuse
            gates[self._activity_stats.name] = f"{fingerprint(totals)},{abuse} of {of}"
        return gates

    def _activity_counters(self, campaign_ids: Iterable[str]) -> Iterator[Unit]:
        ids = [
            activity
            for key in campaign_ids
            for activity in self._reported(key)
            if activity not in self._counters
        ]
        size = self._activity_stats.ids_a_call
        for start in range(0, len(ids), size):
            yield self._activity_stats.of(ids[start : start + size])

    def _may_have_more(self, campaign_id: str) -> bool:
        """Tell whether a campaign may have activities that are not known yet."""
        campaign = self._ledger.campaigns[campaign_id]
        if campaign_id in self._looked_up or self._excess(campaign_id) <= campaign.excess:
            return False
        return campaign.short is None or campaign.short.is_worth_a_try(
            self._total(campaign_id), self._now(), self._patience
        )

    def _excess(self, campaign_id: str) -> int:
        """Return by how much a campaign counts more than its known activities do."""
        rows = [self._counters.get(key, {}) for key in self._reported(campaign_id)]
        return max(
            (self._totals[campaign_id][counter] or 0) - sum(row.get(counter) or 0 for row in rows)
            for counter in FOLLOWED
        )

    def _total(self, campaign_id: str) -> int:
        return sum(self._totals[campaign_id][counter] or 0 for counter in FOLLOWED)

    def _settle_total(self, campaign_id: str) -> None:
        """Note whether a campaign counts no more than its activities; in the end, leave it."""
        campaign, total = self._ledger.campaigns[campaign_id], self._total(campaign_id)
        excess = self._excess(campaign_id)
        if excess <= campaign.excess:
            campaign.excess, campaign.short = max(excess, 0), None
        elif campaign.short is None:
            campaign.short = Shortfall(total, total, self._now())
        elif campaign.short.is_last(self._now(), self._patience):
            LOGGER.warning(
                "Campaign %s counts %d more than its activities: left at that.",
                campaign_id,
                excess,
            )
            campaign.excess, campaign.short = excess, None
        else:
            campaign.short.note_try(total, self._now(), self._patience)

    def _moved_reports(self, campaign_ids: Iterable[str]) -> Iterator[Unit]:
        for key in campaign_ids:
            for activity_id, activity in self._reported(key).items():
                if activity_id not in self._counters:
                    continue  # removed, or sent a moment ago: no counters is not zero
                for stream in self._reports:
                    report = activity.report(stream.name)
                    counter = self._counter(activity_id, stream)
                    if report.counter is None and counter == 0:
                        report.counter = 0
                    if report.is_due(counter, self._now(), self._patience):
                        yield self._report(stream, activity_id, report)
            self._agree(key)

    def _report(self, stream: EmailReport, activity_id: str, report: Report) -> ReportUnit:
        """Return the unit that reads a report down to where it is known; sometimes, whole.

        Recipients are always read whole, and so is what counts fewer than before, or is tried
        for the last time.
        """
        row = self._counters[activity_id]
        refreshed = row.get("last_refresh_time")
        fewer = report.counter is not None and self._counter(activity_id, stream) < report.counter
        last = report.short is not None and report.short.is_last(self._now(), self._patience)
        return ReportUnit(
            stream,
            about={"campaign_activity_id": activity_id},
            floor=None if stream.counts_recipients or fewer or last else report.floor,
            as_of=moment(refreshed) if refreshed else None,
            lookback=self._settings.report_lookback,
        )

    def _shortfalls(self) -> Iterator[Unit]:
        """Yield what fell short, whole, and in pages that end elsewhere."""
        for unit in self._again:
            yield replace(unit, floor=None, page_size=ODD_PAGE)

    # What is learnt

    def take(self, unit: Unit, row: Row) -> None:
        """Learn from a row that has been read."""
        if unit.source is self._campaigns:
            self._note(row)
        elif unit.source is self._summaries:
            self._note_sent(row)
        elif unit.source is self._lookup:
            self._learn(unit.about["campaign_id"], row)
        elif unit.source is self._campaign_stats:
            self._totals[row["campaign_id"]] = row
            self._ledger.campaigns[row["campaign_id"]].refused = False
        elif unit.source is self._activity_stats:
            self._counters[row["campaign_activity_id"]] = row

    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn that a unit has been read to its end.

        Args:
            unit: The unit.
            reading: What turned its pages into rows.
            missing: Whether there was nothing to read.
        """
        if unit.source is self._contacts:
            self._contacts_read(unit, reading)
        elif unit.source is self._campaigns:
            self._campaigns_read()
        elif unit.source is self._summaries:
            self._summaries_are_whole = not missing and self._summed_up < MOST_SUMMARIES
        elif unit.source is self._lookup:
            campaign = self._ledger.campaigns[unit.about["campaign_id"]]
            campaign.seen["activities"] = campaign.version
            self._looked_up.add(unit.about["campaign_id"])
        elif unit.source is self._activities:
            if self._last_of(unit.about["campaign_id"], unit):
                campaign = self._ledger.campaigns[unit.about["campaign_id"]]
                campaign.seen[self._activities.name] = campaign.version
        elif unit.source is self._campaign_stats and missing:
            self._refuse(unit.about["ids"].split(","))
        elif isinstance(unit, ReportUnit) and isinstance(reading, ReportReading) and not missing:
            self._settle(unit, reading)

    def _contacts_read(self, unit: Unit, reading: Reading) -> None:
        """Note until when contacts are known.

        Whoever opts in again leaves the list of those who opted out, and may push another one
        over the end of a page that is being read. So a list of several pages is read twice.
        """
        if "optout_after" in unit.filters and reading.pages > 1 and not self._contacts_again:
            self._contacts_again.append(replace(unit))
            self._open[self._contacts.name].update(self._contacts_again)
        if not unit.filters:
            self._ledger.contacts_read_whole = self._now()
        if self._last_of(self._contacts.name, unit):
            self._ledger.advance(self._contacts.name, "updated_at", self._now())

    def _note(self, row: Row) -> None:
        """Note a campaign as the list shows it."""
        kept = self._ledger.campaigns.get(row["campaign_id"])
        status, updated_at = row["current_status"] or "", row["updated_at"] or ""
        if kept is None:
            self._ledger.campaigns[row["campaign_id"]] = Campaign(status, updated_at)
        elif (kept.status, kept.updated_at) != (status, updated_at):
            kept.status, kept.updated_at, kept.refused = status, updated_at, False

    def _note_sent(self, row: Row) -> None:
        """Note when a campaign was sent last, and how many complained."""
        self._summed_up += 1
        campaign = self._ledger.campaigns.get(row["campaign_id"])
        if campaign is None:
            return
        campaign.abuse = row["unique_counts__abuse"] or 0
        sent = row["last_sent_date"] or ""
        if campaign.last_sent_date != sent:
            campaign.last_sent_date, campaign.refused = sent, False

    def _campaigns_read(self) -> None:
        until = min(self._now(), self._settings.end or self._now())
        self._ledger.campaigns_read_until = until
        if self._wants(self._campaigns):
            self._ledger.advance(self._campaigns.name, "updated_at", until)

    def _learn(self, campaign_id: str, row: Row) -> None:
        """Note an activity; a new one makes the campaign's activities outdated."""
        campaign = self._ledger.campaigns[campaign_id]
        if row["campaign_activity_id"] not in campaign.activities:
            campaign.activities[row["campaign_activity_id"]] = Activity(row["role"])
            campaign.seen.pop(self._activities.name, None)

    def _refuse(self, ids: list[str]) -> None:
        if len(ids) > 1:
            self._refused.append(ids)
        else:
            self._ledger.campaigns[ids[0]].refused = True

    def _settle(self, unit: ReportUnit, reading: ReportReading) -> None:
        """Compare a report with its counter, and note how far it is known."""
        stream, activity_id = reading.report, unit.about["campaign_activity_id"]
        campaign_id = self._counters[activity_id]["campaign_id"]
        report = self._ledger.campaigns[campaign_id].activities[activity_id].report(stream.name)
        below = report.below if unit.floor else 0
        if not stream.counts_recipients:
            report.floor = reading.next_floor
            report.below = below + reading.rows_below_next
        outcome = report.settle(
            stream.counted(reading, below),
            self._counter(activity_id, stream),
            self._now(),
            self._patience,
        )
        # Recipients are counted once however many rows they have: rows that may have been
        # dropped wrongly leave no shortfall there.
        torn = reading.dropped and (stream.counts_recipients or outcome is not Outcome.AGREES)
        partial = outcome is Outcome.SHORT and unit.floor
        if (torn or partial) and unit.page_size != ODD_PAGE:
            self._again.append(unit)
        if outcome is Outcome.LEFT:
            LOGGER.warning(
                "%s of activity %s shows %d rows fewer than its counter says: left at that.",
                stream.name,
                activity_id,
                report.gap,
            )
        self._agree(campaign_id)

    def _agree(self, campaign_id: str) -> None:
        """Note the totals of a campaign at which all that follows them has been read."""
        campaign = self._ledger.campaigns[campaign_id]
        reported = self._reported(campaign_id)
        for name, value in self._gates(campaign_id).items():
            stream = self._streams[name]
            settled = all(
                not isinstance(stream, EmailReport)
                or activity_id not in self._counters
                or activity.report(name).counter == self._counter(activity_id, stream)
                for activity_id, activity in reported.items()
            )
            if settled and campaign.short is None:
                campaign.seen[name] = value

    # What is known

    def _wants(self, stream: ConstantContactStream) -> bool:
        return stream.name in self._wanted

    @staticmethod
    def _last_moved(campaign: Campaign) -> datetime:
        """Return when a campaign changed or was sent last; long ago, if the API does not say."""
        times = filter(None, (campaign.updated_at, campaign.last_sent_date))
        return max(map(moment, times), default=LONG_AGO)

    def _reported(self, campaign_id: str) -> dict[str, Activity]:
        """Return those activities of a campaign that have reports, by id."""
        activities = self._ledger.campaigns[campaign_id].activities
        return {key: activity for key, activity in activities.items() if activity.role in ROLES}

    def _counter(self, activity_id: str, stream: EmailReport) -> int:
        row = self._counters.get(activity_id, {})
        return row.get(stream.counter) or 0

    def _newest_first(self, campaign_ids: Iterable[str]) -> list[str]:
        """Return campaigns in the order in which people wait for them: sent ones, newest first."""

        def order(key: str) -> tuple[bool, float, str]:
            campaign = self._ledger.campaigns[key]
            return campaign.status not in SENT, -self._last_moved(campaign).timestamp(), key

        return sorted(campaign_ids, key=order)

    def _together(self, name: str, units: list[Unit]) -> list[Unit]:
        """Remember units that are done only when all of them are."""
        self._open[name] = set(units)
        return units

    def _last_of(self, name: str, unit: Unit) -> bool:
        self._open[name].discard(unit)
        return not self._open[name]


def _the(kind: type[S], streams: Mapping[str, ConstantContactStream]) -> S:
    """Return the stream of a class."""
    return next(stream for stream in streams.values() if isinstance(stream, kind))
