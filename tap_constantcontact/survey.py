"""What a run will cost, from a few questions to the API.

Counters tell how many rows each report has, so what reading them costs can be reckoned before any
of them is read. A survey lists campaigns and reads counters as a run would, in the same planner's
parts, but only so many of them; the others are taken for like.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from tap_constantcontact.fetcher import AHEAD
from tap_constantcontact.ledger import LONG_AGO, RESENDS
from tap_constantcontact.planner.campaigns import CampaignsPart
from tap_constantcontact.planner.contacts import ContactsPart
from tap_constantcontact.planner.counters import CountersPart
from tap_constantcontact.planner.dimensions import DETAILS, DimensionsPart, listing_of
from tap_constantcontact.planner.events import EventsPart
from tap_constantcontact.planner.forecast import pages
from tap_constantcontact.planner.part import Brief
from tap_constantcontact.streams.activities import (
    ACTIVITY_DETAILS,
    CampaignActivities,
    CampaignActivityAbTests,
    CampaignActivityNonOpenerResends,
    CampaignActivitySchedules,
)
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactCounts,
    ContactOpenAndClickRates,
    ContactSmsHistory,
)
from tap_constantcontact.streams.contacts import (
    CUSTOM_FIELDS,
    ContactLists,
    Contacts,
    ContactTotals,
    DeletedContacts,
    SegmentContacts,
    count,
)
from tap_constantcontact.streams.custom_fields import ContactCustomFields
from tap_constantcontact.streams.email_reports import (
    DERIVED_REPORTS,
    RESEND,
    EmailClicks,
    EmailForwards,
    EmailOpens,
    EmailReport,
    EmailSends,
    EventReport,
    counters,
)
from tap_constantcontact.streams.emails import CampaignLookup, Campaigns
from tap_constantcontact.streams.events import (
    EventRegistrationDetails,
    EventRegistrations,
    Events,
)
from tap_constantcontact.streams.landing_pages import LANDING_PAGE_REPORTS
from tap_constantcontact.streams.social import SocialHashtagGroups
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats, batches
from tap_constantcontact.streams.tags import ContactTags
from tap_constantcontact.units import Unit, WindowUnit, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from tap_constantcontact.fetcher import Fetcher
    from tap_constantcontact.ledger import Ledger
    from tap_constantcontact.planner.part import Part
    from tap_constantcontact.settings import Settings
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.streams.email_reports import DerivedReport
    from tap_constantcontact.units import Page, Reading, Row

MOST_CALLS = 15
"""Calls that a survey makes at most."""

UNTOUCHED = timedelta(hours=1)
"""A campaign that was sent so long after it changed last was sent again: that changes nothing."""

SENT_AGAIN = {True: 0.95, False: 0.05}
"""Which share of campaigns was sent again to those who did not open them, where times say so and
where they do not, before anything was seen of the account's own; what was seen counts beside
`AS_MANY` such campaigns."""

AS_MANY = 3

ACTIVITIES = 2
"""Activities that a campaign has, as long as none were seen: the e-mail and its web page."""

LEAST_SMALL = 5
"""Calls of them that are kept for what is small."""

LEAST_LOOKUPS = 4
"""Calls of them that are kept for looking up single campaigns, where some were never looked at."""

MOST_LISTED = 3
"""Calls of them that list campaigns: 1,500 campaigns."""

MOST_CHANGED = 2
"""Calls of them that read changed contacts: with more, what moved counters is not looked into."""

MOST_WINDOWS = 3
"""Calls of them that count contacts which a pass is still to read; other windows are like these."""

MOST_GROUPS = 2
"""Calls of them that list groups of hashtags, of which a page shows five."""

TYPICALLY = timedelta(hours=1)
"""How long after the next run a typical one follows."""

HALF_OPENED = timedelta(hours=12)
"""Within which time of its being sent an e-mail is opened and clicked half as often as ever."""

CHANNELS = 2
"""Calls that list lists: those of e-mail and those of text messages."""

GATES = 2
"""Calls of each run that count contacts: by their permission, and those that were deleted."""

CHANGES = 3
"""Calls of a typical run that read contacts: who changed, who opted out, and who has come to some
list or tag as no time shows."""

LATELY = timedelta(days=1)
"""As many campaigns change in such a time to come as did in that before."""

WISHED = 0.2
"""Which share of e-mails is wished to be sent again: of these, each run looks whether they are."""

OPENED = (EmailOpens.counter, EmailClicks.counter)
"""The counters that move long after an e-mail was sent."""

TELLING = (ContactLists, ContactTotals, DeletedContacts)
"""What is asked to see whether contacts moved that no time shows."""


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
        typical: One that follows it by `TYPICALLY`.
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
        spent: Tells how many calls were made so far.
        first: The names of the streams that each run asks before all else, as was done already.
    """

    def __init__(
        self,
        streams: Mapping[str, ConstantContactStream],
        wanted: Iterable[str],
        ledger: Ledger,
        settings: Settings,
        fetcher: Fetcher,
        spent: Callable[[], int],
        first: Collection[str],
    ) -> None:
        self._brief = Brief(streams, frozenset(wanted), ledger, settings, fetcher.began)
        self._settings = settings
        self._ledger = ledger
        self._fetcher = fetcher
        self._first = first
        self._campaigns = CampaignsPart(self._brief)
        self._counters = CountersPart(self._brief, self._campaigns)
        self._spent = spent
        self._forbidden: dict[str, Unit] = {}
        self._shown: dict[str, int] = {}
        self._resent: set[str] = set()
        self._halving = 0
        self._weights: dict[str, float] = {}
        self._again = SENT_AGAIN

    def forecast(self) -> Forecast:
        """Ask, and reckon.

        Raises:
            TapError: The API cannot be asked.
        """
        first = [Cost(name, 1, 1) for name in self._first if name not in self._brief.wanted]
        contacts = self._contacts()
        self._list_campaigns()
        due = self._due()
        self._read_counters(due)
        small, quiet = self._small()
        events, checks = self._events_costs()
        self._look_up(due)
        if self._forbidden and self._brief.wanted <= self._forbidden.keys():
            raise self._fetcher.why_forbidden(next(iter(self._forbidden.values())))
        singles = self._singles()
        return Forecast(
            [
                *first,
                *small,
                *contacts,
                *events,
                *self._lists(self._shown),
                *self._totals(),
                *self._follow(due),
                *singles,
            ],
            [*first, *quiet, *self._quiet(), *checks, *self._news(), *singles],
            self._shown.get(Campaigns.name, 0) < MOST_LISTED * Campaigns.page_size,
        )

    # What is asked

    def _ask(self, units: Iterable[Unit], most: int = 1) -> Iterator[Page]:
        """Yield the first pages of units, of as many as there are calls for."""
        # At first one after the other: a token that has expired costs each of them a call.
        ahead = AHEAD if self._fetcher.has_answer else 1
        asked = islice(units, self._left() // most)
        for page in self._fetcher.pages(asked, most=most, ahead=ahead):
            if page.forbidden:
                self._forbidden.setdefault(page.unit.source.name, page.unit)
            yield page

    def _left(self) -> int:
        """Return how many calls are left."""
        return max(MOST_CALLS - self._spent(), 0)

    def _play(
        self, part: Part, units: Iterable[Unit], most: int = 1
    ) -> Iterator[tuple[Page, list[Row]]]:
        """Yield pages and their rows, and let a part learn from them as in a run."""
        readings: dict[Unit, Reading] = {}
        for page in self._ask(units, most):
            unit = page.unit
            reading = readings.setdefault(unit, unit.source.reading(unit))
            rows = [] if page.missing else list(reading.take(page.body))
            if rows:
                part.take(unit, rows)
            if page.forbidden:
                part.forbidden(unit)
            elif page.last:
                part.done(unit, reading, missing=page.missing)
            yield page, rows

    # Contacts

    def _contacts(self) -> list[Cost]:
        """Return the cost of contacts, and of what counts them, stage by stage as in a run."""
        part, stream = ContactsPart(self._brief), self._brief.the(Contacts)
        is_known = self._ledger.bookmark(stream.name) is not None
        is_begun = self._ledger.crowd.begun is not None
        costs: list[Cost] = []
        if self._brief.wants(self._brief.the(ContactCounts)):
            # Contacts need the same call.
            costs.append(Cost(ContactCounts.name, 1, 0))
        for stage in part.stages():
            units = [*stage]
            windows = [unit for unit in units if isinstance(unit, WindowUnit)]
            costs += self._beside(part, [unit for unit in units if unit not in windows], windows)
            if windows:
                sizes = self._sizes(windows, part)
                calls = sum(max(pages(size, stream.page_size), 1) for size in sizes)
                costs.append(Cost(stream.name, sum(sizes), calls))
                if is_begun and not is_known:
                    # What changed since all began to be read is read when they have been.
                    costs.append(Cost(stream.name, 0, 2))
            if windows or stream.name in self._forbidden:
                break
        return costs

    def _beside(
        self, part: ContactsPart, units: list[Unit], windows: list[WindowUnit]
    ) -> list[Cost]:
        """Return the cost of what is asked about contacts beside reading all of them.

        From the answers the part learns, as in a run, which contacts moved as no time shows, and
        whether that makes reading all of them due.
        """
        is_wanted = self._brief.wants(self._brief.the(Contacts))
        stream = self._brief.the(Contacts if is_wanted else ContactCounts)
        helps, costs, asked = is_wanted and not windows, list[Cost](), list[Unit]()
        for unit in units:
            if "updated_after" in unit.filters:
                rows, calls = self._changed(part, unit)
                costs.append(Cost(stream.name, rows, calls))
                helps = helps and calls <= MOST_CHANGED and not self._is_sure(part)
            elif isinstance(unit.source, TELLING) or "optout_after" in unit.filters:
                asked.append(unit)
            else:
                costs.append(Cost(self._charged(unit, stream), 0, 1))
        shown: dict[Unit, int] = {}
        if helps:
            shown = {page.unit: len(rows) for page, rows in self._play(part, asked)}
        for unit in asked:
            lists = isinstance(unit.source, ContactLists) and unit.source.name in self._brief.wanted
            costs.append(Cost(self._charged(unit, stream), shown.get(unit) if lists else 0, 1))
        return costs

    def _is_sure(self, part: ContactsPart) -> bool:
        """Tell whether nothing that is counted changes whether all contacts are read again."""
        if Contacts.name in self._forbidden:
            return True
        return self._ledger.crowd.due is None and part.is_overdue()

    def _changed(self, part: ContactsPart, unit: Unit) -> tuple[int, int]:
        """Return how many contacts changed, and the calls that read them."""
        counting = replace(unit, filters={**unit.filters, "include_count": "true"})
        found = [
            count(page.body)
            for page, _ in self._play(part, [counting], most=MOST_CHANGED)
            if not page.missing
        ]
        rows = max(found, default=0)
        return rows, max(pages(rows, Contacts.page_size), 1)

    def _sizes(self, windows: list[WindowUnit], part: ContactsPart) -> list[float]:
        """Return how many contacts windows hold: those that are not counted are like the others."""
        (first, *more) = windows
        if part.total and not (more or first.since or first.until or "lists" in first.filters):
            return [part.total]
        step = math.ceil(len(windows) / MOST_WINDOWS)
        counting = {
            Unit(unit.source, filters={**unit.filters, "include_count": "true"}, page_size=1): at
            for at, unit in list(enumerate(windows))[::step]
        }
        counted = {
            counting[page.unit]: count(page.body)
            for page in self._ask(counting)
            if not page.missing
        }
        like = sum(counted.values()) / len(counted) if counted else 0.0
        return [counted.get(at, like) for at in range(len(windows))]

    def _charged(self, unit: Unit, stream: ConstantContactStream) -> str:
        """Return the stream for which a unit is asked: its own, or else the one that needs it."""
        return unit.source.name if unit.source.name in self._brief.wanted else stream.name

    def _quiet(self) -> list[Cost]:
        """Return the cost of contacts and of campaigns, and of what counts them, unchanged."""
        wants, the = self._brief.wants, self._brief.the
        costs = [Cost(ContactLists.name, None, CHANNELS)] if wants(the(ContactLists)) else []
        if wants(the(ContactCounts)):
            # Contacts need the same.
            costs.append(Cost(ContactCounts.name, 1, not wants(the(Contacts))))
        if wants(the(Contacts)):
            described = CUSTOM_FIELDS in self._settings.contacts.include
            gates = (
                GATES
                + (0 if wants(the(ContactLists)) else CHANNELS)
                + (not wants(the(ContactTags)))
                + (described and not wants(the(ContactCustomFields)))
            )
            costs.append(Cost(Contacts.name, 0, CHANGES + gates))
        changed = {name: 0 if name == Campaigns.name else self._shown[name] for name in self._shown}
        return [*costs, *self._lists(changed), *self._totals(halving=False)]

    # What is small

    def _small(self) -> tuple[list[Cost], list[Cost]]:
        """Return the cost of what is small: now, and if nothing changes."""
        part = DimensionsPart(self._brief)
        stages = part.stages()
        details = [self._brief.the(kind) for kind in DETAILS if kind.name in self._brief.wanted]
        needed = {listing_of(detail, self._brief).name: detail.name for detail in details}
        most = {SocialHashtagGroups.name: MOST_GROUPS, **dict.fromkeys(needed, 1)}
        shown: dict[str, list[int]] = {}
        quiet: list[Cost] = []
        for unit in next(stages, ()):
            name = unit.source.name
            if name in most:
                shown[name] = [len(rows) for _, rows in self._play(part, [unit], most[name])]
            asked = shown.get(name)
            rows, calls = (sum(asked), len(asked)) if asked else (None, 1)
            if name in self._brief.wanted:
                quiet.append(Cost(name, rows, calls))
            else:
                quiet.append(Cost(needed[name], 0 if asked else None, calls))
        changed = [
            # A list of several pages is read until it is the same twice.
            Cost(name, 0, len(shown[name])) if name in shown else Cost(name, 1, 1)
            for unit in next(stages, ())
            for name in (unit.source.name,)
        ]
        return [*quiet, *changed], quiet

    def _events_costs(self) -> tuple[list[Cost], list[Cost]]:
        """Return the cost of events, and of who comes to them: now, and if nothing changes."""
        part, the = EventsPart(self._brief), self._brief.the
        listing = next(part.stages(), None)
        if listing is None:
            return [], []
        missing = any(page.missing for page, _ in self._play(part, listing))
        news = 0 if missing else len(part.news())
        # The first that has not changed is read, too, since only it can tell.
        now = [Cost(Events.name, news, 1 if missing else 1 + (news or 1))]
        if self._brief.wants(the(EventRegistrations), the(EventRegistrationDetails)):
            now.append(Cost(EventRegistrations.name, None if news else 0, news))
        return now, [Cost(Events.name, 0, 1 if missing else 2)]

    # Campaigns

    def _list_campaigns(self) -> None:
        """List campaigns into the ledger, as a run does; note which seem to be sent again."""
        before = {
            key: (campaign.sent, campaign.status)
            for key, campaign in self._ledger.campaigns.items()
        }
        for stage in self._campaigns.stages():
            for page, rows in self._play(self._campaigns, stage, MOST_LISTED):
                name = page.unit.source.name
                self._shown[name] = self._shown.get(name, 0) + len(rows)
        for key, campaign in self._ledger.campaigns.items():
            sent, status = before.get(key, (None, ""))
            if campaign.sent and campaign.sent != sent and not campaign.was_resent:
                untouched = campaign.sent - (campaign.updated or campaign.sent)
                if untouched > UNTOUCHED or (sent and status != "Executing"):
                    self._resent.add(key)

    @staticmethod
    def _lists(shown: Mapping[str, int]) -> list[Cost]:
        """Return the cost of lists of campaigns that show so many."""
        return [
            Cost(name, rows, max(pages(rows, Campaigns.page_size), 1))
            for name, rows in shown.items()
        ]

    def _totals(self, *, halving: bool = True) -> list[Cost]:
        """Return the cost of the total counters.

        Args:
            halving: Whether what the API refuses is still to be found.
        """
        if self._campaigns.is_forbidden or not self._counters.follows_counters:
            return []
        certain, probable, alone = self._counters.candidates()
        calls = len(alone) + sum(
            pages(len(ids), CampaignStats.ids_a_call) for ids in (certain, probable)
        )
        if CampaignStats.name in self._forbidden:
            return [Cost(CampaignStats.name, 0, 1)]
        rows = len(certain) + len(probable)
        return [Cost(CampaignStats.name, rows, calls + halving * self._halving)]

    def _due(self) -> list[str]:
        """Return the campaigns that may be due, the newest first."""
        if self._campaigns.is_forbidden or not self._fetcher.has_answer:
            return []
        wanted = (
            kind.name for kind in ACTIVITY_DETAILS if self._brief.wants(self._brief.the(kind))
        )
        self._ledger.keep_up_with(frozenset(wanted))
        known, now = self._ledger.campaigns, self._brief.now()
        for campaign in known.values():
            campaign.due |= campaign.may_have_changed(now) & self._ledger.details
        return sorted(known, key=lambda key: known[key].dated, reverse=True)

    def _read_counters(self, due: list[str]) -> None:
        """Read the total counters of campaigns: of all, or of fresh ones and some of the others.

        What is refused with one id that has no counters is halved, as long as there are calls for
        that. Each half is a fair sample of the whole, so that one that stays refused is like the
        others.
        """
        if not (due and self._counters.follows_counters):
            return
        stream, known, now = (
            self._brief.the(CampaignStats),
            self._ledger.campaigns,
            self._brief.now(),
        )
        certain, probable, _ = (set(ids) for ids in self._counters.candidates())
        fresh = [key for key in due if key in certain and known[key].is_fresh(now)]
        others = [key for key in due if key in certain and not known[key].is_fresh(now)]
        unsure = [key for key in due if key in probable]
        never = sum(key in certain and not known[key].activities for key in due)
        kept = min(LEAST_SMALL + min(LEAST_LOOKUPS, never), max(self._left() - 1, 0))
        most = (self._left() - kept) * stream.ids_a_call
        ids = [*fresh, *_some(others, max(most - len(fresh), 0))][:most]
        number = pages(len(ids), stream.ids_a_call)
        left: deque[Sequence[str]] = deque(ids[place::number] for place in range(number))
        left += batches(stream, unsure)
        halves: deque[Sequence[str]] = deque()
        while (left or halves) and self._left() > (kept if self._counters.totals else 1):
            batch = (left or halves).popleft()
            for page, _ in self._play(self._counters, [stream.of(batch)]):
                if page.missing and not page.forbidden and len(batch) > 1:
                    halves += [batch[::2], batch[1::2]]
                    self._halving += 2
        # Of two halves that were not asked any more, one is to be halved down to a single id.
        self._halving += sum((len(batch) - 1).bit_length() for batch in halves)
        for group in (fresh, others, unsure):
            read = [key for key in group if key in self._counters.totals]
            if read:
                refused = sum(known[key].refused for key in group)
                self._weights |= dict.fromkeys(read, (len(group) - refused) / len(read))

    def _look_up(self, due: list[str]) -> None:
        """Look up the activities of some campaigns, to tell how many the others have.

        Nothing else tells which of them were sent again.
        """
        known, totals = self._ledger.campaigns, self._counters.totals
        ids = [key for key in due if key in totals and not known[key].activities]
        seeming = [key for key in ids if key in self._resent]
        others = [key for key in ids if key not in self._resent]
        half = max(self._left() // 2, self._left() - len(others))
        chosen = _some(seeming, half)
        chosen += _some(others, self._left() - len(chosen))
        seen: dict[bool, list[bool]] = {True: [], False: []}
        lookup = CampaignLookup()
        for page in self._ask([lookup.of(key, Work.INCREMENT) for key in chosen]):
            if not page.missing:
                roles = [row["role"] for row in lookup.rows(page.unit, page.body)]
                seen[page.unit.about["campaign_id"] in self._resent].append(RESEND in roles)
        self._again = {
            seems: (sum(again) + SENT_AGAIN[seems] * AS_MANY) / (len(again) + AS_MANY)
            for seems, again in seen.items()
        }

    # What follows campaigns

    def _follow(self, due: list[str]) -> list[Cost]:
        """Return the cost of what follows campaigns: of those counted, and of others like them."""
        rows: defaultdict[str, float] = defaultdict(float)
        calls: defaultdict[str, float] = defaultdict(float)
        for key in due:
            self._add_details(key, rows, calls)
        for key, weight in self._weights.items():
            if not self._counters.has_moved(key):
                continue
            activities = self._sent_as(key)
            rows[CampaignActivityStats.name] += weight * activities
            calls[CampaignActivityStats.name] += (
                weight * activities / CampaignActivityStats.ids_a_call
            )
            for stream in self._counters.followed(key):
                read, asked = self._of_report(key, stream)
                rows[stream.name] += weight * read
                calls[stream.name] += weight * asked
        return self._costs(rows, calls)

    @staticmethod
    def _costs(rows: Mapping[str, float], calls: Mapping[str, float]) -> list[Cost]:
        """Return the cost of what follows campaigns; nothing counts what is made of reports."""
        derived = {kind.name for kind in DERIVED_REPORTS}
        return [Cost(name, None if name in derived else rows[name], calls[name]) for name in calls]

    def _sent_as(self, campaign_id: str) -> float:
        """Return how many activities of a campaign have reports."""
        campaign = self._ledger.campaigns[campaign_id]
        if campaign.reported:
            return len(campaign.reported) + (campaign_id in self._resent)
        return 1 + (self._again[campaign_id in self._resent] if campaign.sent else 0.0)

    def _of_report(
        self, campaign_id: str, stream: EmailReport | DerivedReport
    ) -> tuple[float, float]:
        """Return how many rows of the reports of a campaign are read, and the calls for them."""
        campaign = self._ledger.campaigns[campaign_id]
        counter = self._total(campaign_id, stream)
        activities = self._sent_as(campaign_id)
        reports = [activity.report(stream.name) for activity in campaign.reported.values()]
        read = [report for report in reports if report.counter is not None]
        unread, news = activities - len(read), self._news_of(campaign_id, stream)
        settling, now = self._counters.settling, self._brief.now()
        if activities == 1 and reports and not reports[0].is_due(counter, now, settling):
            news = 0
        if not isinstance(stream, EmailReport):
            return 0.0, unread + len(read) * _spread(news, activities) / activities
        if not news:
            is_hot = campaign.is_hot(now, self._settings.report_hot)
            if isinstance(stream, EmailForwards) and counter and is_hot:
                return counter, self._share_moved(campaign_id) / activities
            return 0.0, 0.0
        hit = _spread(news, activities)
        rows: float = counter - sum(report.below for report in read if report.floor)
        if isinstance(stream, EmailSends) and reports and campaign_id in self._resent:
            hit, rows = 1.0, news
        elif stream.counts_recipients:
            rows = counter * (hit / activities if read else 1)
        return rows, pages(max(rows, 1), stream.page_size) + hit - 1

    def _total(self, campaign_id: str, stream: EmailReport | DerivedReport) -> int:
        """Return what a campaign's counters for a stream say together."""
        totals = self._counters.totals[campaign_id]
        return sum(totals[name] or 0 for name in counters(stream))

    def _news_of(self, campaign_id: str, stream: EmailReport | DerivedReport) -> int:
        """Return by how much a campaign's counters for a stream moved since it was read."""
        reports = self._ledger.campaigns[campaign_id].reported.values()
        known = sum(activity.report(stream.name).counter or 0 for activity in reports)
        return abs(self._total(campaign_id, stream) - known)

    def _share_moved(self, campaign_id: str) -> float:
        """Return of how many activities of a campaign some report is read again."""
        followed = self._counters.followed(campaign_id)
        reports = [stream for stream in followed if isinstance(stream, EmailReport)]
        news = [self._news_of(campaign_id, stream) for stream in reports]
        return _spread(max(news), self._sent_as(campaign_id)) if reports else 0.0

    def _add_details(
        self, campaign_id: str, rows: dict[str, float], calls: dict[str, float]
    ) -> None:
        campaign = self._ledger.campaigns[campaign_id]
        if campaign.status == "Removed" or not campaign.due:
            return
        calls[min(campaign.due)] += campaign.lookup_due
        for name, number in self._asked(campaign_id, campaign.due).items():
            calls[name] += number
            rows[name] += number

    def _asked(self, campaign_id: str, due: Iterable[str]) -> dict[str, float]:
        """Return of how many activities of a campaign details are asked for."""
        campaign, reported = self._ledger.campaigns[campaign_id], self._sent_as(campaign_id)
        numbers: dict[str, float] = {
            CampaignActivitySchedules.name: campaign.status == "Scheduled",
            CampaignActivityNonOpenerResends.name: 1,
            CampaignActivityAbTests.name: campaign.is_trial,
        }
        if campaign.lookup_due:
            # The state keeps no activity that has no reports: the web page.
            numbers[CampaignActivities.name] = reported + ACTIVITIES - 1
        elif campaign.activities:
            numbers[CampaignActivities.name] = len(campaign.activities)
        return {name: numbers.get(name, reported) for name in due}

    # What follows the run

    def _news(self) -> list[Cost]:
        """Return the cost of what follows campaigns in a typical run."""
        rows: defaultdict[str, float] = defaultdict(float)
        calls: defaultdict[str, float] = defaultdict(float)
        if self._campaigns.is_forbidden or not self._fetcher.has_answer:
            return []
        for key, campaign in self._ledger.campaigns.items():
            if campaign.status != "Removed":
                self._add_looks(key, rows, calls)
        moved = sum(self._add_opened(key, rows, calls) for key in self._weights)
        if self._counters.follows_activities:
            rows[CampaignActivityStats.name] += moved
            calls[CampaignActivityStats.name] += max(
                _chance(moved), moved / CampaignActivityStats.ids_a_call
            )
        return self._costs(rows, calls)

    def _add_looks(self, campaign_id: str, rows: dict[str, float], calls: dict[str, float]) -> None:
        """Add what it takes to look at a campaign that has changed, or may have without a word."""
        campaign, now = self._ledger.campaigns[campaign_id], self._brief.now()
        moved_at = max(campaign.updated or LONG_AGO, campaign.sent or LONG_AGO)
        if now - moved_at <= LATELY:
            self._add_changed(campaign_id, TYPICALLY / LATELY, rows, calls)
        looked_at, campaign.lookup_due, campaign.looked = campaign.due, False, None
        shares = dict.fromkeys(campaign.may_have_changed(now) & self._ledger.details, 1.0)
        if campaign.is_open(now):
            # It is looked at ever more rarely: after as long as it has been left alone.
            rarely = TYPICALLY / max(now - moved_at, TYPICALLY)
            shares = dict.fromkeys(campaign.look & self._ledger.details, rarely) | shares
            if RESENDS in looked_at:
                shares[RESENDS] = max(shares.get(RESENDS, 0.0), WISHED)
        for name, number in self._asked(campaign_id, shares).items():
            calls[name] += shares[name] * number
            rows[name] += shares[name] * number

    def _add_opened(
        self, campaign_id: str, rows: dict[str, float], calls: dict[str, float]
    ) -> float:
        """Add what it takes to read new opens and clicks; return how likely there are some.

        E-mails are opened and clicked ever more rarely: of all that is to come in the end, half
        comes within `HALF_OPENED`, two thirds within twice that, and so on.
        """
        campaign, totals = self._ledger.campaigns[campaign_id], self._counters.totals[campaign_id]
        weight, now = self._weights[campaign_id], self._brief.now()
        age = max(now - campaign.dated, timedelta()) + HALF_OPENED
        share = TYPICALLY / age * (HALF_OPENED / age)
        expected = {name: share * (totals[name] or 0) for name in OPENED}
        moves = weight * _chance(sum(expected.values()))
        for stream in self._counters.followed(campaign_id):
            news = sum(expected.get(name, 0.0) for name in counters(stream))
            calls[stream.name] += weight * _chance(news)
            rows[stream.name] += weight * news if isinstance(stream, EventReport) else 0.0
            is_hot = campaign.is_hot(now, self._settings.report_hot)
            if isinstance(stream, EmailForwards) and is_hot and totals[stream.counter]:
                calls[stream.name] += moves
                rows[stream.name] += moves * (totals[stream.counter] or 0)
        return moves

    def _add_changed(
        self, campaign_id: str, share: float, rows: dict[str, float], calls: dict[str, float]
    ) -> None:
        """Add a share of what it takes to follow a campaign that changed."""
        campaign = self._ledger.campaigns[campaign_id]
        campaign.lookup_due = True
        asked = self._asked(campaign_id, self._ledger.details)
        if campaign.sent and self._counters.totals:
            followed = [stream.name for stream in self._counters.followed(campaign_id)]
            asked |= dict.fromkeys((CampaignActivityStats.name, *followed), 1.0)
        for name, number in asked.items():
            rows[name] += share * number
            calls[name] += share * number
        if asked:
            calls[min(asked)] += share

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


def _some(ids: list[str], most: int) -> list[str]:
    """Return so many of some ids, at equal distances.

    >>> _some(["a", "b", "c", "d"], 2), _some(["a"], 2)
    (['b', 'd'], ['a'])
    """
    number = min(most, len(ids))
    return [ids[(2 * place + 1) * len(ids) // (2 * number)] for place in range(number)]


def _spread(news: float, over: float) -> float:
    """Return over how many of some things a number of events is spread, if chance spreads it.

    >>> round(_spread(1, 3), 2), _spread(2, 2), round(_spread(100, 3))
    (1.0, 1.5, 3)
    """
    missed: float = (1 - 1 / over) ** news
    return over * (1 - missed)


def _chance(expected: float) -> float:
    """Return how likely it is that anything happens of which so much is expected."""
    return 1 - math.exp(-expected)
