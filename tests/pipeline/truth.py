"""What the tables must hold: computed from the account's own objects, and read back with SQL.

Nothing here knows the tap's streams or the sandbox's routes. Times are compared as moments,
nested values as Python values, whatever the database keeps them as.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import sqlalchemy

from tests.pipeline import chosen, dimensions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from constantcontact_sandbox import Account

Row = dict[str, Any]
Table = dict[tuple[Any, ...], Row]

LIVE = frozenset({"first_name", "last_name", "deleted_at", "current_email_address"})
"""What report rows show as of the reading: no counter tells when it changes."""

NO_COLUMNS: Mapping[str, str] = MappingProxyType({})

KEYS = {
    **dimensions.KEYS,
    **chosen.KEYS,
    "contact_counts": ("counted_at",),
    "contact_lists": ("list_id",),
    "contacts": ("contact_id",),
    "campaigns": ("campaign_id",),
    "campaign_activities": ("campaign_activity_id",),
    "campaign_activity_previews": ("campaign_activity_id",),
    "campaign_activity_send_history": ("campaign_activity_id", "send_id"),
    "campaign_activity_schedules": ("campaign_activity_id", "scheduled_date"),
    "campaign_activity_non_opener_resends": ("campaign_activity_id", "resend_request_id"),
    "campaign_activity_ab_tests": ("campaign_activity_id",),
    "campaign_summaries": ("campaign_id",),
    "campaign_stats": ("campaign_id",),
    "campaign_activity_stats": ("campaign_activity_id",),
    "email_sends": ("campaign_activity_id", "contact_id", "created_time", "occurrence"),
    "email_opens": ("campaign_activity_id", "contact_id", "created_time", "occurrence"),
    "email_clicks": (
        "campaign_activity_id",
        "contact_id",
        "created_time",
        "url_id",
        "occurrence",
    ),
    "email_bounces": (
        "campaign_activity_id",
        "contact_id",
        "created_time",
        "bounce_code",
        "occurrence",
    ),
    "email_optouts": ("campaign_activity_id", "contact_id", "created_time", "occurrence"),
    "email_forwards": ("campaign_activity_id", "contact_id", "created_time", "occurrence"),
    "events": ("event_id",),
    "event_registrations": ("registration_id",),
    "event_registration_details": ("registration_id",),
    "email_links": ("campaign_activity_id", "url_id"),
    "email_unique_opens": ("campaign_activity_id", "contact_id"),
    "email_did_not_opens": ("campaign_activity_id", "contact_id"),
    "sync_mismatches": ("campaign_activity_id", "report"),
}
"""The tables of all streams, with their keys."""

UNNAMED = frozenset(KEYS.keys() - chosen.KEYS.keys())
"""The tables that are filled though no setting names of whom or what."""


# What the account says


def expected(account: Account, columns: Mapping[str, str]) -> dict[str, Table]:
    """Return every table as the account would fill it.

    Args:
        account: The truth.
        columns: The columns of custom fields, by the field's id.
    """
    rows: dict[str, list[Row]] = {
        **dimensions.expected(account),
        **chosen.expected(account, _reported(account)),
        "contact_counts": [_counts(account)],
        "contact_lists": [_list(account, key) for key in account.lists],
        "contacts": [
            {**_contact(contact), **_custom(account, contact, columns)}
            for contact in account.contacts.values()
        ],
        "campaigns": [_campaign(campaign) for campaign in account.campaigns.values()],
        "campaign_activities": [
            _activity(activity)
            for activity in account.activities.values()
            if activity.current_status != "Removed"
        ],
        **_details(account),
        **_events_hosted(account),
        "campaign_summaries": _summaries(account),
        "campaign_stats": _campaign_stats(account),
        "campaign_activity_stats": [
            {
                "campaign_activity_id": activity.campaign_activity_id,
                "campaign_id": activity.campaign_id,
                **_counted(activity),
            }
            for activity in _reported(account)
        ],
        "email_sends": _events(account, "sends"),
        "email_opens": _events(account, "opens", "device_type"),
        "email_clicks": _events(account, "clicks", "url_id", "link_url", "device_type"),
        "email_bounces": _events(account, "bounces", "bounce_code"),
        "email_optouts": _events(account, "optouts", "opt_out_reason"),
        "email_forwards": _events(account, "forwards"),
        "email_links": _links(account),
        "email_unique_opens": _unique_opens(account),
        "email_did_not_opens": _did_not_opens(account),
        "sync_mismatches": [],
    }
    return {name: _by_key(name, table) for name, table in rows.items()}


def _seconds(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=0) if moment else None


def _milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _list(account: Account, key: str) -> Row:
    kept = account.lists[key]
    return {
        "list_id": key,
        "name": kept.name,
        "description": kept.description or None,  # the API leaves out empty ones
        "favorite": kept.favorite,
        "created_at": _seconds(kept.created_at),
        "updated_at": _seconds(kept.updated_at),
        "deleted_at": _seconds(kept.deleted_at),
        "membership_count": sum(
            key in contact.list_memberships for contact in account.contacts.values()
        ),
    }


def _counts(account: Account) -> Row:
    """Return what the run counted that has just ended: the clock stands still meanwhile."""
    now = account.clock.now()
    living = [each for each in account.contacts.values() if each.deleted_at is None]
    permissions = [each.permission for each in living]
    return {
        "counted_at": now,
        "total": len(living),
        "new_subscriber": sum(each.created_at >= now - timedelta(days=30) for each in living),
        "pending": permissions.count("pending_confirmation"),
        **{name: permissions.count(name) for name in ("explicit", "implicit", "unsubscribed")},
    }


def _contact(contact: Any) -> Row:
    address = contact.email_address
    return {
        "contact_id": contact.contact_id,
        **{
            f"email_address__{name}": getattr(address, name, None)
            for name in (
                "address",
                "permission_to_send",
                "opt_in_source",
                "opt_out_source",
                "opt_out_reason",
                "confirm_status",
            )
        },
        **{
            f"email_address__{name}": _seconds(getattr(address, name, None))
            for name in ("created_at", "updated_at", "opt_in_date", "opt_out_date")
        },
        **{
            name: getattr(contact, name)
            for name in (
                "first_name",
                "last_name",
                "job_title",
                "company_name",
                "birthday_month",
                "birthday_day",
                "update_source",
                "create_source",
            )
        },
        "anniversary": contact.anniversary.isoformat() if contact.anniversary else None,
        "created_at": _seconds(contact.created_at),
        "updated_at": _seconds(contact.updated_at),
        "deleted_at": contact.deleted_at.date() if contact.deleted_at else None,
        "list_memberships": list(contact.list_memberships),
        "taggings": list(contact.taggings),
        "custom_fields": [
            _some(
                custom_field_id=value.custom_field_id,
                value=value.value,
                choice_ids=list(value.choice_ids) or None,
            )
            for value in contact.custom_fields
        ],
        "phone_numbers": [
            _some(
                phone_number_id=number.phone_number_id,
                phone_number=number.phone_number,
                kind=number.kind,
                created_at=_stamp(number.created_at),
                updated_at=_stamp(number.updated_at),
                create_source=number.create_source,
                update_source=number.update_source,
            )
            for number in contact.phone_numbers
        ],
        "street_addresses": [
            _some(
                street_address_id=place.street_address_id,
                kind=place.kind,
                street=place.street,
                city=place.city,
                state=place.state,
                postal_code=place.postal_code,
                country=place.country,
                created_at=_stamp(place.created_at),
                updated_at=_stamp(place.updated_at),
            )
            for place in contact.street_addresses
        ],
        "notes": [
            _some(note_id=note.note_id, created_at=_stamp(note.created_at), content=note.content)
            for note in contact.notes
        ],
        **_sms_channel(contact.sms_channel),
    }


def _sms_channel(channel: Any) -> Row:
    fields = ("sms_channel_id", "sms_address", "dial_code", "country_code")
    consents = channel and [
        _some(
            **_fields(each, "sms_consent_permission", "consent_type"),
            **_fields(each, "advertised_frequency", "advertised_interval"),
            **{
                name: moment and _stamp(moment)
                for name in ("created_at", "updated_at", "opt_in_date", "opt_out_date")
                for moment in (getattr(each, name),)
            },
        )
        for each in channel.consents
    ]
    return {
        "sms_channel__sms_channel_consents": consents,
        **{
            f"sms_channel__{name}": getattr(channel, name, None)
            for name in (*fields, "create_source", "update_source")
        },
    }


def _custom(account: Account, contact: Any, columns: Mapping[str, str]) -> Row:
    """Return the columns of custom fields: those of deleted ones are empty."""
    row: Row = dict.fromkeys(columns.values())
    for said in contact.custom_fields:
        field = account.custom_fields.get(said.custom_field_id)
        if field and said.custom_field_id in columns:
            row[columns[said.custom_field_id]] = _typed(field, said)
    return row


def _typed(field: Any, said: Any) -> Any:
    """Return what a custom field says, as a value of the field's type."""
    labels = {choice.choice_id: choice.choice_label for choice in field.choices}
    chosen = [labels[key] for key in said.choice_ids]
    if field.type == "multi_select":
        return chosen or None
    if chosen or said.value is None:
        return chosen[0] if chosen else None
    if field.type == "date":
        form = "%m/%d/%Y" if field.version == 1 else "%Y-%m-%d"
        return datetime.strptime(said.value, form).replace(tzinfo=UTC).date()
    if field.type == "boolean":
        return said.value == "true"
    if field.type in {"number", "currency"}:
        return float(said.value)
    return _moment(said.value) if field.type == "datetime" else said.value


