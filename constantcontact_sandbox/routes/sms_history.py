"""When a contact agreed to text messages: /contacts/sms_engagement_history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import CONTACTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import as_date, at_home, at_home_in_words
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import SmsHistory


def history(call: Call) -> list[dict[str, Any]]:
    """Show what a contact did about text messages, the oldest first: all of it, or nothing."""
    contact = call.account.contacts.get(call.uuid("contact_id"))
    if contact is None:
        raise CONTACTS.not_found("Contact not found.")
    channel = contact.sms_channel
    if channel is None:
        return []
    return [
        {
            "contact_id": contact.contact_id,
            "sms_channel_id": channel.sms_channel_id,
            "sms_channel_history_id": each.sms_channel_history_id,
            "insert_time": at_home(each.insert_time),
            "history_details": _details(each),
        }
        for each in channel.history
    ]


def _details(entry: SmsHistory) -> dict[str, Any]:
    shown = present(entry)
    del shown["sms_channel_history_id"], shown["insert_time"]
    shown["consent_action_time"] = at_home_in_words(entry.consent_action_time)
    if entry.consent_medium_type == "FI":
        shown["source_consent_timestamp"] = as_date(entry.consent_action_time)
    return shown


ROUTES = (
    Route(
        "/contacts/sms_engagement_history/{contact_id}",
        history,
        CONTACTS,
        "contact_data",
        "contacts:read",
    ),
)
