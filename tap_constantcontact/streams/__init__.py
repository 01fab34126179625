"""The streams, in rooms named after the headings of the API."""

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactCounts,
    ContactOpenAndClickRates,
    ContactSmsHistory,
)
from tap_constantcontact.streams.contacts import ContactLists, Contacts, SegmentContacts
from tap_constantcontact.streams.email_reports import EMAIL_REPORTS, EmailLinks
from tap_constantcontact.streams.emails import CampaignActivities, Campaigns
from tap_constantcontact.streams.mismatches import SyncMismatches
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats
from tap_constantcontact.streams.summaries import CampaignSummaries

STREAMS: tuple[type[ConstantContactStream], ...] = (
    ContactLists,
    Contacts,
    ContactCounts,
    Campaigns,
    CampaignActivities,
    CampaignSummaries,
    CampaignStats,
    CampaignActivityStats,
    *EMAIL_REPORTS,
    EmailLinks,
    SyncMismatches,
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactOpenAndClickRates,
    ContactSmsHistory,
    SegmentContacts,
)
"""Every stream, once, in the order in which they are read."""
