"""Whose account it is, from which addresses it sends, and what its user may do.

Source: the vendor's guide, "Account Services"; docs/api-notes.md, "Times are written in several
ways".
"""

from __future__ import annotations

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream

PHYSICAL_ADDRESS = {
    "address_line1": "Street and number of the organization",
    "address_line2": "The address's second line",
    "address_line3": "The address's third line",
    "city": "The organization's town",
    "state_code": "Its state, in the United States and Canada: two letters",
    "state_name": "Its state or province elsewhere",
    "postal_code": "Its postal code",
    "country_code": "Its country: two letters",
}
"""The fields of `physical_address`, and what they say: columns `physical_address__…`."""

COMPANY_LOGO = {
    "url": "Where the organization's logo is",
    "external_url": "Where the logo was taken from, if it was from elsewhere",
    "internal_id": "The logo's id in the account's library",
}
"""The fields of `company_logo`, and what they say: columns `company_logo__…`."""


class AccountSummary(ConstantContactStream):
    """Whose account it is, with its postal address and logo: one row."""

    name = "account_summary"
    path = "/account/summary"
    params = {"extra_fields": "physical_address,company_logo"}
    primary_keys = ("encoded_account_id",)
    unfolded = {"physical_address": "physical_address__", "company_logo": "company_logo__"}
    scope = "account_read"
    privilege = "account:read"
    schema = th.PropertiesList(
        th.Property("encoded_account_id", th.StringType, required=True, description="The account."),
        th.Property(
            "encoded_partner_id", th.StringType, description="The partner the account came by."
        ),
        th.Property("organization_name", th.StringType, description="The organization's name."),
        th.Property("organization_phone", th.StringType, description="Its phone number."),
        th.Property("website", th.StringType, description="Its website."),
        th.Property("first_name", th.StringType, description="The owner's first name."),
        th.Property("last_name", th.StringType, description="The owner's last name."),
        th.Property("contact_email", th.StringType, description="The owner's e-mail address."),
        th.Property("contact_phone", th.StringType, description="The owner's phone number."),
        th.Property(
            "country_code", th.StringType, description="Country, two letters, small or capital."
        ),
        th.Property("state_code", th.StringType, description="State, two letters."),
        th.Property(
            "time_zone_id", th.StringType, description="The account's time zone: US/Eastern …"
        ),
        *(
            th.Property(f"physical_address__{name}", th.StringType, description=f"{what}.")
            for name, what in PHYSICAL_ADDRESS.items()
        ),
        *(
            th.Property(f"company_logo__{name}", th.StringType, description=f"{what}.")
            for name, what in COMPANY_LOGO.items()
        ),
    ).to_dict()


class AccountEmails(ConstantContactStream):
    """The addresses from which the account may send, once they are confirmed."""

    name = "account_emails"
    path = "/account/emails"
    primary_keys = ("email_id",)
    vanishes = True
    scope = "account_read"
    privilege = "account:read"
    schema = th.PropertiesList(
        th.Property("email_id", th.IntegerType, required=True, description="The address's id."),
        th.Property("email_address", th.StringType, description="The address."),
        th.Property(
            "confirm_status", th.StringType, description="Whether it is CONFIRMED or UNCONFIRMED."
        ),
        th.Property("confirm_time", th.DateTimeType, description="When it was confirmed."),
        th.Property(
            "confirm_source_type", th.StringType, description="Who confirmed it: SITE_OWNER …"
        ),
        th.Property(
            "confirm_source",
            th.StringType,
            description="From which network address it was confirmed.",
        ),
        th.Property(
            "roles",
            th.ArrayType(th.StringType),
            description="What it is used for: CONTACT, BILLING, REPLY_TO …",
        ),
        th.Property(
            "pending_roles",
            th.ArrayType(th.StringType),
            description="What it will be used for once it is confirmed.",
        ),
    ).to_dict()


class UserPrivileges(ConstantContactStream):
    """What whoever signed in may do in the account."""

    name = "user_privileges"
    path = "/account/user/privileges"
    primary_keys = ("privilege_id",)
    vanishes = True
    scope = None
    privilege = None
    schema = th.PropertiesList(
        th.Property("privilege_id", th.IntegerType, required=True, description="The privilege."),
        th.Property("privilege_name", th.StringType, description="Its name: contacts:read …"),
    ).to_dict()
