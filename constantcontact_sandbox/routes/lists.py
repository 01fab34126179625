"""The lists that contacts are members of: /contact_lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import CONTACTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import ContactList
    from constantcontact_sandbox.switches import Switches

_STATUSES = frozenset({"all", "active", "deleted"})
_CHANNELS = frozenset({"email", "sms"})
_COUNTED = frozenset({"all", "active"})


def _created_at(contact_list: ContactList) -> datetime:
    return contact_list.created_at


_PAGING = Paging(limit=(50, 1000), moment=_created_at)


def collection(call: Call) -> dict[str, Any]:
    """Show the lists of one channel, the newest first; SMS lists only when asked for."""
    statuses = set(call.words("status", known=_STATUSES)) or {call.switches.default_list_status}
    channel = call.one_of("channel_type", _CHANNELS) or "email"
    counted = _counted(call, channel)
    name = call.text("name")
    matching = [
        each
        for each in call.account.lists.values()
        if each.channel == channel
        and ("all" in statuses or ("deleted" if each.deleted_at else "active") in statuses)
        and (name is None or each.name == name)
    ]
    matching.sort(key=_created_at, reverse=True)
    rows, more = _PAGING.cut(call, matching)
    sizes = _sizes(call.account, counted)
    body: dict[str, Any] = {"lists": [_list(each, sizes) for each in rows]}
    if call.flag("include_count"):
        body["lists_count"] = len(matching)
    return body | more


def detail(call: Call) -> dict[str, Any]:
    """Show one list, deleted or not."""
    counted = call.one_of("include_membership_count", _COUNTED)
    contact_list = call.account.lists.get(call.ids["list_id"].lower())
    if contact_list is None:
        raise CONTACTS.not_found("List not found.")
    return _list(contact_list, _sizes(call.account, counted))


def _counted(call: Call, channel: str) -> str | None:
    if channel == "sms" and call.flag("include_sms_membership_count"):
        return "all"
    return call.one_of("include_membership_count", _COUNTED)


def _sizes(account: Account, counted: str | None) -> Counter[str] | None:
    """Count the members of each list: all of them, or those who may be mailed."""
    if counted is None:
        return None
    return Counter(
        list_id
        for contact in account.contacts.values()
        if counted == "all" or contact.is_active
        for list_id in contact.list_memberships
    )


def _list(contact_list: ContactList, sizes: Counter[str] | None) -> dict[str, Any]:
    shown = present(contact_list)
    del shown["channel"]
    if not contact_list.description:
        shown.pop("description", None)
    if sizes is not None:
        shown["membership_count"] = sizes[contact_list.list_id]
    return shown


def _privilege(switches: Switches) -> str:
    return switches.lists_privilege


ROUTES = (
    Route("/contact_lists", collection, CONTACTS, "contact_data", _privilege, cursor="cursor"),
    Route("/contact_lists/{list_id}", detail, CONTACTS, "contact_data", _privilege),
)
