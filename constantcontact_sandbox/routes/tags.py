"""The labels on contacts: /contact_tags."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import API_PREFIX, CONTACTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Tag

_ACCOUNT_NUMBER = 1142349074886  # as internal paths name an account


def _created_at(tag: Tag) -> datetime:
    return tag.created_at


def _links(call: Call, query: str) -> dict[str, Any]:
    """Link to the next page as only tags do: by a path that clients cannot reach."""
    style = call.switches.tag_links
    if style == "internal":
        path = f"/contacts-service/v3/accounts/{_ACCOUNT_NUMBER}/contact_tags"
        return {"next": {"href": f"{path}?{query}"}}
    link = {"next": {"href": f"{API_PREFIX}{call.path}?{query}"}}
    return {"next": link} if style == "nested" else link


_PAGING = Paging(limit=(50, 500), moment=_created_at, oldest_first=True, links=_links)


def collection(call: Call) -> dict[str, Any]:
    """Show the tags, the oldest first. A deleted one is not there."""
    tags = sorted(call.account.tags.values(), key=_created_at)
    rows, more = _PAGING.cut(call, tags)
    sizes = _sizes(call)
    body: dict[str, Any] = {"tags": [_tag(each, sizes) for each in rows]}
    if sizes is not None:
        body["tags_count"] = len(tags)
    return body | more


def detail(call: Call) -> dict[str, Any]:
    """Show one tag."""
    tag = call.account.tags.get(call.uuid("tag_id"))
    if tag is None:
        raise CONTACTS.not_found("Tag not found.")
    return _tag(tag, _sizes(call))


def _sizes(call: Call) -> Counter[str] | None:
    return _count(call.account) if call.flag("include_count") else None


def _count(account: Account) -> Counter[str]:
    return Counter(
        tag_id
        for contact in account.contacts.values()
        if contact.deleted_at is None
        for tag_id in contact.taggings
    )


def _tag(tag: Tag, sizes: Counter[str] | None) -> dict[str, Any]:
    shown = present(tag)
    if sizes is not None:
        shown["contacts_count"] = sizes[tag.tag_id]
    return shown


ROUTES = (
    Route("/contact_tags", collection, CONTACTS, "contact_data", "contacts:read", cursor="cursor"),
    Route("/contact_tags/{tag_id}", detail, CONTACTS, "contact_data", "contacts:read"),
)
