"""The streams, in rooms named after the headings of the API."""

from tap_constantcontact.streams.account import AccountEmails, AccountSummary, UserPrivileges
from tap_constantcontact.streams.activities import ACTIVITY_DETAILS
from tap_constantcontact.streams.automations import Automations
from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.streams.bulk_activities import BulkActivities
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactCounts,
    ContactOpenAndClickRates,
    ContactSmsHistory,
)
from tap_constantcontact.streams.contacts import ContactLists, Contacts, SegmentContacts
from tap_constantcontact.streams.custom_fields import ContactCustomFields
from tap_constantcontact.streams.email_reports import DERIVED_REPORTS, EMAIL_REPORTS
from tap_constantcontact.streams.emails import Campaigns
from tap_constantcontact.streams.events import (
    EventRegistrationDetails,
    EventRegistrations,
    Events,
)
from tap_constantcontact.streams.landing_pages import LANDING_PAGE_REPORTS
from tap_constantcontact.streams.mismatches import SyncMismatches
from tap_constantcontact.streams.segments import SegmentCriteria, Segments
from tap_constantcontact.streams.social import (
    SocialConnections,
    SocialHashtagGroups,
    SocialProfiles,
)
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats
from tap_constantcontact.streams.summaries import CampaignSummaries, SmsCampaignSummaries
from tap_constantcontact.streams.tags import ContactTags

STREAMS: tuple[type[ConstantContactStream], ...] = (
    AccountSummary,
    AccountEmails,
    UserPrivileges,
    ContactTags,
    ContactCustomFields,
    Segments,
    SegmentCriteria,
    BulkActivities,
    Automations,
    SocialProfiles,
    SocialConnections,
    SocialHashtagGroups,
    SmsCampaignSummaries,
    ContactLists,
    Contacts,
    ContactCounts,
    Campaigns,
    *ACTIVITY_DETAILS,
    CampaignSummaries,
    CampaignStats,
    CampaignActivityStats,
    *EMAIL_REPORTS,
    *DERIVED_REPORTS,
    Events,
    EventRegistrations,
    EventRegistrationDetails,
    SyncMismatches,
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactOpenAndClickRates,
    ContactSmsHistory,
    SegmentContacts,
    *LANDING_PAGE_REPORTS,
)
"""Every stream, once, in the order in which they are read."""
