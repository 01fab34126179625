"""Whose account it is: /account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import ACCOUNT
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import AccountEmail

_EXTRA_FIELDS = frozenset({"physical_address", "company_logo"})
_CONFIRM_STATUS = {"C": "CONFIRMED", "U": "UNCONFIRMED"}
_ROLES = {"C": "CONTACT", "B": "BILLING", "J": "JOURNALING", "R": "REPLY_TO", "O": "OTHER"}


def summary(call: Call) -> dict[str, Any]:
    """Show the owner; the address and the logo only when asked for."""
    extra = call.words("extra_fields", known=_EXTRA_FIELDS)
    owner = present(call.account.owner)
    shown = {name: value for name, value in owner.items() if name not in _EXTRA_FIELDS}
    for name in extra:
        record = getattr(call.account.owner, name)
        if record is not None:
            shown[name] = present(record)
    return shown


def emails(call: Call) -> list[dict[str, Any]]:
    """Show the addresses the account may send from."""
    status = call.one_of("confirm_status", _spellings(_CONFIRM_STATUS))
    role = call.one_of("role_code", _spellings(_ROLES))
    address = call.text("email_address")
    return [
        _email(each)
        for each in call.account.emails
        if (status is None or each.confirm_status == _CONFIRM_STATUS.get(status, status))
        and (role is None or _ROLES.get(role, role) in each.roles)
        and (address is None or each.email_address == address)
    ]


def _spellings(codes: dict[str, str]) -> frozenset[str]:
    return frozenset({*codes, *codes.values()})


def _email(email: AccountEmail) -> dict[str, Any]:
    shown = {**present(email), "roles": list(email.roles)}
    if email.pending_roles:
        shown["pending_roles"] = list(email.pending_roles)
    if email.confirm_time is not None:
        shown["confirm_time"] = _confirm_time(email.confirm_time)
    return shown


def _confirm_time(moment: datetime) -> str:
    """Write a moment as only this endpoint does, its offset without a colon."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def privileges(call: Call) -> list[dict[str, Any]]:
    """Show what the user may do; any valid token may ask."""
    return [present(each) for each in call.account.held_privileges]


ROUTES = (
    Route("/account/summary", summary, ACCOUNT, "account_read", "account:read"),
    Route("/account/emails", emails, ACCOUNT, "account_read", "account:read"),
    Route("/account/user/privileges", privileges, ACCOUNT, None, None),
)
