"""The endpoints of the API, one module for each of its headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.routes import (
    account,
    activities,
    automations,
    bulk_activities,
    contact_reports,
    contacts,
    custom_fields,
    email_reports,
    emails,
    events,
    landing_pages,
    lists,
    registrations,
    segments,
    sms_history,
    social,
    stats,
    summaries,
    tags,
    text_summaries,
    xrefs,
)

if TYPE_CHECKING:
    from constantcontact_sandbox.calls import Route

#: Every endpoint, once. Of two that match a path the first one answers.
ROUTES: tuple[Route, ...] = (
    *account.ROUTES,
    *xrefs.ROUTES,
    *sms_history.ROUTES,
    *contacts.ROUTES,
    *lists.ROUTES,
    *segments.ROUTES,
    *tags.ROUTES,
    *custom_fields.ROUTES,
    *bulk_activities.ROUTES,
    *emails.ROUTES,
    *activities.ROUTES,
    *stats.ROUTES,
    *email_reports.ROUTES,
    *contact_reports.ROUTES,
    *summaries.ROUTES,
    *text_summaries.ROUTES,
    *landing_pages.ROUTES,
    *events.ROUTES,
    *registrations.ROUTES,
    *automations.ROUTES,
    *social.ROUTES,
)
