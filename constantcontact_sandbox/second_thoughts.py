"""What the owner of an account thinks better of on a day: schedules, resends and subjects."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox.mailings import AB_TEST, NEWSLETTER

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.chance import Chance
    from constantcontact_sandbox.records import Campaign

_LONGEST_AGO = timedelta(days=7)  # a resend waits for ten days at most


def _one(account: Account, chance: Chance, test: Callable[[Campaign], bool]) -> Campaign | None:
    found = [each for each in account.campaigns.values() if test(each)]
    return chance.pick(found) if found else None


def _unschedule(account: Account, chance: Chance, at: datetime) -> bool:
    campaign = _one(account, chance, lambda each: each.current_status == "Scheduled")
    if campaign is None:
        return False
    account.unschedule(campaign, at=at)
    return True


def _schedule(account: Account, chance: Chance, at: datetime) -> bool:
    """Schedule a draft for one of the next days."""
    campaign = _one(account, chance, lambda each: each.current_status == "Draft")
    if campaign is None:
        return False
    account.schedule(campaign, at + timedelta(hours=chance.randint(6, 60)), at=at)
    return True


def _try_subject(account: Account, chance: Chance, at: datetime) -> bool:
    """Put a second subject of a draft on trial, or take it back."""
    campaign = _one(
        account,
        chance,
        lambda each: each.current_status == "Draft" and each.type_code in (NEWSLETTER, AB_TEST),
    )
    if campaign is None:
        return False
    if campaign.primary.ab_test is None:
        account.try_subject(
            campaign,
            f"{campaign.primary.subject}?",
            winner_wait_duration=chance.pick((6, 12)),
            at=at,
        )
    else:
        account.end_trial(campaign, at=at)
    return True


def _ask_for_resend(account: Account, chance: Chance, at: datetime) -> bool:
    """Wish to send again what was sent in the last days, or what is to be sent."""
    campaign = _one(
        account,
        chance,
        lambda each: (
            each.primary.non_opener_resend is None
            and each.current_status in ("Draft", "Scheduled", "Done")
            and all(activity.role != "resend" for activity in each.activities)
            and at - (each.last_sent_date or at) < _LONGEST_AGO
        ),
    )
    if campaign is None:
        return False
    sent = campaign.primary.last_sent_date
    passed = timedelta(0) if sent is None else at - sent
    delay = passed + timedelta(hours=chance.randint(12, 48))
    account.request_resend(campaign, delay=delay, at=at)
    return True


def _withdraw_resend(account: Account, chance: Chance, at: datetime) -> bool:
    campaign = _one(
        account,
        chance,
        lambda each: (
            (wish := each.primary.non_opener_resend) is not None and wish.resend_status != "SENT"
        ),
    )
    if campaign is None:
        return False
    account.cancel_resend(campaign, at=at)
    return True


#: What happens on a day: how often, and what it does.
HAPPENINGS: dict[str, tuple[int, Callable[[Account, Chance, datetime], bool]]] = {
    "schedule withdrawn": (1, _unschedule),
    "draft scheduled": (2, _schedule),
    "subject put on trial or taken back": (2, _try_subject),
    "resend asked for": (2, _ask_for_resend),
    "resend withdrawn": (1, _withdraw_resend),
}
