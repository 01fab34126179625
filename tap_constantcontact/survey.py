"""What a run will cost, from a few questions to the API.

Counters tell how many rows each report has, so what reading them costs can be reckoned before any
of them is read. A survey lists campaigns and reads counters as a run would, in the same planner's
parts, but only so many of them; the others are taken for like.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_constantcontact.ledger import FIRST_LOOK, FRESH, Objects
from tap_constantcontact.planner.campaigns import CampaignsPart
from tap_constantcontact.planner.counters import CountersPart
from tap_constantcontact.planner.dimensions import DETAILS, WHOLE, listing_of
from tap_constantcontact.planner.events import EventsPart
from tap_constantcontact.planner.forecast import (
    EVERYBODY,
    list_batches,
    pages,
    pass_calls,
    pass_sizes,
    report_calls,
    unread,
)
from tap_constantcontact.planner.part import Brief
from tap_constantcontact.streams.activities import (
    ACTIVITY_DETAILS,
    CampaignActivities,
    CampaignActivityAbTests,
    CampaignActivityNonOpenerResends,
    CampaignActivitySchedules,
)
from tap_constantcontact.streams.bulk_activities import BulkActivities
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactCounts,
    ContactOpenAndClickRates,
    ContactSmsHistory,
)
from tap_constantcontact.streams.contacts import (
    CUSTOM_FIELDS,
    SMS_CHANNEL,
    ContactLists,
    Contacts,
    SegmentContacts,
    count,
)
from tap_constantcontact.streams.custom_fields import ContactCustomFields
from tap_constantcontact.streams.email_reports import (
    ROLES,
    EmailForwards,
    EmailReport,
    EventReport,
)
from tap_constantcontact.streams.emails import CampaignLookup, Campaigns
from tap_constantcontact.streams.events import (
    EventRegistrationDetails,
    EventRegistrations,
    Events,
)
from tap_constantcontact.streams.landing_pages import LANDING_PAGE_REPORTS
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats, batches
from tap_constantcontact.streams.summaries import SmsCampaignSummaries
from tap_constantcontact.streams.tags import ContactTags
from tap_constantcontact.units import Unit, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_constantcontact.fetcher import Fetcher
    from tap_constantcontact.ledger import Campaign, Ledger
    from tap_constantcontact.planner.part import Part
    from tap_constantcontact.settings import Settings
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.streams.details import Detail
    from tap_constantcontact.units import Page, Row

MOST_CALLS = 15
"""Calls that a survey makes at most."""

SENT_AGAIN = 0.1
"""How many of ten campaigns are sent again to those who did not open them, before anything was seen
of the account's own; what was seen counts beside `AS_MANY` such campaigns."""

AS_MANY = 10

ACTIVITIES = 2
"""Activities that a campaign has, as long as none were seen: the e-mail and its web page."""

CHANNELS = 2
"""Calls that list lists: those of e-mail and those of text messages."""

GATES = 2
"""Calls of each run that count contacts: by their permission, and those that were deleted."""

LEAST_LOOKUPS = 4
"""Calls of them that are kept for looking up single campaigns."""

MOST_LISTED = 3
"""Calls of them that list campaigns: 1,500 campaigns."""


EVENTS = (Events, EventRegistrations, EventRegistrationDetails)


@dataclass(frozen=True)
class Cost:
    """What reading one stream costs.

    Args:
        stream: Its name.
        rows: About how many rows; None if nothing tells.
        calls: About how many calls.
    """

    stream: str
    rows: float | None
    calls: float


@dataclass(frozen=True)
class Forecast:
    """What runs will cost.

    Args:
        run: The next run, as things are now.
        typical: One that follows it soon: campaigns that were sent lately have new opens and
            clicks.
        listed_all: Whether all campaigns were seen; if not, there are more than reckoned with.
    """

    run: list[Cost]
    typical: list[Cost]
    listed_all: bool


