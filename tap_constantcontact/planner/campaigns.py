"""The list of campaigns, and which of them are chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.ledger import Campaign, Listing
from tap_constantcontact.planner.part import Part
from tap_constantcontact.streams.emails import TRIAL, Campaigns
from tap_constantcontact.streams.summaries import CampaignSummaries
from tap_constantcontact.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Row, Unit

MOST_SUMMARIES = 500
"""How many campaigns the summaries show at most."""


class CampaignsPart(Part):
    """Asks for the list of campaigns, and when each was sent last.

    All campaigns are rows. Which of them are followed further, the dates of the settings say: a
    campaign is chosen by when it was sent last or, if it never was, by when it changed. The
    ledger knows those that are chosen.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._campaigns = brief.the(Campaigns)
        self._summaries = brief.the(CampaignSummaries)
        self._followed = brief.follows_campaigns
        self._listed: dict[str, Row] = {}
        self._sent: dict[str, Row] = {}
        self.is_forbidden = False
        """Whether campaigns may not be listed, and so nothing of them can be followed."""
        self.summaries_are_whole = False
        """Whether the summaries show all campaigns that were ever sent."""

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield what lists the campaigns that changed, and when the latest were sent."""
        units = []
        if self._followed or self._brief.wants(self._campaigns):
            units.append(self._campaigns.changed_since(self._since()))
        wanted = self._brief.wants(self._summaries)
        if self._followed or wanted:
            units.append(replace(self._summaries.all(), optional=not wanted))
        yield units
        if self._followed and not self.is_forbidden:
            self._choose()

    def _since(self) -> datetime | None:
        """Return since when changed campaigns are asked for.

        The bookmark says which rows went out; if none are wanted, what the ledger knows is
        enough. A bookmark without a ledger is another tool's: it says nothing of the reports.
        And who chooses more than before has to look at all of them again.
        """
        known = self._ledger.bookmark(self._campaigns.name)
        if self._followed:
            listing, settings = self._ledger.listing, self._settings
            if listing is None or not listing.covers(settings.start, settings.end):
                return None
            if not self._brief.wants(self._campaigns):
                known = listing.until
            known = min(known, listing.until) if known else None
        return known - self._settings.lookback if known else None

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Remember campaigns until it is known when they were sent."""
        if self._followed:
            known = self._listed if unit.source is self._campaigns else self._sent
            known.update((row["campaign_id"], row) for row in rows)

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Note until when the list is known."""
        if unit.source is self._campaigns and self._brief.wants(self._campaigns):
            self._ledger.advance(self._campaigns.name, "updated_at", self._now())
        elif unit.source is self._summaries:
            self.summaries_are_whole = not missing and len(self._sent) < MOST_SUMMARIES

    @override
    def forbidden(self, unit: Unit) -> None:
        """Learn that campaigns may not be listed."""
        self.is_forbidden = self.is_forbidden or unit.source is self._campaigns

    def _choose(self) -> None:
        """Note what is new of the campaigns that are chosen; forget those that are not."""
        for key, row in self._listed.items():
            updated = moment(row["updated_at"]) if row["updated_at"] else None
            status = row["current_status"] or ""
            campaign = self._ledger.campaigns.setdefault(key, Campaign(status, updated))
            campaign.is_trial = row["type_code"] == TRIAL
            if (campaign.status, campaign.updated) != (status, updated):
                campaign.status, campaign.updated = status, updated
                campaign.changed()
        for key, row in self._sent.items():
            sent = moment(row["last_sent_date"]) if row["last_sent_date"] else None
            sent = sent and sent.replace(second=0, microsecond=0)
            # An old campaign that was not chosen may be sent again, which changes nothing else.
            campaign = self._ledger.campaigns.setdefault(key, Campaign("Done"))
            campaign.abuse = row["unique_counts__abuse"] or 0
            if campaign.sent != sent:
                campaign.sent = sent
                campaign.changed()
        self._ledger.campaigns = {
            key: campaign
            for key, campaign in self._ledger.campaigns.items()
            if self._settings.chooses(campaign.dated)
        }
        self._ledger.listing = Listing(self._now(), self._settings.start, self._settings.end)
        self._listed.clear()
        self._sent.clear()
