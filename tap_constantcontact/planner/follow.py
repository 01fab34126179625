"""What follows campaigns: their activities, the counters of these, and their reports."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.ledger import Activity, Outcome, Shortfall
from tap_constantcontact.planner.counters import SENT
from tap_constantcontact.planner.forecast import campaign_calls
from tap_constantcontact.planner.part import Part
from tap_constantcontact.streams.activities import (
    ACTIVITY_DETAILS,
    ActivityDetail,
    ActivitySet,
    CampaignActivities,
    CampaignActivityAbTests,
    CampaignActivitySchedules,
)
from tap_constantcontact.streams.email_reports import (
    RESEND,
    ROLES,
    DerivedReport,
    EmailDidNotOpens,
    EmailForwards,
    EmailReport,
    OpenersLookup,
)
from tap_constantcontact.streams.emails import CampaignLookup
from tap_constantcontact.streams.mismatches import Mismatch, SyncMismatches
from tap_constantcontact.streams.readings import ReportReading
from tap_constantcontact.streams.stats import CampaignActivityStats, batches
from tap_constantcontact.times import hour_of, moment
from tap_constantcontact.units import ReportUnit, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_constantcontact.ledger import Campaign, Report
    from tap_constantcontact.planner.counters import CountersPart
    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Row, Unit

AT_ONCE = 50
"""Campaigns of a backfill that are followed side by side: between two stages, requests wait for
the last answer of the first, some 2 of 100 seconds."""

LOGGER = logging.getLogger(__name__)


class FollowPart(Part):
    """Asks for what changed or moved of campaigns, and goes on until it is settled.

    First those that changed lately or were known: they are the increment. Then those that never
    were, the newest first, a few at a time: they are the backfill.
    """

    def __init__(self, brief: Brief, counters: CountersPart) -> None:
        super().__init__(brief)
        self._counters = counters
        self._lookup = CampaignLookup()
        self._details_wanted = {
            stream.name: stream
            for stream in map(brief.the, ACTIVITY_DETAILS)
            if brief.wants(stream)
        }
        self._activity_stats = brief.the(CampaignActivityStats)
        self._did_not_open = brief.the(EmailDidNotOpens)
        self._openers = OpenersLookup()
        listing, lookback = brief.ledger.listing, brief.settings.report_lookback
        self._known_at = listing.until - lookback if listing else None
        self._mismatches = brief.the(SyncMismatches)
        self._details_left: Counter[str] = Counter()
        self._shown: dict[Unit, list[str]] = {}
        self._looked_up: set[str] = set()
        self._again: list[ReportUnit] = []
        self._todo: list[str] = []
        self._is_blind = False
        self._unseen: set[str] = set()
        self._forbidden: set[str] = set()

    # What is asked

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield the stages of the increment, then those of the backfill."""
        if not self._brief.follows_campaigns:
            return
        self._find(self._standing())
        self._ledger.keep_up_with(frozenset(self._details_wanted))
        for key, campaign in self._ledger.campaigns.items():
            if campaign.status == "Removed":
                self._forget(key, set(campaign.shown))
            else:
                changed = campaign.may_have_changed(self._now())
                campaign.due |= changed & self._details_wanted.keys()
        due = self._newest_first(key for key in self._ledger.campaigns if self._is_due(key))
        backfill = [key for key in due if self._may_wait(self._ledger.campaigns[key])]
        waiting = set(backfill)
        increment = [key for key in due if key not in waiting]
        self._todo = [*increment, *backfill]
        yield from self._follow(increment, Work.INCREMENT)
        for start in range(0, len(backfill), AT_ONCE):
            yield from self._follow(backfill[start : start + AT_ONCE], Work.BACKFILL)

    @override
    def calls_left(self) -> float:
        """Return about how many calls the campaigns will take that are due still."""
        return sum(
            campaign_calls(
                self._ledger.campaigns[key],
                self._counters.totals[key] if self._counters.has_moved(key) else None,
                self._counters.followed(key),
                details=self._details_of(key) if self._has_details_due(key) else None,
            )
            for key in self._still_due()
        )

    def campaigns_left(self) -> int:
        """Return how many campaigns are due still."""
        return sum(1 for _ in self._still_due())

    def _still_due(self) -> Iterator[str]:
        return (key for key in self._todo if self._is_due(key))

    def _is_due(self, campaign_id: str) -> bool:
        return self._has_details_due(campaign_id) or self._counters.has_moved(campaign_id)

    def _has_details_due(self, campaign_id: str) -> bool:
        """Tell whether activities are to be read; a removed campaign has none any more."""
        campaign = self._ledger.campaigns[campaign_id]
        return bool(campaign.due) and campaign.status != "Removed"

    def _may_wait(self, campaign: Campaign) -> bool:
        return not campaign.seen and not campaign.is_fresh(self._now())

    def _follow(self, ids: list[str], work: Work) -> Iterator[Iterable[Unit]]:
        """Yield the stages that read all that is due of some campaigns."""
        yield self._lookups([key for key in ids if self._ledger.campaigns[key].lookup_due], work)
        moved = [key for key in ids if self._counters.has_moved(key)]
        yield [*self._details(ids, work), *self._activity_counters(moved, work)]
        if self._is_blind:
            return
        exceeding = [key for key in moved if self._may_have_more(key)]
        yield self._lookups(exceeding, work)
        yield [*self._details(exceeding, work), *self._activity_counters(exceeding, work)]
        for key in moved:
            self._settle_total(key)
        yield self._moved_reports(moved, work)
        again, self._again = self._again, []
        yield again
        yield self._moved_derived(moved, work)

    def _lookups(self, campaign_ids: Iterable[str], work: Work) -> Iterator[Unit]:
        for key in campaign_ids:
            yield self._lookup.of(key, work)

    def _details(self, campaign_ids: Iterable[str], work: Work) -> Iterator[Unit]:
        for key in campaign_ids:
            campaign = self._ledger.campaigns[key]
            if self._has_details_due(key) and not campaign.lookup_due:
                asked = self._details_of(key)
                self._details_left[key] = len(asked)
                self._forget(key, campaign.due - {stream.name for stream, _ in asked})
                if not asked:
                    self._details_read(campaign)
                for stream, activity_id in asked:
                    yield self._detail(stream, key, activity_id, work)

    def _details_of(self, campaign_id: str) -> list[tuple[ActivityDetail, str]]:
        """Return what is to be asked of which activities of a campaign."""
        campaign = self._ledger.campaigns[campaign_id]
        return [
            (stream, key)
            for key, activity in campaign.activities.items()
            for name, stream in self._details_wanted.items()
            if name in campaign.due and self._may_show(stream, campaign, key, activity)
        ]

    def _may_show(
        self, stream: ActivityDetail, campaign: Campaign, activity_id: str, activity: Activity
    ) -> bool:
        """Tell whether it makes sense to ask: the web page of an e-mail is never sent."""
        if not isinstance(stream, ActivitySet):
            return isinstance(stream, CampaignActivities) or activity.reports is not None
        may_show = True
        if isinstance(stream, CampaignActivitySchedules):
            may_show = campaign.status == "Scheduled"
        elif isinstance(stream, CampaignActivityAbTests):
            may_show = campaign.is_trial
        return may_show and activity_id == campaign.primary

    def _detail(
        self, stream: ActivityDetail, campaign_id: str, activity_id: str, work: Work
    ) -> Unit:
        included = isinstance(stream, CampaignActivities)
        include = self._settings.campaign_activity_include if included else ()
        unit = stream.of(campaign_id, activity_id, work, include=include)
        if isinstance(stream, ActivitySet):
            self._shown[unit] = []
        return unit

    def _activity_counters(self, campaign_ids: Iterable[str], work: Work) -> Iterator[Unit]:
        known = self._counters.activities
        ids = [
            activity
            for key in campaign_ids
            for activity in self._ledger.campaigns[key].reported
            if activity not in known
        ]
        for batch in batches(self._activity_stats, ids):
            yield self._activity_stats.of(batch, work)

    def _may_have_more(self, campaign_id: str) -> bool:
        """Tell whether a campaign may have activities that are not known yet."""
        campaign = self._ledger.campaigns[campaign_id]
        _, excess = self._counters.exceeding(campaign_id)
        if campaign_id in self._looked_up or excess <= campaign.excess:
            return False
        return campaign.short is None or campaign.short.is_worth_a_try(
            self._counters.total(campaign_id), self._now(), self._counters.settling
        )

    def _moved_reports(self, campaign_ids: Iterable[str], work: Work) -> Iterator[Unit]:
        for key in campaign_ids:
            for activity_id, activity in self._ledger.campaigns[key].reported.items():
                # An activity that was removed, or sent a moment ago, has no counters: not zero.
                if activity_id in self._counters.activities:
                    yield from self._reports_due(key, activity_id, activity, work)
            self._counters.agree(key)

    def _reports_due(
        self, campaign_id: str, activity_id: str, activity: Activity, work: Work
    ) -> list[Unit]:
        """Return the units that read those reports of an activity whose counters moved.

        A contact who forwards an e-mail again moves no counter. So as long as much is expected
        of it, its forwards are read whenever anything of its activity moved: they are taken for
        unread then, by the next run if this one ends before.
        """
        due: list[Unit] = []
        for stream in self._counters.followed(campaign_id):
            if not isinstance(stream, EmailReport):
                continue
            report = activity.report(stream.name)
            counter = self._counters.counter(activity_id, stream)
            if report.counter is None and counter == 0:
                report.counter = 0
            moved = report.is_due(counter, self._now(), self._counters.settling)
            seen = self._seen(stream, campaign_id, activity_id)
            if counter and seen and report.seen != seen:
                moved, report.counter = True, None
            if moved:
                due.append(self._report(stream, activity_id, report, work))
        return due

    def _seen(self, stream: EmailReport, campaign_id: str, activity_id: str) -> str:
        """Return the mark of all counters of an activity, where a report depends on them all."""
        campaign = self._ledger.campaigns[campaign_id]
        is_hot = campaign.is_hot(self._now(), self._settings.report_hot)
        if isinstance(stream, EmailForwards) and is_hot:
            return self._counters.mark_of_activity(activity_id)
        return ""

    def _report(
        self, stream: EmailReport, activity_id: str, report: Report, work: Work
    ) -> ReportUnit:
        """Return the unit that reads a report down to where it is known; sometimes, whole.

        Recipients are always read whole, and so is what counts fewer than before, or is tried
        for the last time.
        """
        refreshed = self._counters.activities[activity_id].get("last_refresh_time")
        counter = self._counters.counter(activity_id, stream)
        fewer = report.counter is not None and counter < report.counter
        last = report.short is not None and report.short.is_last(
            self._now(), self._counters.settling
        )
        return ReportUnit(
            stream,
            about={"campaign_activity_id": activity_id},
            work=work,
            floor=None if stream.counts_recipients or fewer or last else report.floor,
            as_of=moment(refreshed) if refreshed else None,
            lookback=self._settings.report_lookback,
        )

    def _moved_derived(self, campaign_ids: Iterable[str], work: Work) -> Iterator[Unit]:
        """Yield what the API makes of reports that moved, once these themselves are read.

        What it shows cannot be compared with anything, but it comes from the same events. Of an
        e-mail whose set was never read to its end, the last run may have written rows before it was
        killed: whoever has opened it since then is gone from these.
        """
        for key in campaign_ids:
            followed = set(self._counters.followed(key))
            for activity_id, activity in self._ledger.campaigns[key].reported.items():
                if activity_id not in self._counters.activities:
                    continue
                for stream in self._counters.derived:
                    read = activity.report(stream.name)
                    behind = any(
                        activity.report(source.name).counter
                        != self._counters.counter(activity_id, source)
                        for source in map(self._brief.the, stream.sources)
                        if source in followed
                    )
                    moved = read.is_due(
                        self._counters.counter(activity_id, stream),
                        self._now(),
                        self._counters.settling,
                    )
                    if stream in followed and moved and not behind:
                        known_at = read.floor or self._known_at
                        if stream is self._did_not_open and known_at:
                            yield self._openers.since(activity_id, known_at, work)
                        yield stream.of(activity_id, work)

    # What is learnt

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Learn which activities there are, what they count, and which things are shown."""
        if unit.source is self._lookup:
            for row in rows:
                self._learn(self._ledger.campaigns[unit.about["campaign_id"]], row)
        elif unit.source is self._activity_stats:
            self._counters.activities.update((row["campaign_activity_id"], row) for row in rows)
        elif isinstance(unit.source, ActivitySet):
            self._shown[unit] += map(unit.source.mark, rows)
        elif unit.source is self._openers:
            activity_id = unit.about["campaign_activity_id"]
            for row in rows:
                gone = self._did_not_open.gone(activity_id, row["contact_id"], self._now())
                self.found.append((self._did_not_open, gone))

    def _learn(self, campaign: Campaign, row: Row) -> None:
        """Note an activity; a new one that has reports makes what was read of them outdated."""
        if row["campaign_activity_id"] not in campaign.activities:
            has_reports = row["role"] in ROLES
            campaign.activities[row["campaign_activity_id"]] = Activity(
                {} if has_reports else None, is_resend=row["role"] == RESEND
            )
            if has_reports:
                campaign.due |= self._details_wanted.keys()

    @override
    def forbidden(self, unit: Unit) -> None:
        """Learn that nothing tells which activities moved, or who has opened one; or a detail.

        No report is read then, or settled; or who did not open that one is not. A detail stays
        due, and no other with it.
        """
        self._is_blind = self._is_blind or unit.source is self._activity_stats
        if unit.source is self._openers:
            self._unseen.add(unit.about["campaign_activity_id"])
        elif isinstance(unit.source, ActivityDetail):
            self._forbidden.add(unit.source.name)
            self._shown.pop(unit, None)
            self._detail_answered(unit)

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn how far what is followed has been read."""
        if unit.source is self._lookup:
            campaign_id = unit.about["campaign_id"]
            self._ledger.campaigns[campaign_id].lookup_due = False
            self._looked_up.add(campaign_id)
        elif isinstance(unit.source, ActivityDetail):
            if isinstance(unit.source, ActivitySet):
                self._show(unit.about["campaign_id"], unit.source, self._shown.pop(unit))
            self._detail_answered(unit)
        elif isinstance(unit.source, DerivedReport) and not missing:
            activity_id = unit.about["campaign_activity_id"]
            if unit.source is not self._did_not_open or activity_id not in self._unseen:
                self._derived_read(unit.source, activity_id)
        elif (
            isinstance(unit, ReportUnit)
            and isinstance(unit.source, EmailReport)
            and isinstance(reading, ReportReading)
            and not missing
        ):
            self._settle(unit.source, unit, reading)

    def _derived_read(self, stream: DerivedReport, activity_id: str) -> None:
        """Note at which counters was read what the API makes of reports.

        Where these themselves are not read, nothing says whether they agreed with their counters
        by then. So it is read again as often as what falls short.
        """
        campaign_id = self._counters.activities[activity_id]["campaign_id"]
        report = self._ledger.campaigns[campaign_id].activities[activity_id].report(stream.name)
        counter, now = self._counters.counter(activity_id, stream), self._now()
        settling = self._counters.settling
        followed = self._counters.followed(campaign_id)
        if all(source in followed for source in map(self._brief.the, stream.sources)) or (
            report.short and report.short.is_last(now, settling)
        ):
            report.counter, report.short = counter, None
        elif report.short is None or report.short.counter != counter:
            report.short = Shortfall(counter, counter, now)
        else:
            report.short.note_try(counter, now, settling)
        if stream is self._did_not_open:
            report.floor = hour_of(self._now() - self._settings.report_lookback)
        self._counters.agree(campaign_id)

    def _detail_answered(self, unit: Unit) -> None:
        """Note that a detail was read, or is forbidden."""
        campaign_id = unit.about["campaign_id"]
        self._details_left[campaign_id] -= 1
        if not self._details_left[campaign_id]:
            self._details_read(self._ledger.campaigns[campaign_id])

    def _details_read(self, campaign: Campaign) -> None:
        """Note that all details that were due have been read, but for those that are forbidden."""
        if campaign.due >= campaign.look & self._details_wanted.keys():
            campaign.looked = self._now() if campaign.is_open(self._now()) else None
        campaign.due &= self._forbidden

    def _forget(self, campaign_id: str, names: set[str]) -> None:
        """Note that nothing more is shown by streams that need not even be asked."""
        for name in names & self._ledger.campaigns[campaign_id].shown.keys():
            stream = self._details_wanted.get(name)
            if isinstance(stream, ActivitySet):
                self._show(campaign_id, stream, [])

    def _show(self, campaign_id: str, stream: ActivitySet, marks: list[str]) -> None:
        """Note what an e-mail shows; report what it showed before, and shows no more."""
        campaign = self._ledger.campaigns[campaign_id]
        for mark in campaign.shown.pop(stream.name, []):
            if mark not in marks and campaign.primary:
                row = stream.gone(campaign.primary, mark, self._now())
                self.found.append((stream, row))
        if marks:
            campaign.shown[stream.name] = marks

    def _settle_total(self, campaign_id: str) -> None:
        """Note whether a campaign counts no more than its activities; in the end, leave it."""
        campaign, total = self._ledger.campaigns[campaign_id], self._counters.total(campaign_id)
        counter, excess = self._counters.exceeding(campaign_id)
        excess, before = max(excess, 0), campaign.excess
        now, settling = self._now(), self._counters.settling
        if excess <= before:
            campaign.excess, campaign.short = excess, None
        elif campaign.short is None:
            campaign.short = Shortfall(total, total, now)
        elif campaign.short.is_last(now, settling):
            LOGGER.warning(
                "Campaign %s counts %d more than its activities: left at that.",
                campaign_id,
                excess,
            )
            campaign.since = campaign.since or campaign.short.since
            campaign.excess, campaign.short = excess, None
        else:
            campaign.short.note_try(total, now, settling)
        if campaign.since and campaign.short is None:
            campaign.expected = self._counters.totals[campaign_id][counter] or 0
            if campaign.excess != before:
                self._find([self._excess(campaign_id, campaign.since)])
            if not campaign.excess:
                campaign.expected, campaign.since = 0, None

    def _settle(self, stream: EmailReport, unit: ReportUnit, reading: ReportReading) -> None:
        """Compare a report with its counter, and note how far it is known."""
        activity_id = unit.about["campaign_activity_id"]
        campaign_id = self._counters.activities[activity_id]["campaign_id"]
        report = self._ledger.campaigns[campaign_id].activities[activity_id].report(stream.name)
        below = report.below if unit.floor else 0
        if not stream.counts_recipients:
            report.floor = reading.next_floor
            report.below = below + reading.rows_below_next
        counter, before = self._counters.counter(activity_id, stream), report.gap
        outcome = report.settle(
            stream.counted(reading, below), counter, self._now(), self._counters.settling
        )
        # Recipients are counted once however many rows they have: rows that may have been
        # dropped wrongly leave no shortfall there.
        torn = reading.dropped and (stream.counts_recipients or outcome is not Outcome.AGREES)
        partial = outcome is Outcome.SHORT and unit.floor
        again = stream.once_more(unit)
        if again and (torn or partial):
            self._again.append(replace(again, floor=None))
        report.seen = self._seen(stream, campaign_id, activity_id)
        if outcome is Outcome.LEFT:
            LOGGER.warning(
                "%s of activity %s shows %d rows fewer than its counter says: left at that.",
                stream.name,
                activity_id,
                report.gap,
            )
        if report.since and report.gap != before:
            self._find(
                [Mismatch(campaign_id, activity_id, stream.name, counter, report.gap, report.since)]
            )
            report.since = report.since if report.gap else None
        self._counters.agree(campaign_id)

    def _standing(self) -> Iterator[Mismatch]:
        """Yield what earlier runs have left at that.

        A report that is unread is about to show whether it still falls short.
        """
        for key, campaign in self._ledger.campaigns.items():
            if campaign.since:
                yield self._excess(key, campaign.since)
            for activity_id, activity in campaign.reported.items():
                for name, report in (activity.reports or {}).items():
                    if report.since and report.counter is not None:
                        yield Mismatch(
                            key, activity_id, name, report.counter, report.gap, report.since
                        )

    def _excess(self, campaign_id: str, since: datetime) -> Mismatch:
        """Return by how much a campaign counts more than its activities."""
        campaign, report = self._ledger.campaigns[campaign_id], self._activity_stats.name
        return Mismatch(campaign_id, campaign_id, report, campaign.expected, campaign.excess, since)

    def _find(self, mismatches: Iterable[Mismatch]) -> None:
        """Report mismatches, or that they are over."""
        if self._brief.wants(self._mismatches):
            self.found += [
                (self._mismatches, self._mismatches.found(each, self._now())) for each in mismatches
            ]

    def _newest_first(self, campaign_ids: Iterable[str]) -> list[str]:
        """Return campaigns in the order in which people wait for them: sent ones, newest first."""

        def order(key: str) -> tuple[bool, float, str]:
            campaign = self._ledger.campaigns[key]
            return campaign.status not in SENT, -campaign.dated.timestamp(), key

        return sorted(campaign_ids, key=order)