def _some(**fields: Any) -> Row:
    return {name: value for name, value in fields.items() if value is not None}


def _campaign(campaign: Any) -> Row:
    return {
        "campaign_id": campaign.campaign_id,
        "name": campaign.name,
        "current_status": campaign.current_status,
        "type": campaign.type,
        "type_code": campaign.type_code,
        "created_at": _milliseconds(campaign.created_at),
        "updated_at": _milliseconds(campaign.updated_at),
    }


def _activity(activity: Any) -> Row:
    return {
        "campaign_activity_id": activity.campaign_activity_id,
        "campaign_id": activity.campaign_id,
        "role": activity.role,
        "current_status": activity.current_status.capitalize(),
        "contact_list_ids": list(activity.contact_list_ids),
        "segment_ids": list(activity.segment_ids),
        **{
            name: getattr(activity, name)
            for name in (
                "format_type",
                "from_email",
                "from_name",
                "reply_to_email",
                "subject",
                "preheader",
                "permalink_url",
                "document_id",
            )
        },
    }


def _details(account: Account) -> dict[str, list[Row]]:
    """Return what else there is to say of the activities that contacts get."""
    activities = [
        activity
        for activity in account.activities.values()
        if activity.current_status != "Removed" and activity.role != "permalink"
    ]

    def rows(of: Callable[[Any], Iterable[Row]]) -> list[Row]:
        return [
            {
                "campaign_activity_id": activity.campaign_activity_id,
                "campaign_id": activity.campaign_id,
                **row,
            }
            for activity in activities
            for row in of(activity)
        ]

    return {
        "campaign_activity_previews": rows(lambda activity: [_preview(activity)]),
        "campaign_activity_send_history": rows(
            lambda activity: [
                {
                    **_fields(run, "send_id", "count", "send_status", "reason_code"),
                    "run_date": _milliseconds(run.run_date),
                    "contact_list_ids": list(run.contact_list_ids),
                    "segment_ids": list(run.segment_ids),
                }
                for run in activity.send_history
            ]
        ),
        "campaign_activity_schedules": rows(
            lambda activity: [{"scheduled_date": day} for day in _one(activity.scheduled_date)]
        ),
        "campaign_activity_non_opener_resends": rows(
            lambda activity: [
                {
                    **_fields(
                        wish,
                        "resend_request_id",
                        "resend_subject",
                        "delay_days",
                        "delay_minutes",
                        "resend_status",
                    ),
                    "resend_date": wish.resend_date and _milliseconds(wish.resend_date),
                }
                for wish in _one(activity.non_opener_resend)
            ]
        ),
        "campaign_activity_ab_tests": rows(
            lambda activity: [
                _fields(trial, "alternative_subject", "test_size", "winner_wait_duration")
                for trial in _one(activity.ab_test)
            ]
        ),
    }


