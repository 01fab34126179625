"""E-mail campaigns: /emails and /emails/{campaign_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import EMAILS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import in_milliseconds
from constantcontact_sandbox.pages import Paging

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Activity, Campaign


def _created_at(campaign: Campaign) -> datetime:
    return campaign.created_at


def _updated_at(campaign: Campaign) -> datetime:
    return campaign.updated_at


_ORDERS = {
    "created": Paging(limit=(50, 500), moment=_created_at),
    "updated": Paging(limit=(50, 500), moment=_updated_at),
}


def collection(call: Call) -> dict[str, Any]:
    """Show the campaigns, removed ones too, their status in title case."""
    paging = _ORDERS[call.switches.emails_order]
    changed = call.between("after_date", "before_date", _updated_at)
    moment = _updated_at if call.switches.emails_order == "updated" else _created_at
    matching = [
        each for each in call.account.campaigns.values() if changed is None or changed(each)
    ]
    matching.sort(key=moment, reverse=True)
    rows, more = paging.cut(call, matching)
    return {"campaigns": [_campaign(each) for each in rows]} | more


def detail(call: Call) -> dict[str, Any]:
    """Show one campaign and what it consists of, its status in upper case."""
    campaign = call.account.campaigns.get(call.uuid("campaign_id"))
    if campaign is None:
        raise EMAILS.not_found("Campaign not found.")
    return {
        "campaign_activities": [_reference(each) for each in campaign.activities],
        **_campaign(campaign),
        "current_status": campaign.current_status.upper(),
    }


def _campaign(campaign: Campaign) -> dict[str, Any]:
    return {
        "campaign_id": campaign.campaign_id,
        "created_at": in_milliseconds(campaign.created_at),
        "current_status": campaign.current_status,
        "name": campaign.name,
        "type": campaign.type,
        "type_code": campaign.type_code,
        "updated_at": in_milliseconds(campaign.updated_at),
    }


def _reference(activity: Activity) -> dict[str, Any]:
    shown = {"campaign_activity_id": activity.campaign_activity_id, "role": activity.role}
    if activity.document_id is not None:
        shown["document_id"] = activity.document_id
    return shown


ROUTES = (
    Route("/emails", collection, EMAILS, "campaign_data", "campaign:read", cursor="next"),
    Route("/emails/{campaign_id}", detail, EMAILS, "campaign_data", "campaign:read"),
)
