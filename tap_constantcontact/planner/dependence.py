"""Which streams get no rows where something is forbidden: what they are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_constantcontact.streams.activities import ACTIVITY_DETAILS
from tap_constantcontact.streams.automations import AutomationListing, Automations
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactCounts,
    ContactOpenAndClickRates,
    ContactSmsHistory,
)
from tap_constantcontact.streams.contacts import Contacts, ContactTotals
from tap_constantcontact.streams.email_reports import (
    DERIVED_REPORTS,
    EMAIL_REPORTS,
    EmailDidNotOpens,
    OpenersLookup,
)
from tap_constantcontact.streams.emails import CampaignLookup, Campaigns
from tap_constantcontact.streams.events import (
    EventRegistrationDetails,
    EventRegistrations,
    Events,
    EventsLookup,
)
from tap_constantcontact.streams.mismatches import SyncMismatches
from tap_constantcontact.streams.segments import SegmentCriteria, Segments
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.streams.base import Asking

Sources = dict[str, set[str]]

COUNTED: tuple[type[Asking], ...] = (*EMAIL_REPORTS, *DERIVED_REPORTS, SyncMismatches)
"""What follows the counters of activities."""

MADE_FROM: Mapping[type[Asking], tuple[type[Asking], ...]] = {
    ContactCounts: (ContactTotals,),
    SegmentCriteria: (Segments,),
    Automations: (AutomationListing,),
    Events: (EventsLookup,),
    EventRegistrations: (Events,),
    EventRegistrationDetails: (EventRegistrations,),
    CampaignLookup: (Campaigns,),
    CampaignStats: (Campaigns,),
    **dict.fromkeys(ACTIVITY_DETAILS, (CampaignLookup,)),
    CampaignActivityStats: (CampaignLookup, CampaignStats),
    **dict.fromkeys(COUNTED, (CampaignActivityStats,)),
}
"""What takes other answers than its own: without any of these, it gets no rows, or not all."""


def asked_for(kind: type[Asking]) -> Iterator[type[Asking]]:
    """Yield what is asked for the rows of a stream: itself, and all that it is made from."""
    yield kind
    for source in MADE_FROM.get(kind, ()):
        yield from asked_for(source)


def lacking_privilege(kind: type[Asking], held: AbstractSet[str]) -> str | None:
    """Return the first privilege that is missing to get all rows of a stream, if one is.

    Args:
        kind: The stream.
        held: The privileges of whoever signed in.
    """
    return next((each.privilege for each in asked_for(kind) if not each.is_allowed(held)), None)


def made_from(brief: Brief) -> Sources:
    """Return what everything takes, by name, as the streams are selected and the settings say.

    Args:
        brief: What the plan is made from.
    """
    found = {kind.name: {each.name for each in takes} for kind, takes in MADE_FROM.items()}
    found[EmailDidNotOpens.name].add(OpenersLookup.name)
    for derived in DERIVED_REPORTS:
        found[derived.name] |= {each.name for each in derived.sources} & brief.wanted
    chosen = brief.settings.contact_reports
    if chosen.with_news:
        reports = (ContactActivityDetails, ContactActivitySummaries, ContactOpenAndClickRates)
        found |= {report.name: {CampaignActivityStats.name} for report in reports}
    if chosen.with_channel:
        found[ContactSmsHistory.name] = {Contacts.name}
    return found


def left_out(source: str, sources: Sources, wanted: frozenset[str]) -> list[str]:
    """Return the wanted streams that go without rows where a source is forbidden.

    Args:
        source: The name of what is forbidden.
        sources: What everything takes, by name.
        wanted: The names of the streams whose rows are wanted.

    >>> taken = {"letters": {"list"}, "stamps": {"letters"}, "parcels": {"depot"}}
    >>> left_out("list", taken, frozenset({"stamps", "parcels"}))
    ['stamps']
    """
    lacking = {source}
    while more := {name for name, takes in sources.items() if takes & lacking} - lacking:
        lacking |= more
    return [name for name in (source, *sources) if name in lacking & wanted]
