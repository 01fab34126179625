"""What was done to many contacts at once: /activities."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import API_PREFIX, CONTACTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.bulk_activities import BulkActivity
    from constantcontact_sandbox.calls import Call

_STATES = frozenset({"processing", "completed", "cancelled", "failed", "timed_out"})
_SHOWN_FOR = timedelta(days=10)


def _created_at(job: BulkActivity) -> datetime:
    return job.created_at


def _id(job: BulkActivity) -> str:
    return job.activity_id


_PAGING = Paging(limit=(50, 500), moment=_created_at, row_id=_id)


def collection(call: Call) -> dict[str, Any]:
    """Show the jobs of the last ten days, the newest first."""
    state = call.one_of("state", _STATES)
    jobs = [each for each in _shown(call) if state is None or each.state == state]
    jobs.sort(key=_created_at, reverse=True)
    rows, more = _PAGING.cut(call, jobs)
    # As seen live: each row links to the last row of its page.
    return {"activities": [_job(each, link_to=rows[-1]) for each in rows]} | more


def detail(call: Call) -> dict[str, Any]:
    """Show one job of the last ten days."""
    activity_id = call.uuid("activity_id")
    for job in _shown(call):
        if job.activity_id == activity_id:
            return _job(job, link_to=job)
    raise CONTACTS.not_found("Activity not found.")


def _shown(call: Call) -> list[BulkActivity]:
    since = call.now - _SHOWN_FOR
    return [each for each in call.account.bulk_activities.values() if each.created_at >= since]


def _job(job: BulkActivity, *, link_to: BulkActivity) -> dict[str, Any]:
    shown = present(job)
    del shown["kind"]
    shown.pop("results_id", None)
    links = {"self": {"href": f"{API_PREFIX}/activities/{link_to.activity_id}"}}
    if job.results_id is not None:
        links["results"] = {"href": f"{API_PREFIX}/contact_exports/{job.results_id}"}
    shown |= {"activity_errors": list(job.errors), "_links": links}
    if job.counts:
        shown["status"] = dict(job.counts)
    return shown


ROUTES = (
    Route("/activities", collection, CONTACTS, "contact_data", "contacts:write", "cursor"),
    Route("/activities/{activity_id}", detail, CONTACTS, "contact_data", "contacts:write"),
)
