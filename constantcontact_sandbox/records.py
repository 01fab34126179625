"""What a Constant Contact account holds, in Python's own types.

    Owner, AccountEmail, Privilege       who the account belongs to and what its user may do
    Contact                              a person, with
      EmailAddress, SmsChannel             the two ways to reach one, each with its permission
      FieldValue, PhoneNumber,
      StreetAddress, Note                  what else is known of one
    ContactList, Tag, CustomField        how people are sorted and described
    Campaign                             an e-mail campaign, with
      Activity                             its e-mail, its page on the web, its resends, each with
        SendRun, NonOpenerResend, AbTest     when it went out or will again, and how
        Link                                 what can be clicked in it
        Event …                              what people did with it

How the API shows these is the business of the rooms in `routes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

Permission = Literal[
    "explicit", "implicit", "not_set", "pending_confirmation", "temp_hold", "unsubscribed"
]
Source = Literal["Contact", "Account", "Landing Page"]
Channel = Literal["email", "sms"]
SmsPermission = Literal["explicit", "unsubscribed", "pending_confirmation", "not_set"]
SmsAction = Literal["opt_in", "confirmed_opt_in", "re_opt_in", "opt_out"]
SmsMedium = Literal["MD", "FI"]
FieldType = Literal[
    "string",
    "date",
    "datetime",
    "number",
    "currency",
    "text_area",
    "boolean",
    "single_select",
    "multi_select",
]
Role = Literal["primary_email", "permalink", "resend"]
Status = Literal["Draft", "Scheduled", "Executing", "Done", "Error", "Removed"]
Device = Literal["computer", "mobile", "tablet", "other"]
BounceCode = Literal["B", "D", "F", "S", "V", "X", "Z"]

#: Permissions with which the account may send e-mail.
MAILABLE: frozenset[Permission] = frozenset({"explicit", "implicit"})

#: Roles of the activities that are sent, and so have reports.
SENDABLE: frozenset[Role] = frozenset({"primary_email", "resend"})


@dataclass(slots=True)
class PhysicalAddress:
    """Where the organization is, as the foot of every e-mail must say."""

    address_line1: str
    city: str
    country_code: str
    address_line2: str | None = None
    address_line3: str | None = None
    state_code: str | None = None
    state_name: str | None = None
    postal_code: str | None = None


@dataclass(slots=True)
class CompanyLogo:
    """The organization's logo."""

    url: str
    internal_id: str
    external_url: str | None = None


@dataclass(slots=True)
class Owner:
    """Whose account it is."""

    contact_email: str
    country_code: str
    encoded_account_id: str
    encoded_partner_id: str
    first_name: str
    last_name: str
    organization_name: str
    time_zone_id: str
    contact_phone: str | None = None
    organization_phone: str | None = None
    state_code: str | None = None
    website: str | None = None
    physical_address: PhysicalAddress | None = None
    company_logo: CompanyLogo | None = None


@dataclass(slots=True)
class AccountEmail:
    """An address the account may send from, once it is confirmed."""

    email_id: int
    email_address: str
    confirm_status: Literal["CONFIRMED", "UNCONFIRMED"]
    roles: tuple[str, ...] = ()
    pending_roles: tuple[str, ...] = ()
    confirm_time: datetime | None = None
    confirm_source: str | None = None
    confirm_source_type: str | None = None


@dataclass(slots=True)
class Privilege:
    """Something the account's user may do."""

    privilege_id: int
    privilege_name: str


@dataclass(slots=True)
class EmailAddress:
    """A contact's e-mail address and the permission to use it."""

    address: str
    permission_to_send: Permission
    created_at: datetime
    updated_at: datetime
    opt_in_source: Source | None = None
    opt_in_date: datetime | None = None
    opt_out_source: Source | None = None
    opt_out_date: datetime | None = None
    opt_out_reason: str | None = None
    confirm_status: Literal["off", "pending", "confirmed"] = "off"


@dataclass(slots=True)
class FieldValue:
    """What a custom field says of a contact: text, or the choices taken."""

    custom_field_id: str
    value: str | None = None
    choice_ids: tuple[str, ...] = ()


@dataclass(slots=True)
class PhoneNumber:
    """One of a contact's telephone numbers."""

    phone_number_id: str
    phone_number: str
    kind: Literal["home", "work", "mobile", "other"]
    created_at: datetime
    updated_at: datetime
    create_source: Source = "Account"
    update_source: Source | None = None