def _events_hosted(account: Account) -> dict[str, list[Row]]:
    """Return events and registrations, without what moves no number of their event.

    That somebody paid, or was let in, arrives with the event's next change.
    """
    comes = [
        (event, each) for event in account.events.values() for each in event.registrations.values()
    ]
    return {
        "events": [
            {
                **_fields(event, "event_id", "name", "title", "description", "status"),
                "event_start": _seconds(event.starts),
                "event_end": _seconds(event.ends),
                "start_time": _seconds(event.starts),
                "last_update_time": _milliseconds(event.updated_at),
                "deleted_time": event.deleted_at and _milliseconds(event.deleted_at),
            }
            for event in account.events.values()
        ],
        "event_registrations": [
            {
                **_fields(each, "registration_id", "email_address", "first_name", "last_name"),
                **_fields(each, "total"),
                "event_id": event.event_id,
                "track_id": event.track.track_id,
                "tickets": len(each.tickets),
                "registration_time": _milliseconds(each.at),
            }
            for event, each in comes
        ],
        "event_registration_details": [
            {
                **_fields(each, "registration_id", "contact_id"),
                "event_id": event.event_id,
                "registration_date": _milliseconds(each.at),
            }
            for event, each in comes
        ],
    }


def _preview(activity: Any) -> Row:
    page = f"<html><body><h1>{activity.subject}</h1></body></html>"
    return {
        **_fields(activity, "from_email", "from_name", "reply_to_email", "subject", "preheader"),
        "preview_html_content": activity.html_content or page,
        "preview_text_content": activity.subject,
    }


