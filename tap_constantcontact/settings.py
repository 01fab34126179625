"""The settings: what a user may say, and what the rooms of the tap read of it."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pendulum
import platformdirs
from singer_sdk import typing as th

from tap_constantcontact.allowance import Limits
from tap_constantcontact.errors import SettingsError
from tap_constantcontact.times import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

NAME = "tap-constantcontact"
ENV_PREFIX = "TAP_CONSTANTCONTACT_"
NO_SETTINGS = frozenset({"LOGLEVEL", "LOG_CONFIG", "LOG_FORMAT"})
"""What is read under the prefix before there are settings."""

STATUSES = (
    "active",
    "unsubscribed",
    "pending_confirmation",
    "not_set",
    "temp_hold",
    "deleted",
)
"""What contacts can be chosen by; active are those who may be written to."""

SUBRESOURCES = (
    "custom_fields",
    "list_memberships",
    "phone_numbers",
    "street_addresses",
    "taggings",
    "notes",
)
"""What a contact comes with when it is asked for."""

SMS_CHANNEL = "sms_channel"
"""What it comes with in some applications."""

TRACKED = (
    "em_sends",
    "em_opens",
    "em_clicks",
    "em_bounces",
    "em_optouts",
    "em_forwards",
    "p_contact_open",
    "p_contact_click",
    "p_contact_add",
    "p_contact_update",
)
"""What the reports on a contact tell of."""

NO_CLIENT_ID = (
    "client_id is missing: put the API key of your application into the settings or into"
    f" {ENV_PREFIX}CLIENT_ID."
)

ACTIVITY_INCLUDES = [
    "physical_address_in_footer",
    "permalink_url",
    "document_properties",
    "html_content",
]
"""What activities show only where it is asked for; the last can be large."""

JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "client_id",
        th.StringType,
        required=True,
        title="API key",
        description="The API key of your application in the developer portal (OAuth's client id).",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="The application's secret; leave it out for a PKCE application.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        title="Refresh token",
        description="Only for machines where nobody can sign in: `tap-constantcontact-login` keeps "
        "it in the store by itself. Once used, the token that the store grew from it is taken.",
    ),
    th.Property(
        "access_token",
        th.StringType,
        secret=True,
        title="Access token",
        description="Optional: used until it is refused.",
    ),
    th.Property(
        "store",
        th.StringType,
        title="Store",
        description="Keeps the tokens, the count of today's calls and the pace, for all processes "
        "that share it: a folder, or a SQLAlchemy URL of SQLite or PostgreSQL for containers and "
        "several machines; by default a folder of its own in your state folder "
        "(`$XDG_STATE_HOME`).",
        secret=True,
    ),
    th.Property(
        "store_key",
        th.StringType,
        secret=True,
        title="Key of the store",
        description="Encrypts the store (Fernet; `tap-constantcontact-login --new-store-key` makes "
        "a key). Several, separated by commas: the first encrypts, all decrypt.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        default="https://api.cc.email/v3",
        title="API",
        description="The address of the API.",
    ),
    th.Property(
        "auth_url",
        th.StringType,
        default="https://authz.constantcontact.com/oauth2/default/v1",
        title="Authorization server",
        description="The address whose `/authorize` and `/token` sign in.",
    ),
    th.Property(
        "start_date",
        th.StringType,
        title="Start",
        description='Campaigns sent since then are followed: ISO 8601, or like "90 days ago"; by '
        "default all. One that never was sent counts by when it changed. Contacts, lists and the "
        "list of campaigns are always all read.",
    ),
    th.Property(
        "end_date",
        th.StringType,
        title="End",
        description="Campaigns sent before then are followed: written like `start_date`.",
    ),
    th.Property(
        "report_sent_after",
        th.StringType,
        title="Reports since",
        description="Reports are read of campaigns sent since then: written like `start_date`; by "
        "default of all that are followed.",
    ),
    th.Property(
        "report_campaign_ids",
        th.ArrayType(th.StringType),
        title="Campaigns with reports",
        description="Reports are read of these campaigns alone; by default of all that are "
        "followed.",
    ),
    th.Property(
        "campaign_activity_include",
        th.ArrayType(th.StringType(allowed_values=ACTIVITY_INCLUDES)),
        default=ACTIVITY_INCLUDES[:3],
        title="Parts of activities",
        description="What activities are asked for beside their headers; there is also "
        "`html_content`, the code of custom-code e-mails. A change shows where activities change.",
    ),
    th.Property(
        "report_hot_days",
        th.IntegerType,
        default=14,
        title="Hot days",
        description="Days after a campaign was sent in which its forwards are read whenever "
        "anything of it moved, since a second forward moves no counter.",
    ),
    th.Property(
        "report_settle_runs",
        th.IntegerType,
        default=3,
        title="Tries to settle",
        description="Runs on which a report that shows less than its counter is tried again, the "
        "last one `report_lookback_hours` later; then it is a row in `sync_mismatches`.",
    ),
    th.Property(
        "contacts_full_refresh_days",
        th.IntegerType,
        default=7,
        title="Full pass of contacts",
        description="Days (UTC) after which all contacts are read again, for changes that move no "
        "time the API can filter by (a list joined, an address changed). 0: never.",
    ),
    th.Property(
        "contacts_since",
        th.StringType,
        title="Contacts since",
        description="Contacts added since then are kept: written like `start_date`; by default "
        "all. Reports may name others.",
    ),
    th.Property(
        "contact_status",
        th.ArrayType(th.StringType(allowed_values=list(STATUSES))),
        title="Contacts of a status",
        description="Contacts with one of these are kept: `active`, `unsubscribed`, "
        "`pending_confirmation`, `not_set`, `temp_hold`, `deleted`; by default all.",
    ),
    th.Property(
        "contact_list_ids",
        th.ArrayType(th.StringType),
        title="Contacts on lists",
        description="Contacts on any of these lists are kept; by default all. Where all are read, "
        "they are asked for by 25 lists a call, unless reading everybody takes fewer calls.",
    ),
    th.Property(
        "contact_include",
        th.ArrayType(th.StringType(allowed_values=[*SUBRESOURCES, SMS_CHANNEL])),
        title="Parts of contacts",
        description="What is kept of contacts beside their own fields: `custom_fields`, "
        "`list_memberships`, `phone_numbers`, `street_addresses`, `taggings`, `notes`, "
        "`sms_channel`; by default all.",
    ),
    th.Property(
        "custom_fields_as_columns",
        th.BooleanType,
        default=True,
        title="Custom fields as columns",
        description="Each custom field of contacts is a column of its own, of its own type, beside "
        "`custom_fields`, which has them all: `cf_` and the name that it had when it was first "
        "read.",
    ),
    th.Property(
        "contact_report_ids",
        th.ArrayType(th.StringType),
        title="Contacts with reports",
        description="Contacts whose reports are read, a call or more for each of them: "
        "`contact_activity_details`, `contact_activity_summaries`, `contact_open_and_click_rates`.",
    ),
    th.Property(
        "contact_report_scope",
        th.StringType,
        allowed_values=["with_news"],
        title="Further contacts with reports",
        description="`with_news` adds the contacts who are in a report on an e-mail that the run "
        "has read, or a run before it that did not come to ask about them.",
    ),
    th.Property(
        "contact_report_types",
        th.ArrayType(th.StringType(allowed_values=list(TRACKED))),
        title="What reports on contacts tell",
        description="Of `contact_activity_details`: `em_sends`, `em_opens`, `em_clicks`, "
        "`em_bounces`, `em_optouts`, `em_forwards`, `p_contact_open`, `p_contact_click`, "
        "`p_contact_add`, `p_contact_update`; by default all.",
    ),
    th.Property(
        "segment_ids",
        th.ArrayType(th.StringType),
        title="Segments with contacts",
        description="Segments whose `segment_contacts` are read, 500 contacts a call; the state "
        "remembers them.",
    ),
    th.Property(
        "landing_page_ids",
        th.ArrayType(th.StringType),
        title="Landing pages with reports",
        description="Landing pages whose reports are read, `landing_page_opens` and the like, on "
        "each run a call for each page and report: ids of campaign activities, which no part of "
        "the API lists.",
    ),
    th.Property(
        "sms_history_ids",
        th.ArrayType(th.StringType),
        title="Contacts with a history of text messages",
        description="Contacts whose `contact_sms_history` is read, a call for each of them on "
        "each run, which tells, too, whether they have a channel; rows are those that are new.",
    ),
    th.Property(
        "sms_history_scope",
        th.StringType,
        allowed_values=["with_channel"],
        title="Further contacts with a history of text messages",
        description="`with_channel` adds the contacts with a channel for text messages whom the "
        "run has read: at first all of them, then those who changed.",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType,
        default=600,
        title="Look-back",
        description="Seconds before the bookmark that changed contacts and campaigns are asked for "
        "again, for changes that the API shows late.",
    ),
    th.Property(
        "report_lookback_hours",
        th.IntegerType,
        default=48,
        title="Look-back of reports",
        description="Hours before the newest row known of opens and clicks, of what chosen "
        "contacts did, and of what happened on landing pages, that are read again, for rows that "
        "the API shows late.",
    ),
    th.Property(
        "daily_quota",
        th.IntegerType,
        default=10_000,
        title="Calls a day",
        description="Calls that the API key has a UTC day; all processes that share the store "
        "share the count.",
    ),
    th.Property(
        "quota_reserve",
        th.IntegerType,
        default=0,
        title="Calls left to others",
        description="Calls of the day that are left to other applications with the key.",
    ),
    th.Property(
        "increment_reserve",
        th.IntegerType,
        title="Calls left to increments",
        description="Calls a day that backfills leave to increments, less what part of the day is "
        "over; by default as many as increments needed on the busiest of the last seven days.",
    ),
    th.Property(
        "max_calls_per_run",
        th.IntegerType,
        title="Calls a run",
        description="Calls that one run makes at most; by default any number.",
    ),
    th.Property(
        "max_run_minutes",
        th.IntegerType,
        title="Minutes a run",
        description="Minutes that one run takes at most; by default as many as it needs.",
    ),
    th.Property(
        "on_quota",
        th.StringType,
        default="stop",
        allowed_values=["stop", "fail", "wait"],
        title="When calls are used up",
        description="`stop` ends the run well (exit code 0), `fail` with exit code 5; both write "
        "the STATE, and the next run goes on. `wait` goes on by itself after 00:00 UTC, if "
        "`max_run_minutes` last until then; where the run's own limits end it, it ends well.",
    ),
    th.Property(
        "on_forbidden",
        th.StringType,
        default="skip",
        allowed_values=["skip", "fail"],
        title="When something is forbidden",
        description="What the API forbids whoever signed in to read: `skip` leaves it out, with "
        "what follows from it, reads all else and names it in the last line; `fail` ends the run "
        "with exit code 4.",
    ),
    th.Property(
        "add_account_id",
        th.BooleanType,
        default=False,
        title="Account in every row",
        description="Whether each row says in `account_id` whose it is, as a part of its key: for "
        "several accounts in one database. Choose before the first run: it is another key.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="How the tap introduces itself; by default its name and version.",
    ),
    th.Property(
        "requests_per_second",
        th.NumberType,
        default=4,
        title="Pace",
        description="Requests a second; the API allows 4 a key, all its users together.",
    ),
).to_dict()

NOT_NEGATIVE = (
    "report_hot_days",
    "contacts_full_refresh_days",
    "lookback_seconds",
    "report_lookback_hours",
    "daily_quota",
    "quota_reserve",
    "increment_reserve",
    "max_calls_per_run",
    "max_run_minutes",
)

DEFAULTS: dict[str, Any] = {
    name: schema["default"]
    for name, schema in JSONSCHEMA["properties"].items()
    if "default" in schema
}


@dataclass(frozen=True)
class ContactReports:
    """Of which contacts that is read which costs a call for each, and what of it.

    Args:
        ids: Whose reports, in any case.
        with_news: Whether also of those who are in a report that the run has read.
        types: What happened.
        sms_ids: Whose history of text messages, in any case.
        with_channel: Whether also of those with a channel whom the run has read.
    """

    ids: tuple[str, ...]
    with_news: bool
    types: tuple[str, ...]
    sms_ids: tuple[str, ...]
    with_channel: bool


@dataclass(frozen=True)
class ContactChoice:
    """Which contacts are kept, and what of them.

    Args:
        since: Those added since then; None for all.
        statuses: Those with any of these statuses; none for all.
        lists: Those on any of these lists; none for all.
        include: What of them, beside their own fields.
        as_columns: Whether each custom field is a column.
    """

    since: datetime | None
    statuses: tuple[str, ...]
    lists: tuple[str, ...]
    include: tuple[str, ...]
    as_columns: bool

    def is_all(self) -> bool:
        """Tell whether all contacts are kept."""
        return not (self.since or self.statuses or self.lists)

    def keeps(self, *, added: datetime | None, status: str, lists: Iterable[str]) -> bool:
        """Tell whether a contact is kept.

        Args:
            added: When it was added.
            status: Its status, as the API calls it.
            lists: The lists it is on.
        """
        return (
            (self.since is None or added is None or added >= self.since)
            and (not self.statuses or status in self.statuses)
            and (not self.lists or not set(self.lists).isdisjoint(lists))
        )

    def mark(self) -> str:
        """Return a few letters that change with the choice."""
        whole = set(self.include) == {*SUBRESOURCES, SMS_CHANNEL}
        if self.is_all() and whole and self.as_columns:
            return ""
        facts = [
            str(self.since),
            str(self.as_columns),
            *(",".join(sorted(each)) for each in self._parts()),
        ]
        return hashlib.blake2b(" ".join(facts).encode(), digest_size=6).hexdigest()

    def _parts(self) -> tuple[tuple[str, ...], ...]:
        return self.statuses, self.lists, self.include


@dataclass(frozen=True)
class Settings:
    """The settings as the rooms of the tap use them: parsed, with defaults, in their own types.

    Times are aware and in UTC.
    """

    client_id: str
    client_secret: str | None
    refresh_token: str | None
    access_token: str | None
    store: str
    store_keys: tuple[str, ...]
    api_url: str
    auth_url: str
    start: datetime | None
    end: datetime | None
    report_sent_after: datetime | None
    report_campaign_ids: frozenset[str]
    contacts: ContactChoice
    contact_reports: ContactReports
    segment_ids: tuple[str, ...]
    landing_page_ids: tuple[str, ...]
    campaign_activity_include: tuple[str, ...]
    report_hot: timedelta
    report_settle_runs: int
    contacts_full_refresh: timedelta | None
    lookback: timedelta
    report_lookback: timedelta
    limits: Limits
    fails_at_quota: bool
    skips_forbidden: bool
    adds_account_id: bool
    user_agent: str
    requests_per_second: float

    @classmethod
    def parse(cls, config: Mapping[str, Any], *, version: str, now: datetime) -> Settings:
        """Read the settings from a validated configuration.

        Args:
            config: The configuration; what it leaves out, or null, has its default.
            version: The tap's version, for the default user agent.
            now: What relative times count from (aware).

        Raises:
            SettingsError: A setting makes no sense.
        """
        given = {key: kept for key, kept in config.items() if kept is not None}
        config = {
            key: kept.strip() if isinstance(kept, str) else kept
            for key, kept in {**DEFAULTS, **given}.items()
        }
        if not config.get("client_id"):
            raise SettingsError(NO_CLIENT_ID)
        start = moment(config, "start_date", now)
        end = moment(config, "end_date", now)
        if start and start > now:
            raise SettingsError("start_date is in the future: nothing can have changed since then.")
        if start and end and start >= end:
            raise SettingsError("start_date must be before end_date.")
        if not all(key.isdecimal() for key in config.get("segment_ids") or ()):
            raise SettingsError("segment_ids must be numbers, as in the addresses of segments.")
        pace = float(config["requests_per_second"])
        if pace <= 0:
            raise SettingsError("requests_per_second must be more than 0; the API allows 4.")
        for name in NOT_NEGATIVE:
            if (config.get(name) or 0) < 0:
                raise SettingsError(f"{name} must not be negative.")
        if config["report_settle_runs"] < 1:
            raise SettingsError("report_settle_runs must be 1 or more.")
        return cls(
            client_id=config["client_id"],
            client_secret=config.get("client_secret") or None,
            refresh_token=config.get("refresh_token") or None,
            access_token=config.get("access_token") or None,
            store=config.get("store") or str(platformdirs.user_state_path(NAME)),
            store_keys=tuple(re.findall(r"[^\s,]+", config.get("store_key") or "")),
            api_url=config["api_url"].rstrip("/"),
            auth_url=config["auth_url"].rstrip("/"),
            start=start,
            end=end,
            report_sent_after=moment(config, "report_sent_after", now),
            report_campaign_ids=frozenset(config.get("report_campaign_ids") or ()),
            contact_reports=ContactReports(
                ids=_choice(config, "contact_report_ids"),
                with_news=config.get("contact_report_scope") == "with_news",
                types=_choice(config, "contact_report_types") or TRACKED,
                sms_ids=_choice(config, "sms_history_ids"),
                with_channel=config.get("sms_history_scope") == "with_channel",
            ),
            segment_ids=_choice(config, "segment_ids"),
            landing_page_ids=_choice(config, "landing_page_ids"),
            contacts=ContactChoice(
                since=moment(config, "contacts_since", now),
                statuses=_choice(config, "contact_status"),
                lists=_choice(config, "contact_list_ids"),
                include=_choice(config, "contact_include") or (*SUBRESOURCES, SMS_CHANNEL),
                as_columns=config["custom_fields_as_columns"],
            ),
            campaign_activity_include=tuple(config["campaign_activity_include"]),
            report_hot=timedelta(days=config["report_hot_days"]),
            report_settle_runs=config["report_settle_runs"],
            contacts_full_refresh=timedelta(days=config["contacts_full_refresh_days"]) or None,
            lookback=timedelta(seconds=config["lookback_seconds"]),
            report_lookback=timedelta(hours=config["report_lookback_hours"]),
            limits=Limits(
                daily_quota=config["daily_quota"],
                quota_reserve=config["quota_reserve"],
                increment_reserve=config.get("increment_reserve"),
                calls=config.get("max_calls_per_run"),
                duration=minutes(config.get("max_run_minutes")),
                waits=config["on_quota"] == "wait",
            ),
            fails_at_quota=config["on_quota"] == "fail",
            skips_forbidden=config["on_forbidden"] == "skip",
            adds_account_id=config["add_account_id"],
            user_agent=config.get("user_agent") or f"{NAME}/{version}",
            requests_per_second=pace,
        )

    def chooses(self, dated: datetime) -> bool:
        """Tell whether campaigns of a date are followed.

        Args:
            dated: When the campaign was sent last, or changed if it never was sent.
        """
        return (self.start is None or dated >= self.start) and (
            self.end is None or dated < self.end
        )

    def chooses_reports(self, campaign_id: str, dated: datetime) -> bool:
        """Tell whether the reports of a campaign that is followed are read.

        Args:
            campaign_id: The campaign.
            dated: When it was sent last, or changed if it never was sent.
        """
        late_enough = self.report_sent_after is None or dated >= self.report_sent_after
        return late_enough and (
            not self.report_campaign_ids or campaign_id in self.report_campaign_ids
        )


def _choice(config: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the values of a list among the settings, each once, in their order."""
    return tuple(dict.fromkeys(config.get(name) or ()))


