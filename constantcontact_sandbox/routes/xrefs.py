"""What contacts and lists were called in the older V2 API: …/contact_id_xrefs, …/list_id_xrefs.

An account counts its contacts, and its lists, as they come: that number is their older id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import CONTACTS
from constantcontact_sandbox.calls import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.switches import Switches

_MOST = 500


def contacts(call: Call) -> dict[str, Any]:
    """Show which contacts the older ids name."""
    return _xrefs(call, "contact_id", call.account.contacts)


def lists(call: Call) -> dict[str, Any]:
    """Show which lists the older ids name."""
    return _xrefs(call, "list_id", call.account.lists)


def _xrefs(call: Call, name: str, records: Mapping[str, object]) -> dict[str, Any]:
    """Show both ids of each, in the order of the older ones; what is unknown is left out."""
    asked = call.words("sequence_ids")
    if not 1 <= len(asked) <= _MOST or not all(each.isdecimal() for each in asked):
        raise call.invalid("sequence_ids")
    wanted = set(map(int, asked))
    return {
        "xrefs": [
            {"sequence_id": str(number), name: record_id}
            for number, record_id in enumerate(records, start=1)
            if number in wanted
        ]
    }


def _lists_privilege(switches: Switches) -> str:
    return switches.lists_privilege


ROUTES = (
    Route("/contacts/contact_id_xrefs", contacts, CONTACTS, "contact_data", "contacts:read"),
    Route("/contact_lists/list_id_xrefs", lists, CONTACTS, "contact_data", _lists_privilege),
)