def _fields(thing: Any, *names: str) -> Row:
    return {name: getattr(thing, name) for name in names}


def _one(thing: Any) -> list[Any]:
    return [] if thing is None else [thing]


def _reported(account: Account) -> list[Any]:
    """Return the activities that have reports: sent, and not removed since."""
    return [
        activity
        for activity in account.activities.values()
        if activity.role in ("primary_email", "resend")
        and activity.last_sent_date is not None
        and account.campaigns[activity.campaign_id].current_status in ("Done", "Executing")
    ]


def _counted(*activities: Any) -> Row:
    """Return the counters of one activity, or the total of several."""

    def people(events: str) -> int:
        return sum(
            len({event.contact_id for event in getattr(activity, events)})
            for activity in activities
        )

    def devices(events: str, name: str) -> Row:
        seen = [
            event.device_type or "none"
            for activity in activities
            for event in getattr(activity, events)
        ]
        kinds = ("computer", "mobile", "tablet", "other", "none")
        return {name: len(seen), **{f"{name}_{kind}": seen.count(kind) for kind in kinds}}

    return {
        "em_abuse": people("abuses"),
        "em_sends": people("sends"),
        "em_opens": people("opens"),
        "em_clicks": people("clicks"),
        "em_bounces": people("bounces"),
        "em_optouts": people("optouts"),
        "em_forwards": people("forwards"),
        **devices("opens", "em_opens_all"),
        **devices("clicks", "em_clicks_all"),
    }


