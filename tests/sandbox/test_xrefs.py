"""/contacts/contact_id_xrefs and /contact_lists/list_id_xrefs: ids of the older V2 API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from constantcontact_sandbox import Account
    from tests.sandbox.client import Client

PATHS = ("/contacts/contact_id_xrefs", "/contact_lists/list_id_xrefs")


def test_older_ids_name_contacts_in_their_order_deleted_ones_too(
    account: Account, client: Client
) -> None:
    contacts = [account.add_contact() for _ in range(3)]
    account.delete_contact(contacts[0])
    assert client.get("/contacts/contact_id_xrefs", sequence_ids="3,99,1") == {
        "xrefs": [
            {"sequence_id": "1", "contact_id": contacts[0].contact_id},
            {"sequence_id": "3", "contact_id": contacts[2].contact_id},
        ]
    }


def test_older_ids_name_lists(account: Account, client: Client) -> None:
    lists = [account.add_list(name) for name in ("News", "Shop")]
    assert client.get("/contact_lists/list_id_xrefs", sequence_ids="2") == {
        "xrefs": [{"sequence_id": "2", "list_id": lists[1].list_id}]
    }


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "asked", [{}, {"sequence_ids": "one"}, {"sequence_ids": ",".join(["1"] * 501)}]
)
def test_one_to_five_hundred_numbers_are_required(
    client: Client, path: str, asked: dict[str, str]
) -> None:
    status, [error] = client.ask(path, **asked)
    assert (status, error["error_message"]) == (400, "sequence_ids does not have a valid value")
