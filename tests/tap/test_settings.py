"""Settings say what they mean, or what is wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tap_constantcontact.errors import SettingsError
from tap_constantcontact.settings import (
    JSONSCHEMA,
    Settings,
    as_number,
    check_types,
    misspelt,
    moment,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KNOWN = frozenset(JSONSCHEMA["properties"])


def parse(**given: Any) -> Settings:
    defaults = {
        name: schema["default"]
        for name, schema in JSONSCHEMA["properties"].items()
        if "default" in schema
    }
    return Settings.parse({**defaults, "client_id": "key", **given}, version="1.2", now=NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T10:00:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("90 days ago", NOW - timedelta(days=90)),
        ("1 week ago", NOW - timedelta(days=7)),
        ("3 months ago", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("", None),
    ],
)
def test_times_are_dates_or_words(text: str, expected: datetime | None) -> None:
    assert moment({"start_date": text}, "start_date", NOW) == expected


@pytest.mark.parametrize("text", ["yesterday", "31.1.2026", "12:00", "P1D", "0 days hence"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match='write a date such as "2026-01-31" or "90 days ago"'):
        moment({"start_date": text}, "start_date", NOW)


def test_defaults_are_those_of_the_real_api() -> None:
    settings = parse()

    assert settings.api_url == "https://api.cc.email/v3"
    assert settings.auth_url == "https://authz.constantcontact.com/oauth2/default/v1"
    assert settings.lookback == timedelta(seconds=600)
    assert settings.report_lookback == timedelta(hours=48)
    assert settings.user_agent == "tap-constantcontact/1.2"
    assert settings.requests_per_second == 4
    assert settings.client_secret is None


def test_the_store_is_in_the_users_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")

    assert parse().store == "/somewhere/state/tap-constantcontact"


def test_a_secret_of_the_wrong_type_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        check_types({"client_secret": ["hush"]}, JSONSCHEMA["properties"])

    assert str(caught.value) == (
        "The setting 'client_secret' is wrong: it should be string or null."
    )


def test_blanks_around_a_secret_are_not_part_of_it() -> None:
    assert parse(refresh_token="token\n").refresh_token == "token"


def test_null_is_the_default() -> None:
    assert parse(lookback_seconds=None).lookback == timedelta(seconds=600)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start_date": "2026-02-01", "end_date": "2026-01-01"}, "start_date must be before"),
        ({"requests_per_second": 0}, "requests_per_second must be more than 0"),
        ({"lookback_seconds": -1}, "lookback_seconds must not be negative"),
        ({"report_lookback_hours": -1}, "report_lookback_hours must not be negative"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        parse(**given)


def test_a_misspelt_setting_is_named_with_the_nearest_right_one() -> None:
    assert misspelt({"client_idd": "x"}, KNOWN) == [
        "There is no setting 'client_idd'. Did you mean 'client_id'?"
    ]


def test_a_setting_like_no_other_is_answered_with_all_there_are() -> None:
    (line,) = misspelt({"zzz": "x"}, {"client_id", "store"})

    assert line == "There is no setting 'zzz'. There are: client_id, store."


def test_a_misspelt_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_CONSTANTCONTACT_CLIENT_SECERT", "x")
    # Meltano's extras and the SDK's own variables are no settings.
    monkeypatch.setenv("TAP_CONSTANTCONTACT__SELECT", "[]")
    monkeypatch.setenv("TAP_CONSTANTCONTACT_LOGLEVEL", "DEBUG")

    assert misspelt({}, KNOWN) == [
        "There is no setting 'TAP_CONSTANTCONTACT_CLIENT_SECERT'. Did you mean 'client_secret'?"
    ]


def test_numbers_of_the_environment_become_numbers() -> None:
    config: dict[str, Any] = {"requests_per_second": "3.5", "client_id": "7"}
    as_number(config, JSONSCHEMA["properties"])

    assert config == {"requests_per_second": 3.5, "client_id": "7"}


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(SettingsError, match="requests_per_second is 'four': write a number"):
        as_number({"requests_per_second": "four"}, JSONSCHEMA["properties"])
