"""The counters of an activity: what its events amount to, up to a moment."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from constantcontact_sandbox.records import Activity, BounceCode, Click, Event, Open

_DEVICES = ("computer", "mobile", "tablet", "other", "none")

#: What the counters call each bounce code.
BOUNCES: dict[BounceCode, str] = {
    "Z": "blocked",
    "F": "mailbox_full",
    "B": "nonexistent_address",
    "X": "other",
    "S": "suspended",
    "D": "undeliverable",
    "V": "vacation",
}


def count(activity: Activity, until: datetime) -> Counter[str]:
    """Count an activity's events up to a moment.

    Counters named `all` count each event; the others count contacts.
    """
    counted = Counter(
        em_sends=_contacts(activity.sends, until),
        em_opens=_contacts(activity.opens, until),
        em_clicks=_contacts(activity.clicks, until),
        em_bounces=_contacts(activity.bounces, until),
        em_optouts=_contacts(activity.optouts, until),
        em_forwards=_contacts(activity.forwards, until),
        **_by_device("em_opens_all", activity.opens, until),
        **_by_device("em_clicks_all", activity.clicks, until),
    )
    counted["em_not_opened"] = _not_opened(counted)
    return counted


def count_bounces(activity: Activity, until: datetime) -> Counter[str]:
    """Count what only the counters of an activity tell: complaints, and bounces by their kind."""
    counted = Counter(em_abuse=_contacts(activity.abuses, until))
    for code, name in BOUNCES.items():
        bounces = [each for each in activity.bounces if each.bounce_code == code]
        counted[f"em_bounces_{name}"] = _contacts(bounces, until)
    return counted


def total(counters: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Add up the counters of several activities."""
    summed = Counter[str]()
    for each in counters:
        summed.update(each)
    summed["em_not_opened"] = _not_opened(summed)
    return summed


def percents(counted: Mapping[str, int]) -> dict[str, float]:
    """Return the rates that the counters amount to, in whole percents."""
    delivered = counted["em_sends"] - counted["em_bounces"]
    return {
        "bounce": percent(counted["em_bounces"], counted["em_sends"]),
        "click": percent(counted["em_clicks"], counted["em_opens"]),
        "desktop_click": percent(counted["em_clicks_all_computer"], counted["em_clicks_all"]),
        "desktop_open": percent(counted["em_opens_all_computer"], counted["em_opens_all"]),
        "did_not_open": percent(counted["em_not_opened"], delivered),
        "mobile_click": percent(_mobile("em_clicks_all", counted), counted["em_clicks_all"]),
        "mobile_open": percent(_mobile("em_opens_all", counted), counted["em_opens_all"]),
        "open": percent(counted["em_opens"], delivered),
        "unsubscribe": percent(counted["em_optouts"], delivered),
    }


def _contacts(events: Sequence[Event], until: datetime) -> int:
    return len({each.contact_id for each in events if each.at <= until})


def _by_device(
    name: str, events: Sequence[Open] | Sequence[Click], until: datetime
) -> dict[str, int]:
    devices: Counter[str] = Counter(
        each.device_type or "none" for each in events if each.at <= until
    )
    split = {f"{name}_{device}": devices[device] for device in _DEVICES}
    return {name: sum(split.values()), **split}


def _not_opened(counted: Mapping[str, int]) -> int:
    return max(counted["em_sends"] - counted["em_opens"] - counted["em_bounces"], 0)


def _mobile(name: str, counted: Mapping[str, int]) -> int:
    return counted[f"{name}_mobile"] + counted[f"{name}_tablet"]


def percent(part: int, whole: int) -> float:
    """Return a part of a whole in whole percents; of nothing it is none."""
    return float(round(100 * part / whole)) if whole > 0 else 0.0