@dataclass(slots=True)
class StreetAddress:
    """One of a contact's postal addresses."""

    street_address_id: str
    kind: Literal["home", "work", "other"]
    created_at: datetime
    updated_at: datetime
    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(slots=True)
class Note:
    """What somebody wrote down about a contact."""

    note_id: str
    created_at: datetime
    content: str


@dataclass(slots=True)
class SmsConsent:
    """What a contact agreed to by text message."""

    sms_consent_permission: SmsPermission
    created_at: datetime
    updated_at: datetime
    opt_in_date: datetime | None = None
    opt_out_date: datetime | None = None
    advertised_frequency: str | None = None
    advertised_interval: str | None = None
    consent_type: str = "promotional_sms"


@dataclass(slots=True)
class SmsHistory:
    """A time that a contact agreed to text messages, or refused them.

    The codes: `state` E for in and O for out, `source` A for the account and C for the contact,
    the medium FI for an imported file and MD for a mobile device.
    """

    sms_channel_history_id: str
    insert_time: datetime
    state: Literal["E", "O"]
    source: Literal["A", "C"]
    consent_action_time: datetime
    consent_action_type: SmsAction
    consent_medium_type: SmsMedium
    source_sms_number: str | None = None
    advertised_frequency: int | None = None
    advertised_interval: str | None = None
    consent_type: str = "promotional_sms"


@dataclass(slots=True)
class SmsChannel:
    """A contact's number for text messages."""

    sms_channel_id: str
    sms_address: str
    dial_code: str
    country_code: str
    create_source: Source = "Contact"
    update_source: Source | None = None
    consents: tuple[SmsConsent, ...] = ()
    history: tuple[SmsHistory, ...] = ()


@dataclass(slots=True)
class Contact:
    """A person the account may write to, or once could.

    Deleting is soft: the contact stays with a `deleted_at`.
    """

    contact_id: str
    created_at: datetime
    updated_at: datetime
    email_address: EmailAddress | None = None
    first_name: str | None = None
    last_name: str | None = None
    job_title: str | None = None
    company_name: str | None = None
    birthday_month: int | None = None
    birthday_day: int | None = None
    anniversary: date | None = None
    update_source: Source | None = None
    create_source: Source = "Account"
    deleted_at: datetime | None = None
    custom_fields: tuple[FieldValue, ...] = ()
    phone_numbers: tuple[PhoneNumber, ...] = ()
    street_addresses: tuple[StreetAddress, ...] = ()
    list_memberships: tuple[str, ...] = ()
    taggings: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    sms_channel: SmsChannel | None = None

    @property
    def permission(self) -> Permission:
        """The permission to send e-mail; `not_set` for those who have no address."""
        return self.email_address.permission_to_send if self.email_address else "not_set"

    @property
    def is_active(self) -> bool:
        """Whether e-mail may be sent to this contact."""
        return self.deleted_at is None and self.permission in MAILABLE


@dataclass(slots=True)
class ContactList:
    """A list that contacts are members of. Deleting is soft."""

    list_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    favorite: bool = False
    deleted_at: datetime | None = None
    channel: Channel = "email"


@dataclass(slots=True)
class Tag:
    """A label on contacts. A deleted tag is gone."""

    tag_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    tag_source: str | None = None


@dataclass(slots=True)
class Choice:
    """One of the answers a select field offers."""

    choice_id: str
    choice_label: str
    display_order: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


@dataclass(slots=True)
class FieldMetadata:
    """How a custom field is shown and what it accepts."""

    display_type: str | None = None
    allow_negative: bool | None = None
    decimal_places: int | None = None
    currency_code: str | None = None
    integer: bool | None = None
    display_format: str | None = None


@dataclass(slots=True)
class CustomField:
    """Something the account wants to know of its contacts. A deleted field is gone."""

    custom_field_id: str
    label: str
    name: str
    type: FieldType
    created_at: datetime
    updated_at: datetime
    version: int = 1
    metadata: FieldMetadata | None = None
    choices: tuple[Choice, ...] = ()


@dataclass(slots=True)
class Event:
    """Something that happened between one contact and one e-mail, at its exact moment.

    `email_address` is the contact's address of that time.
    """

    contact_id: str
    email_address: str
    at: datetime


@dataclass(slots=True)
class Send(Event):
    """The e-mail went to the contact."""


@dataclass(slots=True)
class Open(Event):
    """The contact opened the e-mail; of old opens the device is not known."""

    device_type: Device | None = None


