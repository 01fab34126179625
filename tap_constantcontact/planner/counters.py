"""The counters of campaigns and of their activities: what has moved, and what it cost to see it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.ledger import Settling
from tap_constantcontact.planner.part import Part, mark_of
from tap_constantcontact.streams.email_reports import (
    DERIVED_REPORTS,
    EMAIL_REPORTS,
    DerivedReport,
    EmailForwards,
    EmailReport,
    counters,
)
from tap_constantcontact.streams.stats import (
    COUNTERS,
    CampaignActivityStats,
    CampaignStats,
    batches,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_constantcontact.ledger import Campaign
    from tap_constantcontact.planner.campaigns import CampaignsPart
    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Row, Unit

SENT = frozenset({"Done", "Executing"})
"""The statuses of campaigns that surely have counters."""

MAYBE_SENT = frozenset({"Error", "Removed"})
"""The statuses of campaigns that may have been sent before."""

FOLLOWED = tuple(report.counter for report in EMAIL_REPORTS)
"""The counters of which a campaign has as many as its activities together."""


class CountersPart(Part):
    """Asks for the total counters of all campaigns that were sent: rows, and the gate.

    What nobody opened, clicked or left since the last run need not be asked about. Which
    activity of a campaign moved, `FollowPart` finds out; its answers are kept here, too.
    """

    def __init__(self, brief: Brief, campaigns: CampaignsPart) -> None:
        super().__init__(brief)
        self._campaigns = campaigns
        self._stream = brief.the(CampaignStats)
        self._activity_stats = brief.the(CampaignActivityStats)
        self.reports: list[EmailReport] = [
            brief.the(report) for report in EMAIL_REPORTS if report.name in brief.wanted
        ]
        """The reports that are wanted."""
        self.derived: list[DerivedReport] = [
            brief.the(report) for report in DERIVED_REPORTS if report.name in brief.wanted
        ]
        """What is wanted of that which the API makes of them."""
        self.follows_reports = bool(self.reports or self.derived)
        self.follows_activities = self.follows_reports or brief.wants(self._activity_stats)
        """Whether anything is wanted that counters of activities tell of."""
        self.follows_counters = self.follows_activities or brief.wants(self._stream)
        """Whether the total counters are wanted."""
        self.settling = Settling(
            self._settings.report_settle_runs,
            max(self._settings.report_lookback, timedelta(hours=1)),
        )
        self.totals: dict[str, Row] = {}
        """The counters of campaigns that this run has read, by id."""
        self.activities: dict[str, Row] = {}
        """The counters of activities that this run has read, by id."""
        self._refused: list[list[str]] = []

    # The totals

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield the stages that read the total counters of all campaigns that were sent.

        One id that has no counters makes the API refuse all that were asked with it. The
        culprits are found by halving, and remembered. What was sent or changed lately may get
        counters yet: such ids are asked again, each alone.
        """
        if not self.follows_counters:
            return
        certain, probable, alone = self.candidates()
        left = [
            *batches(self._stream, certain),
            *batches(self._stream, probable),
            *([key] for key in alone),
        ]
        while left:
            self._refused = []
            yield [self._stream.of(batch) for batch in left]
            left = [
                half
                for batch in self._refused
                for half in (batch[: len(batch) // 2], batch[len(batch) // 2 :])
                if half
            ]

    def candidates(self) -> tuple[list[str], list[str], list[str]]:
        """Return the campaigns that surely have counters, that probably do, and that may.

        One that is being sent has none before the first e-mail has gone out.
        """
        certain: list[str] = []
        probable: list[str] = []
        alone: list[str] = []
        for key, campaign in self._ledger.campaigns.items():
            if self.is_sent(campaign):
                (certain if campaign.status == "Done" else probable).append(key)
            elif campaign.status in SENT:
                if campaign.is_fresh(self._now()):
                    alone.append(key)
            elif (
                campaign.status in MAYBE_SENT
                and not campaign.refused
                and not self._campaigns.summaries_are_whole
            ):
                alone.append(key)
        return certain, probable, alone

    @staticmethod
    def is_sent(campaign: Campaign) -> bool:
        """Tell whether a campaign should have counters."""
        sent = campaign.status in SENT or (campaign.status in MAYBE_SENT and bool(campaign.sent))
        return sent and not campaign.refused

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Keep the counters of campaigns."""
        for row in rows:
            self.totals[row["campaign_id"]] = {name: row[name] for name in COUNTERS}
            self._ledger.campaigns[row["campaign_id"]].refused = False

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Note which ids the API refuses."""
        if missing:
            ids = unit.about["ids"].split(",")
            if len(ids) > 1:
                self._refused.append(ids)
            else:
                self._ledger.campaigns[ids[0]].refused = True

    # What they tell

    def has_moved(self, campaign_id: str) -> bool:
        """Tell whether something may have happened that a wanted stream shows."""
        if not self.follows_activities or campaign_id not in self.totals:
            return False
        return self._ledger.campaigns[campaign_id].seen != self._mark(campaign_id)

    def counter(self, activity_id: str, stream: EmailReport | DerivedReport) -> int:
        """Return what an activity's counters for a stream say together."""
        row = self.activities.get(activity_id, {})
        return sum(row.get(name) or 0 for name in counters(stream))

    def mark_of_activity(self, activity_id: str) -> str:
        """Return a few letters that change whenever any counter of an activity does."""
        row = self.activities[activity_id]
        return mark_of(" ".join(f"{name}={row.get(name)}" for name in COUNTERS))

    def chooses_reports(self, campaign_id: str) -> bool:
        """Tell whether the reports of a campaign are to be read."""
        dated = self._ledger.campaigns[campaign_id].dated
        return self.follows_reports and self._settings.chooses_reports(campaign_id, dated)

    def total(self, campaign_id: str) -> int:
        """Return all that a campaign counts, as one number that moves when any of it does."""
        return sum(self.totals[campaign_id][counter] or 0 for counter in FOLLOWED)

    def exceeding(self, campaign_id: str) -> tuple[str, int]:
        """Return the counter by which a campaign exceeds its known activities most, and how far.

        It does not exceed them if that is not more than 0.
        """
        known = self._ledger.campaigns[campaign_id].reported
        rows = [self.activities.get(key, {}) for key in known]
        totals = self.totals[campaign_id]
        excess = {
            counter: (totals[counter] or 0) - sum(row.get(counter) or 0 for row in rows)
            for counter in FOLLOWED
        }
        return max(excess.items(), key=lambda item: item[1])

    def agree(self, campaign_id: str) -> None:
        """Note the counters of a campaign at which all that follows them has been read."""
        campaign = self._ledger.campaigns[campaign_id]
        settled = campaign.short is None and all(
            activity.report(stream.name).counter == self.counter(activity_id, stream)
            for activity_id, activity in campaign.reported.items()
            if activity_id in self.activities  # or it was removed, or sent a moment ago
            for stream in self.followed(campaign_id)
        )
        if settled:
            campaign.seen = self._mark(campaign_id)

    def followed(self, campaign_id: str) -> list[EmailReport | DerivedReport]:
        """Return the wanted streams that read reports of a campaign."""
        return [*self.reports, *self.derived] if self.chooses_reports(campaign_id) else []

    def _mark(self, campaign_id: str) -> str:
        """Return a few letters that change whenever a counter does that matters here.

        An activity that nobody was sent has counters, too, and moves no total; of complaints
        only the summaries have one. A second forward moves no counter of its own.
        """
        campaign, totals = self._ledger.campaigns[campaign_id], self.totals[campaign_id]
        followed = self.followed(campaign_id)
        wants_stats = self._brief.wants(self._activity_stats)
        if wants_stats or any(isinstance(stream, EmailForwards) for stream in followed):
            names = list(COUNTERS)
        else:
            names = sorted({name for stream in followed for name in counters(stream)})
        facts = [f"{name}={totals[name]}" for name in names]
        if wants_stats:
            facts += [f"abuse={campaign.abuse}", f"activities={len(campaign.reported)}"]
        facts += [stream.name for stream in followed]
        return mark_of(" ".join(facts))
