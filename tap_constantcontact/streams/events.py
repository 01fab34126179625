"""The events that the account hosts, and who comes to them.

Source: the vendor's guide, "Events"; docs/api-notes.md, "The list of events hides when they
changed".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_constantcontact.streams.base import Asking, ConstantContactStream
from tap_constantcontact.units import Row, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping


def _text(name: str, description: str) -> th.Property[Any]:
    return th.Property(name, th.StringType, description=description)


def _time(name: str, description: str) -> th.Property[Any]:
    return th.Property(name, th.DateTimeType, description=description)


def _flag(name: str, description: str) -> th.Property[Any]:
    return th.Property(name, th.BooleanType, description=description)


def _count(name: str, description: str) -> th.Property[Any]:
    return th.Property(name, th.IntegerType, description=description)


def _amount(name: str, description: str) -> th.Property[Any]:
    return th.Property(name, th.NumberType, description=description)


def _object(name: str, description: str, *fields: th.Property[Any]) -> th.Property[Any]:
    kind = th.ObjectType(*fields, additional_properties=True)
    return th.Property(name, kind, description=description)


def _list(name: str, description: str, *fields: th.Property[Any]) -> th.Property[Any]:
    kind = th.ArrayType(th.ObjectType(*fields, additional_properties=True))
    return th.Property(name, kind, description=description)


CHANGES = (
    _time("create_time", "When it was made."),
    _time("last_update_time", "When it changed last."),
)
LABELS = _list(
    "status_labels",
    "What the form says of it.",
    _text("label", "In words."),
    _text("label_key", "As a key."),
)
STOCK = (
    _count("quantity_total", "How many there are in all."),
    _count("quantity_remaining", "How many are left."),
    _count("quantity_sold", "How many were sold."),
    _flag("paused_flag", "Whether its sale is paused."),
    _time("deleted_time", "When it was deleted, if it was."),
    LABELS,
)
ADDRESS = _object(
    "address",
    "Where it takes place.",
    _text("address_type", "EVENT."),
    _text("location_name", "What the place is called."),
    _text("line1", "First line of the address."),
    _text("line2", "Second line."),
    _text("city", "Town."),
    _text("state", "State or province."),
    _text("state_code", "State or province, in two letters."),
    _text("postal_code", "Postal code."),
    _text("country", "Country."),
    _text("country_code", "Country, in two letters."),
    _amount("latitude", "Degrees north."),
    _amount("longitude", "Degrees east."),
    *CHANGES,
)
PROMO_CODES = _list(
    "promo_codes",
    "Words that make an order cheaper.",
    _text("id", "The code."),
    _text("name", "The word itself."),
    _text("description", "What it is for."),
    _text("discount_code_scope", "What becomes cheaper."),
    _text("discount_code_type", "PERCENT or AMOUNT."),
    _amount("discount_amount", "By how much."),
    _count("discount_percent", "By how many percent."),
    _count("quantity_available", "How often it can still be used."),
    _count("quantity_total", "How often it can be used in all."),
    _count("quantity_used", "How often it was used."),
    _flag("paused_flag", "Whether it is paused."),
    _text("status", "Whether it can be used."),
    LABELS,
    _flag("time_limit_flag", "Whether it holds for a time only."),
    _time("start_time", "From when it holds."),
    _time("end_time", "Until when it holds."),
    _time("deleted_time", "When it was deleted, if it was."),
    _list(
        "items",
        "The items that it makes cheaper.",
        _text("item_id", "The item."),
        _text("name", "Its name."),
        _flag("associated", "Whether the code holds for it."),
        _flag("display_item_on_promo_redemption", "Whether it is shown to those with the code."),
        _flag("hidden_flag", "Whether it is hidden from all others."),
    ),
    _list(
        "tickets",
        "The tickets that it makes cheaper.",
        _text("ticket_id", "The ticket."),
        _text("name", "Its name."),
        _text("ticket_type", "FREE, PAID or DONATION."),
        _flag("associated", "Whether the code holds for it."),
        _flag("display_ticket_on_promo_redemption", "Whether it is shown to those with the code."),
        _flag("hidden_flag", "Whether it is hidden from all others."),
    ),
)
ITEMS = _list(
    "items",
    "What is sold beside the tickets.",
    _text("item_id", "The item."),
    _text("name", "Its name."),
    _text("description", "What it is."),
    _amount("price", "What one costs."),
    _count("display_order", "Its place on the form."),
    _count("limit_per_order", "How many may be bought at once."),
    _flag("show_remaining_flag", "Whether the form says how many are left."),
    _flag("deletable_flag", "Whether it may be deleted still."),
    _flag("hidden_flag", "Whether it is hidden."),
    _text("media_internal_id", "Its picture."),
    _text("media_url", "Where its picture is."),
    _flag("time_limit_flag", "Whether it is sold for a time only."),
    _time("start_time", "From when it is sold."),
    _time("end_time", "Until when it is sold."),
    *STOCK,
    *CHANGES,
    _list(
        "attributes",
        "Its variants.",
        _text("attribute_id", "The variant."),
        _text("name", "Its name."),
        _count("display_order", "Its place on the form."),
        *STOCK,
        *CHANGES,
    ),
)
TRACK = _object(
    "default_track",
    "How one registers for it, and what is sold.",
    _text("track_id", "The track: event_registrations names it."),
    _text("campaign_activity_id", "The page where one registers."),
    _text("conf_email_campaign_activity_id", "The e-mail that confirms a registration."),
    _text("registration_type", "What one registers for."),
    _time("registration_end_time", "Until when one can register."),
    _flag("reg_manually_closed_flag", "Whether registration was closed by hand."),
    _flag("restrict_to_single_ticket_flag", "Whether one gets a single ticket at most."),
    _count("overall_ticket_capacity", "How many tickets there are."),
    _text("platform_fee_scope_type", "Who pays the fee."),
    _text("items_header", "The heading of the items."),
    _text("tickets_header", "The heading of the tickets."),
    *CHANGES,
    _list(
        "media_assets",
        "The pictures of the form.",
        _text("media_type", "What it is for."),
        _text("internal_id", "The picture."),
        _text("external_id", "The picture elsewhere."),
        _text("external_url", "Where it is."),
        *CHANGES,
    ),
    PROMO_CODES,
    ITEMS,
)
LISTED = (
    _time("start_time", "When it begins."),
    _time("end_time", "When it ends."),
    _text("time_zone_type", "The time zone of these, in letters."),
    _object(
        "event_registration_summary_metrics",
        "What its registrations amount to.",
        _count("registration_count", "How many registered."),
        _count("ticket_sold", "How many tickets they took."),
        _count("item_sold", "How many items they took."),
    ),
)
"""What only the list of events shows."""

ANSWERS = (
    _count("display_order", "Its place on the form."),
    _text("field_label", "What is asked."),
    _text("field_name", "The field's name."),
    _text("field_type", "What kind of answer it takes."),
    _text("label_key", "What is asked, as a key."),
    _text("field_value", "The answer."),
    th.Property("choices", th.ArrayType(th.StringType), description="What there is to choose."),
)
CHECK_IN = (
    _text("checkin_status", "NOT_CHECKED_IN, PARTIALLY_CHECKED_IN or CHECKED_IN."),
    _count("checkedIn_tickets", "How many tickets were shown at the door."),
    _count("eligible_checkin_tickets", "How many tickets may be."),
)
REGISTRATION = th.Property(
    "registration_id", th.StringType, required=True, description="The registration."
)
OF_EVENT = (
    _text("event_id", "The event."),
    _text("track_id", "The track of the event that one registered by."),
)


class EventsLookup(Asking):
    """The list of events, those that changed last first: it says neither when, nor what."""

    name = "list of events"
    path = "/events"
    params = {"sort_by": "updated_time", "sort_order": "DESC"}
    page_size = 100
    records_key = "records"
    scope = "campaign_data"
    privilege = "campaign:read"

    def all(self) -> Unit:
        """Return the unit that lists them all."""
        return Unit(self)


class Events(ConstantContactStream):
    """The events that the account hosts, whatever has become of them."""

    name = "events"
    path = "/events/{event_id}"
    params = {"include": "true"}
    primary_keys = ("event_id",)
    replication_key = "last_update_time"
    scope = "campaign_data"
    privilege = "campaign:read"
    may_be_missing = True
    schema = th.PropertiesList(
        th.Property("event_id", th.StringType, required=True, description="The event."),
        _text("campaign_id", "The campaign that stands for it."),
        _text("name", "Its name in the account."),
        _text("title", "Its title for the guests."),
        _text("description", "What it is about."),
        _text("event_type", "What kind of event: CLASS, MEETING …"),
        _text("event_code", "A word that stands for it."),
        _text("status", "DRAFT, ACTIVE, COMPLETE, CANCELLED, DELETED or ERROR."),
        _time("event_start", "When it begins."),
        _time("event_end", "When it ends."),
        _text("time_zone", "Its time zone."),
        _text("time_zone_abbreviation", "Its time zone in letters."),
        *LISTED,
        *CHANGES,
        _time("active_time", "When it was published."),
        _time("cancelled_time", "When it was called off."),
        _time("deleted_time", "When it was deleted."),
        _text("location_type", "PHYSICAL, VIRTUAL, BOTH or TBD."),
        ADDRESS,
        _object(
            "online_meeting",
            "Where it takes place online.",
            _text("url", "The address."),
            _text("provider_type", "Whose service it is."),
            _text("label", "What the link says."),
            _text("instructions", "What to know beforehand."),
            _flag("enabled_flag", "Whether it is shown."),
            *CHANGES,
        ),
        _object(
            "contact",
            "Whom to ask.",
            _text("name", "Name."),
            _text("organization_name", "Whose event it is."),
            _text("email_address", "Where to write to."),
            _text("from_email_address", "Where its e-mails come from."),
            _text("phone_number", "Where to call."),
            *CHANGES,
        ),
        _text("currency_type", "The currency of all prices."),
        TRACK,
        _object(
            "event_metadata",
            "What it offers.",
            _flag("items_enabled", "Whether items are sold."),
            _flag("paid_event", "Whether anything costs money."),
            _flag("promo_codes_enabled", "Whether there are promotional codes."),
        ),
        _object(
            "event_settings",
            "What has been set up.",
            _flag("event_requires_payments", "Whether anything costs money."),
            _flag("item_configured", "Whether items are sold."),
            _flag("online_payment_configured", "Whether one can pay online."),
            _flag("payment_configured", "Whether one can pay."),
            _flag("promo_code_configured", "Whether there are promotional codes."),
            _flag("ticket_configured", "Whether there are tickets."),
        ),
        _list(
            "event_promotions",
            "The e-mails and pages that invite to it.",
            _text("assoc_activity_sub_type", "What kind it is."),
            _text("campaign_activity_id", "The activity."),
            _text("document_id", "Its document in the editor."),
            _text("ext_id", "Its id elsewhere."),
            _flag("default", "Whether it is the first one."),
        ),
        th.Property(
            "failed_campaign_activities",
            th.ArrayType(th.StringType),
            description="The activities that could not be made.",
        ),
        _flag("display_contact_flag", "Whether its page shows whom to ask."),
        _flag("display_end_time_flag", "Whether its page shows when it ends."),
        _flag("display_on_calendar_flag", "Whether the calendar shows it."),
        _flag("display_time_zone_flag", "Whether its page shows the time zone."),
        _flag("notify_owner_on_reg", "Whether the owner is told of each registration."),
        _text("eso", "The account, as its pages name it."),
        _text("registration_url", "Where one registers."),
        _text("event_calendar_url", "The calendar of all events."),
        _text("event_widget_url", "The list of events for other pages."),
    ).to_dict()

    def of(self, event_id: str, listed: Mapping[str, Any]) -> Unit:
        """Return the unit that reads an event.

        Args:
            event_id: The event.
            listed: What the list says of it; only some of it is nowhere else.
        """
        return Unit(
            self,
            about={
                "event_id": event_id,
                **{field.name: listed.get(field.name) for field in LISTED},
            },
        )


class EventRegistrations(ConstantContactStream):
    """Who registered for events, and what became of it."""

    name = "event_registrations"
    path = "/events/{event_id}/tracks/{track_id}/registrations"
    page_size = 100
    records_key = "records"
    primary_keys = ("registration_id",)
    scope = "campaign_data"
    privilege = "campaign:read"
    may_be_missing = True
    schema = th.PropertiesList(
        REGISTRATION,
        *OF_EVENT,
        _text("track_key", "The track, as the list names it."),
        _text("email_address", "The address given."),
        _text("first_name", "First name given."),
        _text("last_name", "Last name given."),
        _flag("new_contact", "Whether the contact was new."),
        _text(
            "registration_status", "PENDING, REGISTERED, CANCELED, EXPIRED, IN_PROGRESS or FAILED."
        ),
        _time("registration_time", "When it was made."),
        _text("payment_status", "PENDING, PAID, REFUNDED, CANCELLED, FAILED or CHARGED_BACK."),
        _count("tickets", "How many tickets."),
        _amount("total", "What it costs in all."),
        *CHECK_IN,
    ).to_dict()

    def of(self, event_id: str, track_id: str) -> Unit:
        """Return the unit that reads who registered for an event."""
        return Unit(self, about={"event_id": event_id, "track_id": track_id})


class EventRegistrationDetails(ConstantContactStream):
    """What registrations hold: answers, tickets and the order."""

    name = "event_registration_details"
    selected_by_default = False  # a call for each of them
    path = "/events/{event_id}/tracks/{track_id}/registrations/{registration_id}"
    primary_keys = ("registration_id",)
    scope = "campaign_data"
    privilege = "campaign:read"
    may_be_missing = True
    schema = th.PropertiesList(
        REGISTRATION,
        *OF_EVENT,
        _text("contact_id", "Who registered: contacts has the rest."),
        _time("registration_date", "When it was made."),
        _text(
            "registration_status", "PENDING, REGISTERED, CANCELED, EXPIRED, IN_PROGRESS or FAILED."
        ),
        _flag("display_physical_tickets", "Whether there are tickets to print."),
        *CHECK_IN,
        _list("contact", "What the form asked of whoever registered.", *ANSWERS),
        _list(
            "tickets",
            "The tickets.",
            _text("order_ticket_key", "The ticket."),
            _text("ticket_name", "What kind of ticket."),
            _amount("price", "What it costs."),
            _flag("editable", "Whether it may be changed still."),
            _time("checked_in_time", "When it was shown at the door."),
            _list("fields", "What the form asked of its holder.", *ANSWERS),
        ),
        _object(
            "order_summary",
            "What was ordered, and how it was paid.",
            _text("title", "What it is for."),
            _text("number", "The order's number."),
            _text("payment_method", "How it was paid."),
            _text("payment_status", "Whether it is paid."),
            _time("payment_time", "When it was paid."),
            _text("payment_transaction_id", "The payment."),
            _text("tickets_link", "Where the tickets are."),
            _text("tickets_text", "What that link says."),
            _list(
                "details",
                "What it consists of.",
                _text("line_item_type", "TICKET, ITEM, DISCOUNT …"),
                _text("name", "What it is."),
                _text("amount", "What it costs, with its currency."),
                _amount("amount_unformatted", "What it costs."),
            ),
        ),
    ).to_dict()

    def of(self, registration: Row) -> Unit:
        """Return the unit that reads a registration."""
        return Unit(
            self,
            about={
                name: registration[name] for name in ("event_id", "track_id", "registration_id")
            },
        )
