"""What the tables of small things must hold, which are read whole: see `truth`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox import Account

Row = dict[str, Any]

KEYS: dict[str, tuple[str, ...]] = {
    "account_summary": ("encoded_account_id",),
    "account_emails": ("email_id",),
    "user_privileges": ("privilege_id",),
    "contact_tags": ("tag_id",),
    "contact_custom_fields": ("custom_field_id",),
    "segments": ("segment_id",),
    "segment_criteria": ("segment_id",),
    "bulk_activities": ("activity_id",),
    "automations": ("automation_flow_id",),
    "social_profiles": ("profile_id",),
    "social_connections": ("network", "network_account_id"),
    "social_hashtag_groups": ("hashtag_group_id",),
    "sms_campaign_summaries": ("campaign_id",),
}

MOMENTS = (
    "edited_at",
    "started_at",
    "completed_at",
    "confirm_time",
    "created_date",
    "update_date",
    "promoted_date",
)

NESTED = (
    "roles",
    "pending_roles",
    "choices",
    "activity_errors",
    "structured_tags",
    "hashtag_names",
)

TRUTHS = (
    "metadata__integer",
    "metadata__allow_negative",
    "name_explicitly_set",
    "connected",
    "accessible",
    "connection_status__has_token",
    "connection_status__token_is_valid",
    "connection_status__token_has_scopes",
    "connection_status__is_active_user",
    "connection_status__rate_limited",
)


def steps(definition: Any) -> list[str] | None:
    """Return the ids of the steps that a definition begins with."""
    if definition is None:
        return None
    known = json.loads(definition) if isinstance(definition, str) else definition
    return [task["id"] for task in known["workflow"]["workflow_def"]["tasks"]]


TYPES: dict[str, Callable[[Any], Any]] = {"active_definition": steps, "draft_definition": steps}

SHOWN_FOR = timedelta(days=10)
"""How long the API shows a bulk activity."""


def expected(account: Account) -> dict[str, list[Row]]:
    """Return the rows of every such table as the account would fill it."""
    return {
        "account_summary": [_summary(account)],
        "account_emails": [_email(email) for email in account.emails],
        "user_privileges": [
            _fields(privilege, "privilege_id", "privilege_name")
            for privilege in account.held_privileges
        ],
        "contact_tags": [_tag(account, tag) for tag in account.tags.values()],
        "contact_custom_fields": [_custom_field(each) for each in account.custom_fields.values()],
        "segments": [_segment(each) for each in _segments(account)],
        "segment_criteria": [
            {**_segment(each), "segment_criteria": str(each.criteria)}
            for each in _segments(account)
        ],
        "bulk_activities": [
            _job(job)
            for job in account.bulk_activities.values()
            if job.created_at >= account.clock.now() - SHOWN_FOR
        ],
        "automations": [_automation(each) for each in account.automations.values()],
        "social_profiles": [_profile(each) for each in account.social_profiles.values()],
        "social_connections": [
            _connection(account, each) for each in account.social_connections.values()
        ],
        "social_hashtag_groups": [
            {
                "hashtag_group_id": group.hashtag_group_id,
                "hashtag_group_name": group.name,
                "hashtag_names": list(group.hashtags),
            }
            for group in account.hashtag_groups.values()
        ],
        "sms_campaign_summaries": [
            _text_campaign(each, sent, account.clock.now())
            for each in account.text_campaigns.values()
            if (sent := each.last_sent_date(account.clock.now()))
        ],
    }


def is_forgotten(account: Account, name: str, key: tuple[Any, ...]) -> bool:
    """Tell whether a row is of something that the API does not show any more, but was."""
    return name == "bulk_activities" and key[0] in account.bulk_activities


def _fields(record: Any, *names: str, before: str = "") -> Row:
    return {f"{before}{name}": getattr(record, name, None) for name in names}


def _times(record: Any, *names: str) -> Row:
    times = {name: getattr(record, name) for name in names}
    return {name: _to_the_second(time) for name, time in times.items()}


def _to_the_second(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=0) if moment else None


def _to_the_millisecond(moment: datetime | None) -> datetime | None:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000) if moment else None


def _summary(account: Account) -> Row:
    owner = account.owner
    return {
        **_fields(
            owner,
            "encoded_account_id",
            "encoded_partner_id",
            "organization_name",
            "organization_phone",
            "website",
            "first_name",
            "last_name",
            "contact_email",
            "contact_phone",
            "country_code",
            "state_code",
            "time_zone_id",
        ),
        **_fields(
            owner.physical_address,
            "address_line1",
            "address_line2",
            "address_line3",
            "city",
            "state_code",
            "state_name",
            "postal_code",
            "country_code",
            before="physical_address__",
        ),
        **_fields(
            owner.company_logo, "url", "external_url", "internal_id", before="company_logo__"
        ),
    }


def _email(email: Any) -> Row:
    return {
        **_fields(
            email,
            "email_id",
            "email_address",
            "confirm_status",
            "confirm_source",
            "confirm_source_type",
        ),
        "confirm_time": _to_the_millisecond(email.confirm_time),
        "roles": list(email.roles),
        "pending_roles": list(email.pending_roles) or None,
    }


def _tag(account: Account, tag: Any) -> Row:
    return {
        **_fields(tag, "tag_id", "name", "tag_source"),
        **_times(tag, "created_at", "updated_at"),
        "contacts_count": sum(
            tag.tag_id in contact.taggings
            for contact in account.contacts.values()
            if contact.deleted_at is None
        ),
    }


def _custom_field(field: Any) -> Row:
    return {
        **_fields(field, "custom_field_id", "label", "name", "type", "version"),
        **_fields(
            field.metadata,
            "display_type",
            "display_format",
            "integer",
            "allow_negative",
            "decimal_places",
            "currency_code",
            before="metadata__",
        ),
        **_times(field, "created_at", "updated_at"),
        "choices": [_choice(field, choice) for choice in field.choices] or None,
    }


def _choice(field: Any, choice: Any) -> Row:
    deleted = {"deleted_at": f"{choice.deleted_at:%Y-%m-%d}"} if choice.deleted_at else {}
    return {
        "custom_field_id": field.custom_field_id,
        **_fields(choice, "choice_id", "choice_label", "display_order"),
        "created_at": f"{choice.created_at:%Y-%m-%dT%H:%M:%SZ}",
        "updated_at": f"{choice.updated_at:%Y-%m-%dT%H:%M:%SZ}",
        **deleted,
    }


def _segments(account: Account) -> list[Any]:
    return [each for each in account.segments.values() if each.deleted_at is None]


def _segment(segment: Any) -> Row:
    return {
        **_fields(segment, "segment_id", "name"),
        "created_at": _to_the_millisecond(segment.created_at),
        "edited_at": _to_the_millisecond(segment.edited_at),
    }


def _job(job: Any) -> Row:
    file = f"/v3/contact_exports/{job.results_id}" if job.results_id else None
    return {
        **_fields(job, "activity_id", "state", "percent_done", "source_file_name"),
        **_times(job, "created_at", "started_at", "completed_at", "updated_at"),
        "activity_errors": list(job.errors),
        **{f"status__{name}": count for name, count in job.counts.items()},
        "results_href": file,
    }


def _automation(automation: Any) -> Row:
    active, draft = automation.active, automation.draft
    return {
        "automation_flow_id": automation.automation_id,
        **_fields(
            automation,
            "name",
            "description",
            "status",
            "template_id",
            "created_by_id",
            "promoted_by_id",
        ),
        "active_state": automation.status if active else None,
        "draft_state": "PROMOTED" if draft == active else "DRAFT",
        "name_explicitly_set": automation.named,
        "created_date": _to_the_millisecond(automation.created_at),
        "update_date": _to_the_millisecond(automation.updated_at),
        "promoted_date": _to_the_millisecond(automation.promoted_at),
        "structured_tags": [
            {"display_value": goal.display_value, "key": "GOAL", "value": goal.value}
            for goal in automation.goals
        ],
        "active_definition": [step.step_id for step in active.steps] if active else None,
        "draft_definition": [step.step_id for step in draft.steps],
    }


def _profile(profile: Any) -> Row:
    account = profile.account
    return {
        **_fields(
            profile,
            "profile_id",
            "name",
            "handle",
            "url",
            "connected",
            "accessible",
            "network_profile_id",
        ),
        **_fields(account, "network", "image_url"),
        "network_user_id": account.network_account_id,
        **_network_account(account, before="account_info__"),
    }


def _connection(account: Account, connection: Any) -> Row:
    used = any(profile.connected for profile in account.profiles_of(connection))
    return {
        **_network_account(connection.account),
        **_fields(
            connection,
            "status",
            "error",
            "has_token",
            "token_is_valid",
            "token_has_scopes",
            "rate_limited",
            before="connection_status__",
        ),
        "connection_status__is_active_user": used,
    }


def _network_account(account: Any, before: str = "") -> Row:
    return _fields(
        account,
        "network",
        "network_account_id",
        "username",
        "display_name",
        "account_url",
        "image_url",
        before=before,
    )


def _text_campaign(campaign: Any, sent: datetime, now: datetime) -> Row:
    """Return what came of a text campaign until now: the account knows what will, too."""
    counted = ("sends", "delivers", "clicks", "optouts", *(["opens"] * campaign.tracks_opens))
    return {
        "campaign_id": campaign.campaign_id,
        "campaign_name": campaign.name,
        "campaign_type": "SMS",
        "last_sent_date": _to_the_millisecond(sent),
        "unique_counts__opens": None,
        **{
            f"unique_counts__{name}": len(
                {each.contact_id for each in getattr(campaign, name) if each.at <= now}
            )
            for name in counted
        },
    }
