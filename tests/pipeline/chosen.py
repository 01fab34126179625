"""What the tables must hold of what is asked only of those whom settings name: see `truth`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from constantcontact_sandbox import Account

Row = dict[str, Any]

VISIT = ("campaign_activity_id", "contact_id", "created_time", "url_id", "occurrence")

PAGES = {
    "landing_page_opens": ("opens", "p_contact_opens"),
    "landing_page_unique_opens": ("opens", "p_contact_opens"),
    "landing_page_unique_clicks": ("clicks", "p_contact_click"),
    "landing_page_unique_adds": ("adds", "p_contact_adds"),
    "landing_page_unique_updates": ("updates", "p_contact_updates"),
    "landing_page_unique_sms_optins": ("sms_optins", "p_contact_sms_optins"),
}
"""Where a landing page has what happened there, and what the reports call it."""

KEYS: dict[str, tuple[str, ...]] = {
    "contact_activity_details": (
        "contact_id",
        "campaign_activity_id",
        "tracking_activity_type",
        "created_time",
        "occurrence",
    ),
    "contact_activity_summaries": ("contact_id", "campaign_activity_id"),
    "contact_open_and_click_rates": ("contact_id",),
    "contact_sms_history": ("sms_channel_history_id",),
    "segment_contacts": ("segment_id", "contact_id"),
    **dict.fromkeys(PAGES, VISIT),
}

MOMENTS = ("insert_time", "history_details__consent_action_time", "start_on")

MAIL = {
    "em_sends": "sends",
    "em_opens": "opens",
    "em_clicks": "clicks",
    "em_bounces": "bounces",
    "em_optouts": "optouts",
    "em_forwards": "forwards",
}
VISITS = {
    "p_contact_open": "opens",
    "p_contact_click": "clicks",
    "p_contact_add": "adds",
    "p_contact_update": "updates",
}
"""What the reports on a contact call what happened, and where it is kept."""

FEW = 4


def settings(account: Account) -> dict[str, Any]:
    """Return the settings that name them: some contacts, and all of everything else."""
    return {
        "contact_report_ids": _watched(account),
        "sms_history_ids": [each.contact_id for each in _reachable(account)],
        "segment_ids": [str(key) for key in account.segments],
        "landing_page_ids": list(account.landing_pages),
    }


def expected(account: Account, reported: Sequence[Any]) -> dict[str, list[Row]]:
    """Return the rows of every such table as the account would fill it.

    Args:
        account: The truth.
        reported: The activities that have reports.
    """
    return {
        "contact_activity_details": [
            row for key in _watched(account) for row in _details(account, key, reported)
        ],
        "contact_activity_summaries": [
            row for key in _watched(account) for row in _summaries(key, reported)
        ],
        "contact_open_and_click_rates": [_rates(key, reported) for key in _watched(account)],
        "contact_sms_history": [
            _consent(contact, entry)
            for contact in _reachable(account)
            for entry in contact.sms_channel.history
        ],
        "segment_contacts": [
            {"segment_id": segment.segment_id, "contact_id": contact.contact_id}
            for segment in account.segments.values()
            if segment.deleted_at is None
            for contact in account.members_of(segment)
        ],
        **{name: list(_visits(account, name)) for name in PAGES},
    }


def is_past(account: Account, name: str, key: tuple[Any, ...]) -> bool:
    """Tell whether a row is of an earlier visit, where a report shows each contact's last one.

    When it happened is a part of the key, so such rows stay.
    """
    if name not in PAGES or "unique" not in name:
        return False
    page_id, contact_id, created, url_id, _ = key
    events = getattr(account.landing_pages[page_id], PAGES[name][0])
    return any(
        (each.contact_id, _minute(each.at), getattr(each, "url_id", ""))
        == (contact_id, created, url_id)
        for each in events
    )


def _watched(account: Account) -> list[str]:
    return list(account.contacts)[:FEW]


def _reachable(account: Account) -> list[Any]:
    return [each for each in account.contacts.values() if each.sms_channel]


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _of(contact_id: str, events: Iterable[Any]) -> list[Any]:
    return [each for each in events if each.contact_id == contact_id]


def _details(account: Account, contact_id: str, reported: Sequence[Any]) -> Iterator[Row]:
    places = [
        *((each, account.campaigns[each.campaign_id].name, MAIL) for each in reported),
        *((each, each.name, VISITS) for each in account.landing_pages.values()),
    ]
    for place, name, kinds in places:
        for kind, events in kinds.items():
            for event in _of(contact_id, getattr(place, events)):
                yield {
                    "contact_id": contact_id,
                    "campaign_activity_id": place.campaign_activity_id,
                    "tracking_activity_type": kind,
                    "created_time": _minute(event.at),
                    "campaign_activity_name": name,
                }


def _summaries(contact_id: str, reported: Sequence[Any]) -> Iterator[Row]:
    for activity in reported:
        sends = _of(contact_id, activity.sends)
        if sends:
            last = max(each.at for each in sends)
            yield {
                "contact_id": contact_id,
                "campaign_activity_id": activity.campaign_activity_id,
                "start_on": last.replace(microsecond=last.microsecond // 1000 * 1000),
                **{
                    kind.replace("optouts", "unsubscribes"): len(
                        _of(contact_id, getattr(activity, events))
                    )
                    for kind, events in MAIL.items()
                },
            }


def _rates(contact_id: str, reported: Sequence[Any]) -> Row:
    sent = [each for each in reported if _of(contact_id, each.sends)]
    opened = sum(bool(_of(contact_id, each.opens)) for each in sent)
    clicked = sum(bool(_of(contact_id, each.clicks)) for each in sent)
    return {
        "contact_id": contact_id,
        "included_activities_count": len(sent),
        "average_open_rate": opened / len(sent) if sent else 0,
        "average_click_rate": clicked / len(sent) if sent else 0,
    }


def _consent(contact: Any, entry: Any) -> Row:
    said = entry.consent_action_time
    from_file = entry.consent_medium_type == "FI"
    return {
        "sms_channel_history_id": entry.sms_channel_history_id,
        "contact_id": contact.contact_id,
        "sms_channel_id": contact.sms_channel.sms_channel_id,
        "insert_time": entry.insert_time.replace(microsecond=0),
        "history_details__consent_action_time": said.replace(microsecond=0),
        "history_details__source_consent_timestamp": f"{said:%Y-%m-%d}" if from_file else None,
        **{
            f"history_details__{name}": getattr(entry, name)
            for name in (
                "state",
                "source",
                "consent_type",
                "consent_action_type",
                "consent_medium_type",
                "source_sms_number",
                "advertised_frequency",
                "advertised_interval",
            )
        },
    }


def _visits(account: Account, name: str) -> Iterator[Row]:
    events, kind = PAGES[name]
    for page in account.landing_pages.values():
        visits = sorted(getattr(page, events), key=lambda each: each.at, reverse=True)
        last: dict[tuple[str, str], Any] = {}
        for each in visits:
            last.setdefault((each.contact_id, getattr(each, "url_id", "")), each)
        for each in last.values() if "unique" in name else visits:
            yield {
                "campaign_activity_id": page.campaign_activity_id,
                "contact_id": each.contact_id,
                "created_time": _minute(each.at),
                "url_id": getattr(each, "url_id", ""),
                "tracking_activity_type": kind,
                "email_address": each.email_address,
                **{
                    field: getattr(each, field)
                    for field in ("device_type", "link_url")
                    if hasattr(each, field) and "unique_opens" not in name
                },
            }