def _campaign_stats(account: Account) -> list[Row]:
    by_campaign = defaultdict(list)
    for activity in _reported(account):
        by_campaign[activity.campaign_id].append(activity)
    rows = [
        {"campaign_id": campaign_id, **_counted(*activities)}
        for campaign_id, activities in by_campaign.items()
    ]
    for row in rows:
        row.pop("em_abuse", None)  # only activities count complaints
    return rows


def _summaries(account: Account) -> list[Row]:
    rows = []
    for row in _campaign_stats(account):
        campaign = account.campaigns[row["campaign_id"]]
        activities = [
            activity
            for activity in campaign.activities
            if activity.role in ("primary_email", "resend")
        ]
        rows.append(
            {
                "campaign_id": campaign.campaign_id,
                "campaign_type": campaign.type,
                "last_sent_date": max(
                    _milliseconds(sent)
                    for activity in activities
                    if (sent := activity.last_sent_date)
                ),
                **{
                    f"unique_counts__{name}": row[f"em_{name}"]
                    for name in ("sends", "opens", "clicks", "forwards", "optouts", "bounces")
                },
                "unique_counts__abuse": sum(
                    len({event.contact_id for event in activity.abuses}) for activity in activities
                ),
            }
        )
    return rows


def _events(account: Account, kind: str, *own: str) -> list[Row]:
    """Return the events of a kind, each at its minute; equal ones numbered."""
    return [
        {
            "campaign_activity_id": activity.campaign_activity_id,
            "contact_id": event.contact_id,
            "created_time": event.at.replace(second=0, microsecond=0),
            "tracking_activity_type": f"em_{kind}",
            "email_address": event.email_address,
            **{name: getattr(event, name) for name in own},
        }
        for activity in _reported(account)
        for event in getattr(activity, kind)
    ]


def _unique_opens(account: Account) -> list[Row]:
    last: dict[tuple[str, str], Row] = {}
    for row in _events(account, "opens", "device_type"):
        key = (row["campaign_activity_id"], row["contact_id"])
        if key not in last or row["created_time"] > last[key]["created_time"]:
            last[key] = row
    for row in last.values():
        del row["device_type"]  # of two opens in a minute, the API may show either
    return list(last.values())


def _did_not_opens(account: Account) -> list[Row]:
    opened = {(row["campaign_activity_id"], row["contact_id"]) for row in _unique_opens(account)}
    return [
        {**row, "tracking_activity_type": "em_didnotopens"}
        for row in _events(account, "sends")
        if (row["campaign_activity_id"], row["contact_id"]) not in opened
    ]


def _links(account: Account) -> list[Row]:
    return [
        {
            "campaign_activity_id": activity.campaign_activity_id,
            "url_id": link.url_id,
            "link_url": link.link_url,
            "unique_clicks": len(
                {click.contact_id for click in activity.clicks if click.url_id == link.url_id}
            ),
            "list_action": link.list_id and "add",
            "list_id": link.list_id,
        }
        for activity in _reported(account)
        for link in activity.links
    ]


def _by_key(name: str, rows: Iterable[Row]) -> Table:
    """Return rows by their key; equal events are numbered in an order that their fields give."""
    key = tuple(part for part in KEYS[name] if part != "occurrence")
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[part] for part in key)].append(row)
    table: Table = {}
    for parts, group in groups.items():
        if "occurrence" not in KEYS[name]:
            (table[parts],) = group
            continue
        for number, row in enumerate(sorted(group, key=_in_order), start=1):
            table[*parts, number] = {
                field: value for field, value in row.items() if field != "occurrence"
            }
    return table


def _in_order(row: Row) -> str:
    return str(row.get("device_type"))


# What the database says