@dataclass(slots=True)
class Click(Event):
    """The contact clicked a link in the e-mail."""

    url_id: str
    link_url: str
    device_type: Device | None = None


@dataclass(slots=True)
class Bounce(Event):
    """The e-mail came back."""

    bounce_code: BounceCode


@dataclass(slots=True)
class OptOut(Event):
    """The contact left through the e-mail's unsubscribe link."""

    opt_out_reason: str | None = None


@dataclass(slots=True)
class Forward(Event):
    """The contact forwarded the e-mail to a friend."""


@dataclass(slots=True)
class Abuse(Event):
    """The contact called the e-mail spam. Counters know of it, no report does."""


@dataclass(slots=True)
class Link:
    """A link in an e-mail; one that sorts contacts adds who clicks it to a list."""

    url_id: str
    link_url: str
    list_id: str | None = None


@dataclass(slots=True)
class SendRun:
    """One time that an activity was sent, or could not be.

    `reason_code` 0 is good; 12 says that nobody was eligible (a completed run of none).
    """

    send_id: int
    run_date: datetime
    count: int
    send_status: Literal["COMPLETED", "ERRORED"] = "COMPLETED"
    reason_code: int = 0
    contact_list_ids: tuple[str, ...] = ()
    segment_ids: tuple[int, ...] = ()


@dataclass(slots=True)
class NonOpenerResend:
    """The wish to send an e-mail again to those who did not open it.

    Its id is `DRAFT` until the e-mail itself has been sent.
    """

    resend_subject: str
    delay_minutes: int
    resend_request_id: str = "DRAFT"
    resend_date: datetime | None = None
    resend_status: str | None = None

    @property
    def delay_days(self) -> int | None:
        """The delay in days, if it is a number of days."""
        days, rest = divmod(self.delay_minutes, 1440)
        return None if rest else days


@dataclass(slots=True)
class AbTest:
    """Two subjects of which the better one goes to the rest of the audience."""

    alternative_subject: str
    test_size: int
    winner_wait_duration: Literal[6, 12, 24, 48]


@dataclass(slots=True)
class Remainder:
    """Those of an audience who wait for the better subject of an A/B test, and until when."""

    audience: list[Contact]
    until: datetime


@dataclass(slots=True)
class Activity:
    """One e-mail of a campaign (or its page on the web), and all that people did with it."""

    campaign_activity_id: str
    campaign_id: str
    role: Role
    current_status: Status
    format_type: int
    from_email: str
    from_name: str
    reply_to_email: str
    subject: str
    preheader: str | None = None
    html_content: str | None = None
    permalink_url: str | None = None
    document_id: str | None = None
    document_properties: dict[str, str] = field(default_factory=dict)
    contact_list_ids: tuple[str, ...] = ()
    segment_ids: tuple[int, ...] = ()
    scheduled_date: datetime | None = None
    send_history: list[SendRun] = field(default_factory=list)
    non_opener_resend: NonOpenerResend | None = None
    ab_test: AbTest | None = None
    remainder: Remainder | None = None
    links: list[Link] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    opens: list[Open] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    bounces: list[Bounce] = field(default_factory=list)
    optouts: list[OptOut] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    abuses: list[Abuse] = field(default_factory=list)

    def clickers(self, link: Link) -> set[str]:
        """Return who clicked a link, by their ids."""
        return {each.contact_id for each in self.clicks if each.url_id == link.url_id}

    @property
    def last_sent_date(self) -> datetime | None:
        """When it was last sent with success, if ever."""
        runs = [run.run_date for run in self.send_history if run.send_status == "COMPLETED"]
        return max(runs, default=None)


@dataclass(slots=True)
class Campaign:
    """An e-mail campaign: a name around a primary e-mail, its page on the web and its resends."""

    campaign_id: str
    name: str
    type: str
    type_code: int
    current_status: Status
    created_at: datetime
    updated_at: datetime
    activities: list[Activity] = field(default_factory=list)

    @property
    def primary(self) -> Activity:
        """The activity that carries the campaign's e-mail."""
        return next(activity for activity in self.activities if activity.role == "primary_email")

    @property
    def sendable(self) -> Iterator[Activity]:
        """The activities that go to contacts: the primary e-mail and its resends."""
        return (activity for activity in self.activities if activity.role in SENDABLE)

    @property
    def last_sent_date(self) -> datetime | None:
        """When one of its activities was last sent with success, if ever."""
        dates = [date for each in self.activities if (date := each.last_sent_date) is not None]
        return max(dates, default=None)
