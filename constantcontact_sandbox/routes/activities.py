"""The e-mails of a campaign, one by one: /emails/activities/{campaign_activity_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import EMAILS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import in_milliseconds
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Activity, NonOpenerResend, SendRun

_INCLUDES = frozenset(
    {"physical_address_in_footer", "permalink_url", "html_content", "document_properties"}
)
_HEADERS = ("from_email", "from_name", "reply_to_email", "subject")


def detail(call: Call) -> dict[str, Any]:
    """Show one activity; its content only as far as asked for."""
    include = call.words("include", known=_INCLUDES)
    activity = _activity(call)
    shown: dict[str, Any] = {
        "campaign_activity_id": activity.campaign_activity_id,
        "campaign_id": activity.campaign_id,
        "role": activity.role,
        "contact_list_ids": list(activity.contact_list_ids),
        "segment_ids": list(activity.segment_ids),
        "current_status": activity.current_status.upper(),
        "format_type": activity.format_type,
        **_headers(activity),
    }
    if activity.document_id is not None:
        shown["document_id"] = activity.document_id
    extras = {
        "physical_address_in_footer": _footer(call),
        "permalink_url": activity.permalink_url,
        "html_content": activity.html_content,
        "document_properties": activity.document_properties,
    }
    return shown | {name: extras[name] for name in include if extras[name]}


def previews(call: Call) -> dict[str, Any]:
    """Show what a reader would see."""
    activity = _activity(call)
    html = activity.html_content or f"<html><body><h1>{activity.subject}</h1></body></html>"
    return {
        "campaign_activity_id": activity.campaign_activity_id,
        **_headers(activity),
        "preview_html_content": html,
        "preview_text_content": activity.subject,
    }


def schedules(call: Call) -> list[dict[str, Any]]:
    """Show when it will be sent: nothing unless it is scheduled."""
    activity = _activity(call)
    if activity.scheduled_date is None:
        return []
    return [{"scheduled_date": in_milliseconds(activity.scheduled_date)}]


def send_history(call: Call) -> list[dict[str, Any]]:
    """Show each time it was sent, the first one first."""
    return [_run(each) for each in _activity(call).send_history]


def non_opener_resends(call: Call) -> list[dict[str, Any]]:
    """Show the wish to send it again to those who did not open it, if there is one."""
    activity = _activity(call)
    if activity.role != "primary_email":
        raise EMAILS.not_found("Only primary_email campaign activities can be resent.")
    wish = activity.non_opener_resend
    return [] if wish is None else [_resend(wish)]


def ab_test(call: Call) -> dict[str, Any]:
    """Show the second subject on trial; most e-mails have none."""
    activity = _activity(call)
    if activity.ab_test is None:
        raise EMAILS.not_found("The campaign activity has no A/B test.")
    return present(activity.ab_test)


def _activity(call: Call) -> Activity:
    """Return the activity asked for: removed ones cannot be had."""
    activity = call.account.activities.get(call.uuid("campaign_activity_id"))
    if activity is None or activity.current_status == "Removed":
        raise EMAILS.not_found("Campaign activity not found.")
    return activity


def _headers(activity: Activity) -> dict[str, Any]:
    headers: dict[str, Any] = {name: getattr(activity, name) for name in _HEADERS}
    if activity.preheader is not None:
        headers["preheader"] = activity.preheader
    return headers


def _footer(call: Call) -> dict[str, Any] | None:
    owner = call.account.owner
    if owner.physical_address is None:
        return None
    return {**present(owner.physical_address), "organization_name": owner.organization_name}


def _run(run: SendRun) -> dict[str, Any]:
    return {
        **present(run),
        "run_date": in_milliseconds(run.run_date),
        "contact_list_ids": list(run.contact_list_ids),
        "segment_ids": list(run.segment_ids),
    }


def _resend(wish: NonOpenerResend) -> dict[str, Any]:
    shown = present(wish)
    if wish.delay_days is not None:
        shown["delay_days"] = wish.delay_days
    if wish.resend_date is not None:
        shown["resend_date"] = in_milliseconds(wish.resend_date)
    return shown


_ACTIVITY = "/emails/activities/{campaign_activity_id}"

ROUTES = tuple(
    Route(f"{_ACTIVITY}{path}", answer, EMAILS, "campaign_data", "campaign:read")
    for path, answer in {
        "": detail,
        "/previews": previews,
        "/schedules": schedules,
        "/send_history": send_history,
        "/non_opener_resends": non_opener_resends,
        "/abtest": ab_test,
    }.items()
)