def stored(url: str, schema: str | None = None) -> dict[str, Table]:
    """Return every table as the database has it: those of streams that are off are not there.

    Args:
        url: SQLAlchemy's address of the database.
        schema: The schema of the tables, where the database has such.
    """
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            there = sqlalchemy.inspect(connection).get_table_names(schema)
            return {name: _stored(connection, name, schema) for name in KEYS if name in there}
    finally:
        engine.dispose()


def _stored(connection: sqlalchemy.Connection, name: str, schema: str | None) -> Table:
    table = sqlalchemy.table(name, schema=schema)
    found = connection.execute(sqlalchemy.select(sqlalchemy.text("*")).select_from(table))
    return _table(name, [dict(row) for row in found.mappings()])


def _table(name: str, found: Iterable[Row]) -> Table:
    """Return rows by their key, in Python's own types."""
    rows = [
        {
            column: TYPES.get(column, _same)(value)
            for column, value in row.items()
            if not column.startswith("_sdc")
        }
        for row in found
        if row.get("_sdc_deleted_at") is None
    ]
    if "occurrence" in KEYS[name]:
        _check_occurrences(name, rows)
    return _by_key(name, rows)


def _check_occurrences(name: str, rows: list[Row]) -> None:
    """Check that equal events are numbered 1, 2, … without a gap."""
    key = tuple(part for part in KEYS[name] if part != "occurrence")
    groups: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[part] for part in key)].append(row["occurrence"])
    for parts, numbers in groups.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), (name, parts, numbers)


def _same(value: Any) -> Any:
    return value


def _moment(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        moment = value
    else:
        moment = datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment else None


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _nested(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _truth(value: Any) -> bool | None:
    return None if value is None else bool(value)


TYPES: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        (
            "created_at",
            "updated_at",
            "created_time",
            "last_refresh_time",
            "last_sent_date",
            "event_start",
            "event_end",
            "start_time",
            "last_update_time",
            "deleted_time",
            "registration_time",
            "registration_date",
            "scheduled_date",
            "resend_date",
            "run_date",
            "email_address__created_at",
            "email_address__updated_at",
            "email_address__opt_in_date",
            "email_address__opt_out_date",
            "counted_at",
            *dimensions.MOMENTS,
            *chosen.MOMENTS,
        ),
        _moment,
    ),
    **dict.fromkeys(
        (
            "custom_fields",
            "phone_numbers",
            "street_addresses",
            "list_memberships",
            "taggings",
            "notes",
            "sms_channel__sms_channel_consents",
            "contact_list_ids",
            "segment_ids",
            *dimensions.NESTED,
        ),
        _nested,
    ),
    **dict.fromkeys(("favorite", *dimensions.TRUTHS), _truth),
    **dict.fromkeys(("average_open_rate", "average_click_rate"), float),
    **dimensions.TYPES,
}


def differences(
    account: Account,
    url: str,
    schema: str | None = None,
    *,
    apart_from: Iterable[str] = (),
    columns: Mapping[str, str] = NO_COLUMNS,
    streams: Iterable[str] = UNNAMED,
) -> list[str]:
    """Return what differs between the account and the database, one line each.

    Args:
        account: The truth.
        url: SQLAlchemy's address of the database.
        schema: The schema of the tables, where the database has such.
        apart_from: Fields of contacts that may lag behind.
        columns: The columns of custom fields that are compared, by the field's id.
        streams: The tables that are compared, as far as they are there.
    """
    have = stored(url, schema)
    compared = {name: have[name] for name in have.keys() & streams}
    return _differences(account, compared, apart_from, columns)


def differences_of(
    account: Account, rows: Callable[[str], Iterable[Row]], streams: Iterable[str] = UNNAMED
) -> list[str]:
    """Return what differs between the account and rows by the name of their table.

    Args:
        account: The truth.
        rows: Returns the rows of a table.
        streams: The tables that are compared.
    """
    have = {name: _table(name, rows(name)) for name in streams}
    return _differences(account, have, (), NO_COLUMNS)


