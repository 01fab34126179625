"""What is asked, and in which order.

A run is a sequence of stages. The units of a stage do not depend on each other's answers; a
stage is planned from what the stages before it have taught, so it is begun only when all of
their pages have been taken.

    small            lists: a call or two, which also tell the API's clock
    account          contacts, campaigns and when they were sent last
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
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from tap_constantcontact.ledger import Activity, Campaign
from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.streams.contacts import ContactLists, Contacts
from tap_constantcontact.streams.email_reports import (
    EMAIL_REPORTS,
    ROLES,
    EmailReport,
    EventReport,
)
from tap_constantcontact.streams.emails import CampaignActivities, CampaignLookup, Campaigns
from tap_constantcontact.streams.readings import ReportReading
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats, fingerprint
from tap_constantcontact.streams.summaries import CampaignSummaries
from tap_constantcontact.times import moment
from tap_constantcontact.units import Reading, ReportUnit, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_constantcontact.ledger import Ledger, Report
    from tap_constantcontact.settings import Settings

SENT = frozenset({"Done", "Executing"})
"""The statuses of campaigns that surely have counters."""

MAYBE_SENT = frozenset({"Error", "Removed"})
"""The statuses of campaigns that may have been sent before."""

SETTLE_RUNS = 3
"""Runs on which a report that falls short of its counter is tried, at least."""

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
        self._open: defaultdict[str, set[Unit]] = defaultdict(set)
        self._totals: dict[str, Row] = {}
        self._counters: dict[str, Row] = {}
        self._refused: list[list[str]] = []
        self._looked_up: set[str] = set()
        self._again: list[ReportUnit] = []

    # What is asked

    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield the stages of the run, each an iterable of units that is to be taken lazily."""
        yield self._small()
        yield self._account()
        if self._wants(self._activities):
            yield self._lookups(self._unremoved())
            yield self._details()
        if self._follows_activities or self._wants(self._campaign_stats):
            yield from self._total_counters()
        if not self._follows_activities:
            return
        moved = self._moved()
        yield self._lookups(moved)
        yield self._activity_counters(moved)
        exceeding = [key for key in moved if self._exceeds(key) and key not in self._looked_up]
        yield self._lookups(exceeding, again=True)
        yield self._details()
        yield self._activity_counters(exceeding)
        yield self._moved_reports(moved)
        yield self._shortfalls()

    def _small(self) -> Iterator[Unit]:
        if self._wants(self._lists):
            yield self._lists.of_channel("email")
            yield self._lists.of_channel("sms")

    def _account(self) -> Iterator[Unit]:
        if self._wants(self._contacts):
            yield from self._together(self._contacts.name, self._changed_contacts())
        if self._wanted - {self._lists.name, self._contacts.name}:
            yield self._campaigns.between(self._campaigns_since(), self._settings.end)
        if self._wanted & {self._summaries.name, self._activities.name} or self._follows_activities:
            yield self._summaries.all()

    def _changed_contacts(self) -> list[Unit]:
        """Return what reads the contacts that changed; now and then, all of them."""
        known = self._ledger.bookmark(self._contacts.name)
        whole, every = self._ledger.contacts_read_whole, self._settings.contacts_full_refresh
        overdue = every and (whole is None or self._now() - whole >= every)
        if known is None or overdue:
            return [self._contacts.all()]
        since = known - self._settings.lookback
        return [self._contacts.changed_since(since), self._contacts.opted_out_since(since)]

    def _campaigns_since(self) -> datetime | None:
        """Return since when changed campaigns are asked for.

        The bookmark says what rows went out; if none are wanted, what the ledger knows is
        enough.
        """
        known = (
            self._ledger.bookmark(self._campaigns.name)
            if self._wants(self._campaigns)
            else self._ledger.campaigns_read_until
        )
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
        culprits are found by halving, and remembered; those that may well be some are asked
        apart, so that the others need not be halved for them.
        """
        stream = self._campaign_stats
        certain, doubtful = [], []
        for key, campaign in self._ledger.campaigns.items():
            if campaign.status in SENT and not campaign.refused:
                certain.append(key)
            elif campaign.status in MAYBE_SENT and not campaign.refused:
                doubtful.append(key)
        size = stream.ids_a_call
        batches = [
            ids[start : start + size]
            for ids in (certain, doubtful)
            for start in range(0, len(ids), size)
        ]
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

        An activity that nobody was sent has counters, too, and moves no total.
        """
        totals = self._totals[campaign_id]
        gates: dict[str, int | str] = {
            report.name: totals[report.counter] or 0 for report in self._reports
        }
        if self._wants(self._activity_stats):
            of = len(self._reported(campaign_id))
            gates[self._activity_stats.name] = f"{fingerprint(totals)} of {of}"
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

    def _exceeds(self, campaign_id: str) -> bool:
        """Tell whether a campaign counts more than its known activities do: there is another."""
        return any(
            (self._totals[campaign_id][counter] or 0) > self._sum(campaign_id, counter)
            for counter in (report.counter for report in EMAIL_REPORTS)
        )

    def _sum(self, campaign_id: str, counter: str) -> int:
        rows = (self._counters.get(key, {}) for key in self._reported(campaign_id))
        return sum(row.get(counter) or 0 for row in rows)

    def _moved_reports(self, campaign_ids: Iterable[str]) -> Iterator[Unit]:
        for key in campaign_ids:
            for activity_id, activity in self._reported(key).items():
                for stream in self._reports:
                    report = activity.report(stream.name)
                    counter = self._counter(activity_id, stream)
                    if report.counter is None and counter == 0:
                        report.counter = 0
                    if report.counter != counter:
                        yield self._report(stream, activity_id, report)
            self._agree(key)

    def _report(self, stream: EmailReport, activity_id: str, report: Report) -> ReportUnit:
        refreshed = self._counters[activity_id].get("last_refresh_time")
        whole = not isinstance(stream, EventReport) or self._is_last_try(report)
        return ReportUnit(
            stream,
            about={"campaign_activity_id": activity_id},
            floor=None if whole else report.floor,
            as_of=moment(refreshed) if refreshed else None,
            lookback=self._settings.report_lookback,
            # Where equal events were torn apart by a page's end, they are not the next time.
            page_size=(stream.page_size or 0) - report.short_runs % 100,
        )

    def _shortfalls(self) -> Iterator[Unit]:
        for unit in self._again:
            yield replace(unit, floor=None, page_size=(unit.page_size or 0) - 1)

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
        elif unit.source is self._activity_stats:
            self._counters[row["campaign_activity_id"]] = row

    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn that a unit has been read to its end.

        Args:
            unit: The unit.
            reading: What turned its pages into rows.
            missing: Whether what it is about does not exist.
        """
        if unit.source is self._contacts:
            if self._last_of(self._contacts.name, unit):
                self._ledger.advance(self._contacts.name, "updated_at", self._now())
                if not unit.filters:
                    self._ledger.contacts_read_whole = self._now()
        elif unit.source is self._campaigns:
            self._campaigns_read()
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
        elif isinstance(unit, ReportUnit) and isinstance(reading, ReportReading):
            self._settle(unit, reading)

    def _note(self, row: Row) -> None:
        """Note a campaign as the list shows it."""
        kept = self._ledger.campaigns.get(row["campaign_id"])
        status, updated_at = row["current_status"] or "", row["updated_at"] or ""
        if kept is None:
            self._ledger.campaigns[row["campaign_id"]] = Campaign(status, updated_at)
        elif (kept.status, kept.updated_at) != (status, updated_at):
            kept.status, kept.updated_at, kept.refused = status, updated_at, False

    def _note_sent(self, row: Row) -> None:
        """Note when a campaign was sent last."""
        campaign = self._ledger.campaigns.get(row["campaign_id"])
        sent = row["last_sent_date"] or ""
        if campaign and campaign.last_sent_date != sent:
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
        stream = reading.report
        activity_id = unit.about["campaign_activity_id"]
        campaign_id = self._counters[activity_id]["campaign_id"]
        report = self._ledger.campaigns[campaign_id].activities[activity_id].report(stream.name)
        below = report.below if unit.floor else 0
        counted = stream.counted(reading, below)
        if isinstance(stream, EventReport):
            report.floor = reading.next_floor
            report.below = below + reading.rows_below_next
        counter = self._counter(activity_id, stream)
        if counted >= counter:
            report.counter, report.short_since, report.short_runs = counter, None, 0
        elif report.short_since is None and (unit.floor or reading.dropped):
            report.short_since = self._now()
            self._again.append(unit)
        elif self._is_last_try(report):
            LOGGER.warning(
                "%s of activity %s shows %d, its counter says %d: given up after %d runs.",
                stream.name,
                activity_id,
                counted,
                counter,
                report.short_runs,
            )
            report.counter, report.short_since, report.short_runs = counter, None, 0
        else:
            report.short_since = report.short_since or self._now()
            report.short_runs += 1
        self._agree(campaign_id)

    def _is_last_try(self, report: Report) -> bool:
        """Tell whether a report has been short for long enough: it is read whole, then left.

        Rows may lag behind counters for hours, which may be many runs or one.
        """
        if report.short_since is None or report.short_runs < SETTLE_RUNS:
            return False
        patience = max(self._settings.report_lookback, timedelta(hours=1))
        return self._now() - report.short_since >= patience

    def _agree(self, campaign_id: str) -> None:
        """Note the totals of a campaign at which all that follows them has been read."""
        seen = self._ledger.campaigns[campaign_id].seen
        reported = self._reported(campaign_id)
        complete = not self._exceeds(campaign_id)
        for name, value in self._gates(campaign_id).items():
            stream = self._streams[name]
            settled = all(
                not isinstance(stream, EmailReport)
                or activity.report(name).counter == self._counter(activity_id, stream)
                for activity_id, activity in reported.items()
            )
            if complete and settled:
                seen[name] = value

    # What is known

    def _wants(self, stream: ConstantContactStream) -> bool:
        return stream.name in self._wanted

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
            return campaign.status not in SENT, -moment(campaign.updated_at).timestamp(), key

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