def minutes(number: int | None) -> timedelta | None:
    """Return a number of minutes as a duration, if there is one."""
    return None if number is None else timedelta(minutes=number)


def moment(config: Mapping[str, Any], name: str, now: datetime) -> datetime | None:
    """Return the time that a setting names, or None if it is not set.

    Args:
        config: The configuration.
        name: A setting that holds ISO 8601 or words such as "90 days ago".
        now: What relative times count from.

    Raises:
        SettingsError: It is neither.
    """
    text = str(config.get(name) or "").strip()
    if not text:
        return None
    relative = re.fullmatch(r"(\d+)\s+(second|minute|hour|day|week|month|year)s?\s+ago", text)
    if relative:
        number, unit = relative.groups()
        return plain(pendulum.instance(now).subtract(**{f"{unit}s": int(number)}))
    try:
        parsed = pendulum.parse(text, tz="UTC", exact=True)
    except ValueError:
        parsed = None
    if isinstance(parsed, pendulum.DateTime):
        return plain(parsed)
    if isinstance(parsed, pendulum.Date):
        return plain(pendulum.datetime(parsed.year, parsed.month, parsed.day))
    raise SettingsError(f'{name} is {text!r}: write a date such as "2026-01-31" or "90 days ago".')


def misspelt(config: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    """Return a line for each setting that does not exist, in the configuration or the environment.

    Args:
        config: The configuration as given.
        known: The names of all settings, the SDK's among them.
    """
    names = sorted(known)
    lines = [_unknown(name, name, names) for name in config if name not in names]
    for variable in sorted(os.environ):
        suffix = variable.removeprefix(ENV_PREFIX)
        # Meltano writes its extras here too, with a second underscore (`…__SELECT`).
        if suffix == variable or suffix.startswith("_") or suffix in NO_SETTINGS:
            continue
        if suffix.lower() not in names:
            lines.append(_unknown(variable, suffix.lower(), names))
    return lines


def check_spelling(config: Mapping[str, Any], known: Iterable[str]) -> None:
    """Check that each setting exists; see `misspelt`.

    Raises:
        SettingsError: One does not.
    """
    if wrong := misspelt(config, known):
        raise SettingsError(" ".join(wrong))


def _unknown(shown: str, name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(names)}."
    return f"There is no setting {shown!r}.{hint}"


def check_types(config: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
    """Check that settings are of their types.

    The SDK's own words would show what was given, and that may be a secret.

    Raises:
        SettingsError: One is not.
    """
    for name, schema in properties.items():
        if name in config and not jsonschema.Draft202012Validator(schema).is_valid(config[name]):
            wanted = schema.get("enum") or schema["type"]
            words = wanted if isinstance(wanted, str) else " or ".join(map(str, wanted))
            raise SettingsError(f"The setting {name!r} is wrong: it should be {words}.")


def check_integers(properties: Mapping[str, Any]) -> None:
    """Check the variables that should hold integers.

    The SDK converts them before it validates anything, and fails without a name.

    Raises:
        SettingsError: One holds something else.
    """
    for name, schema in properties.items():
        variable = ENV_PREFIX + name.upper()
        value = os.environ.get(variable, "0")
        if "integer" in schema.get("type", ()) and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
            raise SettingsError(f"{variable} is {value!r}: write a whole number.")


def as_number(config: dict[str, Any], properties: Mapping[str, Any]) -> None:
    """Turn numbers that came as text into numbers: the SDK leaves the environment's as text."""
    for name, schema in properties.items():
        value = config.get(name)
        if isinstance(value, str) and "number" in schema.get("type", ()):
            try:
                config[name] = float(value)
            except ValueError:
                raise SettingsError(f"{name} is {value!r}: write a number.") from None