def _differences(
    account: Account,
    have: dict[str, Table],
    apart_from: Iterable[str],
    columns: Mapping[str, str],
) -> list[str]:
    lines = []
    for name, want in expected(account, columns).items():
        if name not in have:
            continue
        ignored = LIVE if name.startswith("email_") else frozenset()
        ignored |= frozenset(apart_from) if name == "contacts" else frozenset()
        ignored |= frozenset(columns.values() if "custom_fields" in ignored else ())
        lines += [
            f"{name}: {key} is missing"
            for key in want.keys() - have[name].keys()
            if not _came_and_went(account, name, key)
        ]
        lines += [
            f"{name}: {key} should not be there"
            for key in have[name].keys() - want.keys()
            if not _of_removed(account, key)
            and not dimensions.is_forgotten(account, name, key)
            and not chosen.is_past(account, name, key)
            and not _is_over(account, name, have[name][key])
        ]
        for key in want.keys() & have[name].keys():
            got = have[name][key]
            for field, value in want[key].items():
                found = got[field]
                if field in columns.values():
                    found = _like(value, found)
                if field == "deleted_at" and found is not None:
                    found = _moment(found) if name == "contact_lists" else _day(found)
                if field not in ignored and found != value:
                    lines.append(f"{name}: {key} {field} is {found!r}, not {value!r}")
    return sorted(lines)


def unsubscribed(account: Account) -> set[str]:
    """Return who must not be written to any more, as the account has it."""
    return {
        contact.contact_id
        for contact in account.contacts.values()
        if contact.email_address and contact.email_address.permission_to_send == "unsubscribed"
    }


def stored_unsubscribed(url: str, schema: str | None = None) -> set[str]:
    """Return who must not be written to any more, as the database has it."""
    return {
        key[0]
        for key, row in stored(url, schema)["contacts"].items()
        if row["email_address__permission_to_send"] == "unsubscribed"
    }


def _came_and_went(account: Account, name: str, key: tuple[Any, ...]) -> bool:
    """Tell whether a row is of a registration that was canceled: together they move no number."""
    return name.startswith("event_registration") and any(
        event.registrations[key[0]].status == "CANCELED"
        for event in account.events.values()
        if key[0] in event.registrations
    )


def _is_over(account: Account, name: str, row: Row) -> bool:
    """Tell whether a row says how things were before the last run."""
    counted_before = name == "contact_counts" and row["counted_at"] < account.clock.now()
    return counted_before or (name == "sync_mismatches" and row["settled_at"] is not None)


def _of_removed(account: Account, key: tuple[Any, ...]) -> bool:
    """Tell whether a row is of a campaign that was removed after it had been read."""
    ids = (
        account.activities[part].campaign_id if part in account.activities else part for part in key
    )
    found = (account.campaigns[part] for part in ids if part in account.campaigns)
    return any(campaign.current_status == "Removed" for campaign in found)


def _like(value: Any, found: Any) -> Any:
    """Return what a database keeps in its own way as a value of the type that is expected."""
    if found is None or value is None:
        return found
    kinds: dict[type, Callable[[Any], Any]] = {
        datetime: _moment,
        date: _day,
        bool: _truth,
        float: float,
        list: _nested,
    }
    return kinds.get(type(value), _same)(found)


def move_recipient_counters(account: Account) -> None:
    """Let somebody new bounce, forward and opt out wherever somebody has.

    Counters count recipients: that one of them did so again, nothing tells. Such a row arrives
    with the next recipient, as README.md says.
    """
    for activity in account.activities.values():
        for events, add in (
            (activity.bounces, account.add_bounce),
            (activity.forwards, account.add_forward),
            (activity.optouts, account.opt_out_from),
        ):
            if events:
                known = {event.contact_id for event in events}
                add(
                    activity,
                    next(
                        contact
                        for contact in account.contacts.values()
                        if contact.email_address and contact.contact_id not in known
                    ),
                )
