"""The endpoints of the API, one module for each of its headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.routes import (
    account,
    activities,
    contacts,
    custom_fields,
    email_reports,
    emails,
    lists,
    stats,
    summaries,
    tags,
)

if TYPE_CHECKING:
    from constantcontact_sandbox.calls import Route

#: Every endpoint, once. Of two that match a path the first one answers.
ROUTES: tuple[Route, ...] = (
    *account.ROUTES,
    *contacts.ROUTES,
    *lists.ROUTES,
    *tags.ROUTES,
    *custom_fields.ROUTES,
    *emails.ROUTES,
    *activities.ROUTES,
    *stats.ROUTES,
    *email_reports.ROUTES,
    *summaries.ROUTES,
)
