"""What the account wants to know of its contacts: /contact_custom_fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import CONTACTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import as_date
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Choice, CustomField


def _created_at(custom_field: CustomField) -> datetime:
    return custom_field.created_at


def _id(custom_field: CustomField) -> str:
    return custom_field.custom_field_id


_PAGING = Paging(limit=(50, 100), moment=_created_at)


def collection(call: Call) -> dict[str, Any]:
    """Show the fields, the newest first and by id within a second. A deleted one is not there."""
    fields = sorted(call.account.custom_fields.values(), key=_id)
    fields.sort(key=_created_at, reverse=True)
    rows, more = _PAGING.cut(call, fields)
    return {"custom_fields": [_custom_field(each) for each in rows]} | more


def detail(call: Call) -> dict[str, Any]:
    """Show one field."""
    custom_field = call.account.custom_fields.get(call.uuid("custom_field_id"))
    if custom_field is None:
        raise CONTACTS.not_found("Custom field not found.")
    return _custom_field(custom_field)


def _custom_field(custom_field: CustomField) -> dict[str, Any]:
    shown = present(custom_field)
    if custom_field.metadata is not None:
        shown["metadata"] = present(custom_field.metadata)
    if custom_field.choices:
        shown["choices"] = [_choice(custom_field, each) for each in custom_field.choices]
    return shown


def _choice(custom_field: CustomField, choice: Choice) -> dict[str, Any]:
    shown = {"custom_field_id": custom_field.custom_field_id, **present(choice)}
    if choice.deleted_at is not None:
        shown["deleted_at"] = as_date(choice.deleted_at)
    return shown


ROUTES = (
    Route(
        "/contact_custom_fields",
        collection,
        CONTACTS,
        "contact_data",
        "contacts:read",
        cursor="cursor",
    ),
    Route(
        "/contact_custom_fields/{custom_field_id}",
        detail,
        CONTACTS,
        "contact_data",
        "contacts:read",
    ),
)