class Survey:
    """Asks a few questions.

    Args:
        streams: All streams, by name.
        wanted: The names of those whose rows are wanted.
        ledger: What is known from the runs before. It is changed: give it a copy.
        settings: What to choose, and how far back to look.
        fetcher: Asks.
    """

    def __init__(
        self,
        streams: Mapping[str, ConstantContactStream],
        wanted: Iterable[str],
        ledger: Ledger,
        settings: Settings,
        fetcher: Fetcher,
    ) -> None:
        self._brief = Brief(streams, frozenset(wanted), ledger, settings, fetcher.began)
        self._settings = settings
        self._ledger = ledger
        self._fetcher = fetcher
        self._campaigns = CampaignsPart(self._brief)
        self._counters = CountersPart(self._brief, self._campaigns)
        self._calls = 0
        self._events = EventsPart(self._brief)
        self._shown: dict[str, int] = {}
        self._objects: dict[str, list[Row]] = {}
        self._whole = True
        self._activities = float(ACTIVITIES)
        self._reported = 1.0

    def forecast(self) -> Forecast:
        """Ask, and reckon.

        Raises:
            TapError: The API cannot be asked.
        """
        contacts = self._contacts()
        self._list_objects()
        self._list_campaigns()
        due = self._due()
        sampled = self._read_counters()
        self._look_up(due)
        return Forecast(
            [
                *self._small(),
                *contacts,
                *self._campaign_lists(self._shown),
                *self._follow(due, sampled),
                *self._singles(),
            ],
            [*self._quiet(), *self._news(sampled), *self._singles()],
            self._whole,
        )

    # What is asked

    def _ask(self, units: Iterable[Unit], most: int | None = None) -> Iterable[Page]:
        for page in self._fetcher.pages(units, most=most):
            self._calls += 1
            yield page

    def _contacts(self) -> list[Cost]:
        stream = self._brief.the(Contacts)
        costs = self._lists()
        if not self._brief.wants(stream):
            return costs
        known = self._ledger.bookmark(stream.name)
        if known:
            # Who opted out is asked for by itself.
            rows = self._count(stream.changed_since(known))
            calls = max(pages(rows, stream.page_size), 1) + 1
        else:
            sizes = self._pass_sizes(stream)
            rows, calls = sum(sizes.values()), pass_calls(sizes)
        probes = (
            SMS_CHANNEL in self._settings.contacts.include
            and self._ledger.crowd.sms_channel is None
        )
        return [*costs, Cost(stream.name, rows, calls + self._gates() + probes)]

    def _pass_sizes(self, stream: Contacts) -> dict[str, int]:
        """Return by which batches of lists a run will read all contacts, and how many they have.

        One batch is counted by the API. Of several, what lists count is reckoned with, as the run
        does when it chooses the cheaper way.
        """
        chosen = self._settings.contacts
        batch, *more = list_batches(chosen.lists)
        if more:
            return pass_sizes(chosen.lists, self._members(), self._count(Unit(stream)))
        unit = stream.added_between(chosen.since, None)
        if batch != EVERYBODY:
            unit = replace(unit, filters={**unit.filters, "lists": batch})
        return {batch: self._count(unit)}

    def _count(self, unit: Unit) -> int:
        """Return how many contacts a unit would read."""
        filters = {**unit.filters, "include_count": "true"}
        (page,) = self._ask([Unit(unit.source, filters=filters, page_size=1)], most=1)
        return count(page.body)

    def _members(self) -> dict[str, int] | None:
        """Return how many contacts each list has; None if nothing tells."""
        lists = self._brief.the(ContactLists)
        units = [replace(lists.of_channel(channel), optional=True) for channel in ("email", "sms")]
        answers = [page for page in self._ask(units, most=1) if not page.missing]
        counts = {
            row["list_id"]: row["membership_count"] or 0 for page in answers for row in _rows(page)
        }
        return counts if answers else None

    def _gates(self) -> int:
        """Return the calls of a run that tell of contacts what no time does."""
        wants, the = self._brief.wants, self._brief.the
        described = CUSTOM_FIELDS in self._settings.contacts.include
        return (
            GATES
            + (0 if wants(the(ContactLists)) else CHANNELS)
            + (not wants(the(ContactTags)))
            + (described and not wants(the(ContactCustomFields)))
        )

    def _list_objects(self) -> None:
        """List what is read one by one, where its stream is wanted."""
        details = [self._brief.the(kind) for kind in DETAILS]
        units = {
            detail.name: listing_of(detail, self._brief).all()
            for detail in details
            if self._brief.wants(detail)
        }
        for name, unit in units.items():
            self._objects[name] = [row for page in self._ask([unit], most=1) for row in _rows(page)]
        for page in self._ask(next(self._events.stages(), ()), most=1):
            self._take(self._events, page)

    def _list_campaigns(self) -> None:
        """List campaigns into the ledger, as a run does."""
        for stage in self._campaigns.stages():
            for page in self._ask(stage, most=MOST_LISTED):
                name = page.unit.source.name
                self._shown[name] = self._shown.get(name, 0) + self._take(self._campaigns, page)
        self._whole = self._shown.get(Campaigns.name, 0) < MOST_LISTED * Campaigns.page_size

    def _read_counters(self) -> dict[str, Row]:
        """Return the total counters of campaigns: of all, or of some at equal distances."""
        stream = self._brief.the(CampaignStats)
        ids = self._counters.candidates()[0] if self._counters.follows_counters else []
        most = (MOST_CALLS - self._calls - LEAST_LOOKUPS) * stream.ids_a_call
        if len(ids) > most:
            ids = [ids[place * len(ids) // most] for place in range(most)]
        for page in self._ask(stream.of(batch) for batch in batches(stream, ids)):
            self._take(self._counters, page)
        return self._counters.totals

    def _look_up(self, due: list[str]) -> None:
        """Look up the activities of some campaigns, to tell how many the others have.

        Nothing else tells which of them were sent again.
        """
        known = self._ledger.campaigns
        ids = [key for key in due if key in self._counters.totals and not known[key].activities]
        most = min(MOST_CALLS - self._calls, len(ids))
        lookup = CampaignLookup()
        units = [
            lookup.of(ids[(2 * place + 1) * len(ids) // (2 * most)], Work.INCREMENT)
            for place in range(most)
        ]
        rows = [row for page in self._ask(units) for row in _rows(page)]
        again = sum(row["role"] in ROLES for row in rows) - most
        share = (max(again, 0) + SENT_AGAIN * AS_MANY) / (most + AS_MANY)
        self._reported += share
        self._activities += share

    @staticmethod
    def _take(part: Part, page: Page) -> int:
        """Let a part learn from a page; return how many rows it had."""
        rows = _rows(page)
        if rows:
            part.take(page.unit, rows)
        return len(rows)

    # What follows from it

    def _due(self) -> list[str]:
        """Return the campaigns that may be due, the newest first."""
        wanted = (
            kind.name for kind in ACTIVITY_DETAILS if self._brief.wants(self._brief.the(kind))
        )
        self._ledger.keep_up_with(frozenset(wanted))
        known, now = self._ledger.campaigns, self._brief.now()
        for campaign in known.values():
            campaign.due |= campaign.may_have_changed(now) & self._ledger.details
        return sorted(known, key=lambda key: known[key].dated, reverse=True)

    def _lists(self) -> list[Cost]:
        lists, counts = self._brief.the(ContactLists), self._brief.the(ContactCounts)
        costs = [Cost(lists.name, None, CHANNELS)] if self._brief.wants(lists) else []
        if self._brief.wants(counts):
            # Those of contacts are shared.
            costs.append(Cost(counts.name, 1, not self._brief.wants(self._brief.the(Contacts))))
        return costs

    def _small(self, *, is_first: bool = True) -> list[Cost]:
        """Return the cost of what is read whole, and of the details of what changed.

        Args:
            is_first: Whether what has changed by now is still to be read.
        """
        wants, the = self._brief.wants, self._brief.the
        whole: tuple[type[ConstantContactStream], ...] = (
            *WHOLE,
            BulkActivities,
            SmsCampaignSummaries,
        )
        costs = [Cost(kind.name, None, 1) for kind in whole if wants(the(kind))]
        for kind in DETAILS:
            if kind.name in self._objects:
                changed = self._changed(kind) if is_first else 0
                listing = listing_of(the(kind), self._brief)
                is_counted = listing.name in self._brief.wanted
                costs.append(Cost(kind.name, changed, changed + (not is_counted)))
        if wants(*map(the, EVENTS)):
            news = len(self._events.news()) if is_first else 0
            # The first that has not changed is read, too, since only it can tell.
            costs.append(Cost(Events.name, news, 1 + (news or 1)))
            if wants(the(EventRegistrations), the(EventRegistrationDetails)):
                costs.append(Cost(EventRegistrations.name, None, news))
        return costs

    def _changed(self, kind: type[Detail]) -> int:
        """Return how many objects changed since they were read."""
        (key,), changed = kind.primary_keys, kind.replication_key
        known = self._ledger.objects.get(kind.name, Objects())
        return sum(not known.has(row[key], row[changed]) for row in self._objects[kind.name])

    def _singles(self) -> list[Cost]:
        """Return the cost of what the settings name: those of whom there is news are not known."""
        chosen = self._settings.contact_reports
        numbers: dict[type[ConstantContactStream], int] = {
            ContactActivityDetails: len(chosen.ids),
            ContactActivitySummaries: len(chosen.ids),
            ContactOpenAndClickRates: len(chosen.ids),
            ContactSmsHistory: len(chosen.sms_ids),
            SegmentContacts: len(self._settings.segment_ids),
            **dict.fromkeys(LANDING_PAGE_REPORTS, len(self._settings.landing_page_ids)),
        }
        return [
            Cost(kind.name, None, number)
            for kind, number in numbers.items()
            if number and self._brief.wants(self._brief.the(kind))
        ]

    def _campaign_lists(self, shown: Mapping[str, int]) -> list[Cost]:
        """Return the cost of the lists of campaigns, and of their counters."""
        costs = [Cost(name, rows, max(pages(rows, 500), 1)) for name, rows in shown.items()]
        if self._counters.totals:
            sent = len(self._counters.candidates()[0])
            calls = pages(sent, CampaignStats.ids_a_call)
            costs.append(Cost(CampaignStats.name, sent, calls))
        return costs

    def _follow(self, due: list[str], sampled: Mapping[str, Row]) -> list[Cost]:
        """Return the cost of what follows campaigns: of those sampled, and of others like them."""
        rows: defaultdict[str, float] = defaultdict(float)
        calls: defaultdict[str, float] = defaultdict(float)
        share = len(self._counters.candidates()[0]) / len(sampled) if sampled else 0.0
        for key in due:
            self._add_details(self._ledger.campaigns[key], rows, calls)
        for key, totals in sampled.items():
            if not self._counters.has_moved(key):
                continue
            campaign = self._ledger.campaigns[key]
            stats = CampaignActivityStats
            activities = len(campaign.reported) or self._reported
            rows[stats.name] += share * activities
            calls[stats.name] += share * activities / stats.ids_a_call
            for stream in self._counters.followed(key):
                left = unread(campaign, totals, stream)
                if left is None:
                    continue
                counter, known = left
                of_one = report_calls(stream, counter, known)
                more = activities - 1 if of_one else 0.0
                calls[stream.name] += share * (of_one + more)
                if isinstance(stream, EmailReport):
                    rows[stream.name] += share * (counter - known)
        return [Cost(name, rows.get(name), calls[name]) for name in calls]

    def _add_details(
        self, campaign: Campaign, rows: dict[str, float], calls: dict[str, float]
    ) -> None:
        if campaign.status == "Removed" or not campaign.due:
            return
        calls[min(campaign.due)] += campaign.lookup_due
        for name, number in self._asked(campaign, campaign.due).items():
            calls[name] += number
            rows[name] += number

    def _asked(self, campaign: Campaign, due: Iterable[str]) -> dict[str, float]:
        """Return of how many activities of a campaign details are asked for."""
        numbers: dict[str, float] = {
            CampaignActivitySchedules.name: campaign.status == "Scheduled",
            CampaignActivityNonOpenerResends.name: 1,
            CampaignActivityAbTests.name: campaign.is_trial,
        }
        reported = len(campaign.reported) or (self._reported if campaign.sent else 1.0)
        if campaign.lookup_due:
            numbers[CampaignActivities.name] = len(campaign.activities) or self._activities
        return {name: numbers.get(name, reported) for name in due}

    def _quiet(self) -> list[Cost]:
        """Return the cost of a run in which nothing has changed."""
        costs = [*self._small(is_first=False), *self._lists()]
        if self._brief.wants(self._brief.the(Contacts)):
            costs.append(Cost(Contacts.name, 0, 2 + self._gates()))
        changed = {name: 0 if name == Campaigns.name else self._shown[name] for name in self._shown}
        return [*costs, *self._campaign_lists(changed)]

    def _news(self, sampled: Mapping[str, Row]) -> list[Cost]:
        """Return the cost of new opens and clicks of what was sent lately."""
        now = self._brief.now()
        fresh = [
            key
            for key, campaign in self._ledger.campaigns.items()
            if key in self._counters.totals and now - campaign.dated <= FRESH
        ]
        calls: defaultdict[str, float] = defaultdict(float)
        for campaign in self._ledger.campaigns.values():
            campaign.lookup_due = False
            campaign.looked = now if campaign.is_open(now) else None
            changed = campaign.may_have_changed(now + FIRST_LOOK) & self._ledger.details
            for name, number in self._asked(campaign, changed).items():
                calls[name] += number
        for key in fresh:
            calls[CampaignActivityStats.name] += 1 / CampaignActivityStats.ids_a_call
            for stream in self._counters.followed(key):
                moves = not isinstance(stream, EmailReport) or isinstance(stream, EventReport)
                forwards = (sampled.get(key) or {}).get(EmailForwards.counter)
                if moves or (isinstance(stream, EmailForwards) and forwards):
                    calls[stream.name] += 1
        return [Cost(name, None, math.ceil(number)) for name, number in calls.items()]


def _rows(page: Page) -> list[Row]:
    """Return the rows of a page."""
    return [] if page.missing else list(page.unit.source.rows(page.unit, page.body))
