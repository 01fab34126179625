"""What nobody documents about the API, and what differs from one application to the next.

Each switch carries the grade of what its default says, as in the project's notes on the API:
S the vendor's contract, G the vendor's guide, T its staff, L seen in live answers, I inferred.
They may be changed while the sandbox runs. The command line has an option for each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

LastPage = Literal["absent", "empty", "null", "next_null", "href_null", "rotating"]


def _says(grade: str, what: str) -> dict[str, str]:
    return {"grade": grade, "says": what}


@dataclass
class Switches:
    """How this sandbox behaves where the real API may behave either way."""

    # The application's tokens
    rotating_refresh_tokens: bool = field(
        default=False,
        metadata=_says("G", "a refresh returns a new refresh token and ends the old one"),
    )
    refresh_grace: timedelta = field(
        default=timedelta(0),
        metadata=_says("I", "how long a rotated refresh token is still honoured"),
    )
    access_token_life: timedelta = field(
        default=timedelta(seconds=86400), metadata=_says("G", "how long an access token lives")
    )
    device_refresh_tokens: bool = field(
        default=False,
        metadata=_says("G", "a device gets a refresh token (guide: no; staff: yes)"),
    )
    device_interval: timedelta = field(
        default=timedelta(seconds=5),
        metadata=_says("G", "how long a device has to wait before it asks again"),
    )
    invalid_grant_status: Literal[400, 401] = field(
        default=400, metadata=_says("I", "the status of an `invalid_grant` answer")
    )
    bare_403_without_token: bool = field(
        default=False, metadata=_says("I", "a call without any token gets an empty 403, not a 401")
    )

    # Limits
    requests_per_second: float | None = field(
        default=4.0,
        metadata=_says("G", "calls per key in any second; more are answered 429 `throttled`"),
    )
    daily_quota: int | None = field(
        default=10_000,
        metadata=_says("G", "calls per key and UTC day; more are answered 429 `quota_exceeded`"),
    )
    token_requests_per_second: float | None = field(
        default=1.0, metadata=_says("T", "calls to the token endpoint per key in any second")
    )
    retry_after: int | None = field(
        default=None,
        metadata=_says("I", "seconds in a `Retry-After` header beside a 429; none is documented"),
    )
    latency: timedelta = field(
        default=timedelta(0), metadata=_says("I", "how long each answer takes")
    )
    latency_jitter: timedelta = field(
        default=timedelta(0),
        metadata=_says("I", "by how much an answer may be faster or slower than the latency"),
    )

    # Rights
    withheld_privileges: frozenset[str] = field(
        default=frozenset(),
        metadata=_says("G", "privileges that the account's user lacks, such as contacts:read"),
    )
    lists_privilege: Literal["contacts:lists:read", "contacts:read"] = field(
        default="contacts:lists:read",
        metadata=_says("S", "what reading lists needs; the guide says contacts:read"),
    )

    # Filters and what moves `updated_at`
    inclusive_bounds: bool = field(
        default=False, metadata=_says("I", "…_after and …_before include their own moment")
    )
    delete_moves_updated_at: bool = field(
        default=True, metadata=_says("I", "deleting or reviving a contact moves its updated_at")
    )
    delete_opts_out: bool = field(
        default=True, metadata=_says("S", "a deleted contact's address carries an opt-out as well")
    )
    membership_moves_updated_at: bool = field(
        default=False, metadata=_says("I", "joining or leaving a list or tag moves updated_at")
    )
    sms_consent_moves_updated_at: bool = field(
        default=False,
        metadata=_says("I", "agreeing to text messages, or refusing them, moves updated_at"),
    )
    resend_moves_updated_at: bool = field(
        default=False, metadata=_says("I", "a resend moves its campaign's updated_at")
    )
    registration_moves_event: bool = field(
        default=False,
        metadata=_says("I", "who registers moves the event's last_update_time, not only metrics"),
    )
    deleted_events_listed: bool = field(
        default=True,
        metadata=_says("I", "/events shows deleted events without being asked for them"),
    )
    default_list_status: Literal["active", "all"] = field(
        default="active",
        metadata=_says("I", "which lists /contact_lists shows when no status is asked for"),
    )
    segment_tries: int = field(
        default=1,
        metadata=_says(
            "G", "how often /contacts?segment_id= answers 202 `processing` before the contacts come"
        ),
    )
    sms_channel_included: bool = field(
        default=True,
        metadata=_says("G", "include=sms_channel is accepted; the contract lacks it: 400"),
    )

    # Pages
    cursor_style: Literal["offset", "keyset"] = field(
        default="offset",
        metadata=_says(
            "L", "whether a cursor counts rows (they shift when data change) or names a row"
        ),
    )
    last_page: LastPage = field(
        default="absent",
        metadata=_says(
            "L", "how a page says that it is the last one; `rotating` uses every way in turn"
        ),
    )
    empty_pages: bool = field(
        default=False, metadata=_says("I", "each page is preceded by an empty one with a next link")
    )
    tag_links: Literal["internal", "public", "nested"] = field(
        default="internal",
        metadata=_says(
            "G", "how next links of tags look; `nested` is the contract's _links.next.next"
        ),
    )
    emails_order: Literal["created", "updated"] = field(
        default="created",
        metadata=_says("L", "by which moment /emails is ordered; the guide says updated"),
    )

    # Reports and counters
    minute_granular_times: bool = field(
        default=True, metadata=_says("I", "report rows show the minute of an event, not its second")
    )
    counter_lag: timedelta = field(
        default=timedelta(0),
        metadata=_says("I", "how far counters are behind; last_refresh_time is that moment"),
    )
    report_lag: timedelta = field(
        default=timedelta(0), metadata=_says("I", "how far report rows are behind")
    )
    report_stragglers: float = field(
        default=0.0,
        metadata=_says(
            "I", "the share of report rows, from 0 to 1, that appear later than their like"
        ),
    )
    straggler_delay: timedelta = field(
        default=timedelta(hours=6),
        metadata=_says("I", "the longest that a straggling row stays away"),
    )
    stats_key_spelling: Literal["underscore", "dot"] = field(
        default="underscore",
        metadata=_says("S", "em_opens_all_mobile, or em_opens.all.mobile as in the guide"),
    )
    quoted_numbers: bool = field(
        default=False, metadata=_says("G", "campaign summaries write their counts as strings")
    )
    removed_reports: bool = field(
        default=False, metadata=_says("I", "a removed campaign's counters and reports still answer")
    )

    @classmethod
    def unlimited(cls) -> Switches:
        """Return the defaults without any limit on calls: for tests that are not about limits."""
        return cls(requests_per_second=None, daily_quota=None, token_requests_per_second=None)
