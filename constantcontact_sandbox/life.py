"""What happens in an account as time passes: each day a little of everything.

A day's happenings are drawn from the account's seed and the day's number, so the same account,
moved through the same time, lives the same life: in one process or another, in one move or in
several. Nothing happens in the first hour of a day, and what falls into time that the clock was
only advanced through never happens: the account does not change behind a reader's back.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox import boxoffice, invention, second_thoughts, ventures
from constantcontact_sandbox.affairs import AFFAIRS
from constantcontact_sandbox.chance import Chance
from constantcontact_sandbox.crowd import TRIES, is_mailable, lives, open_lists, someone
from constantcontact_sandbox.mailings import NEWSLETTER
from constantcontact_sandbox.townsfolk import fill_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.records import Activity, Campaign, Contact

_DAY = timedelta(days=1)
_QUIET = 3600  # seconds at the start of each day
_RECENT = 3  # sent activities that count as recent
_LARGEST_AUDIENCE = 2_000
_BOUNCE = 0.02


def live(account: Account, by: timedelta) -> dict[str, int]:
    """Move the account's clock and let happen what falls into that time; say how often what did."""
    before = account.clock.now()
    account.clock.advance(by)
    after = account.clock.now()
    happened: Counter[str] = Counter()
    for at, name, chance in _happenings(account, before, after):
        happened += _catch_up(account, before, at)
        happened[name] += HAPPENINGS[name][1](account, chance, at)
    happened += _catch_up(account, before, after)
    return dict(+happened)


def _catch_up(account: Account, before: datetime, until: datetime) -> Counter[str]:
    """Let happen what was planned for a moment up to now."""
    return Counter(
        {
            "scheduled campaign sent": _send_due(account, before, until),
            "requested resend sent": _resend_due(account, before, until),
        }
    )


def _happenings(
    account: Account, before: datetime, after: datetime
) -> Iterator[tuple[datetime, str, Chance]]:
    """Yield what happens after one moment up to another, in the order of time."""
    day = max((before - account.born) // _DAY, 0)
    while (start := account.born + day * _DAY) < after:
        plan = Chance(f"{account.seed}:{day}")
        names = [name for name, (times, _) in HAPPENINGS.items() for _ in range(times)]
        moments = [plan.randrange(_QUIET, 24 * 3600) for _ in names]
        for number, (offset, name) in enumerate(sorted(zip(moments, names, strict=True))):
            at = start + timedelta(seconds=offset)
            if before < at <= after:
                yield at, name, Chance(f"{account.seed}:{day}:{number}")
        day += 1


def _send_due(account: Account, before: datetime, until: datetime) -> int:
    """Send what was scheduled for a moment up to now, and finish what was being sent."""
    sent = 0
    for campaign in account.campaigns.values():
        due, remainder = campaign.primary.scheduled_date, campaign.primary.remainder
        if campaign.current_status == "Executing":
            due = before if remainder is None else remainder.until
        if due is None or due > until or campaign.current_status not in ("Scheduled", "Executing"):
            continue
        if remainder is None:
            _send(account, campaign, max(due, before))
        else:
            account.pick_winner(campaign, at=max(due, before))
        sent += 1
    return sent


def _resend_due(account: Account, before: datetime, until: datetime) -> int:
    """Send again what was wished to be sent again by now."""
    sent = 0
    for campaign in account.campaigns.values():
        wish = campaign.primary.non_opener_resend
        if (
            campaign.current_status != "Done"
            or wish is None
            or wish.resend_status != "SCHEDULED"
            or wish.resend_date is None
            or wish.resend_date > until
        ):
            continue
        account.resend(campaign, subject=wish.resend_subject, at=max(wish.resend_date, before))
        sent += 1
    return sent


def _send(account: Account, campaign: Campaign, at: datetime) -> None:
    chance = Chance(f"{account.seed}:{campaign.campaign_id}")
    audience = _audience(account, campaign)
    if len(audience) > _LARGEST_AUDIENCE:
        audience = chance.sample(audience, _LARGEST_AUDIENCE)
    account.send(campaign, audience, at=at)
    for send in campaign.primary.sends:
        if chance.happens(_BOUNCE):
            contact = account.contacts[send.contact_id]
            account.add_bounce(campaign.primary, contact, chance.pick(invention.BOUNCES), at=at)


def _audience(account: Account, campaign: Campaign) -> list[Contact]:
    """Return who is on the lists of a campaign, or in its segment, and may be written to."""
    lists = set(campaign.primary.contact_list_ids)
    segments = [account.segments[number] for number in campaign.primary.segment_ids]
    chosen = {each.contact_id for segment in segments for each in account.members_of(segment)}
    return [
        contact
        for contact in account.newest_contacts()
        if contact.is_active
        and (contact.contact_id in chosen or not lists.isdisjoint(contact.list_memberships))
    ]


def _sent(account: Account) -> list[Activity]:
    """Return the activities that somebody was sent, the last sent first."""
    sent = [
        (activity.last_sent_date, activity)
        for activity in account.activities.values()
        if activity.last_sent_date is not None
        and activity.sends
        and activity.current_status != "Removed"
    ]
    sent.sort(key=lambda each: each[0], reverse=True)
    return [activity for _, activity in sent]


def _recipient(
    account: Account, chance: Chance, activities: Sequence[Activity], at: datetime
) -> tuple[Activity, Contact] | None:
    """Pick somebody who was sent one of the activities by then, deleted or not."""
    for _ in range(TRIES if activities else 0):
        activity = chance.pick(activities)
        send = chance.pick(activity.sends)
        contact = account.contacts[send.contact_id]
        if send.at < at and contact.email_address is not None:
            return activity, contact
    return None


def _open(account: Account, chance: Chance, at: datetime, among: Sequence[Activity]) -> bool:
    found = _recipient(account, chance, among, at)
    if found is None:
        return False
    account.add_open(*found, device_type=chance.pick(invention.DEVICES), at=at)
    return True


def _open_recent(account: Account, chance: Chance, at: datetime) -> bool:
    return _open(account, chance, at, _sent(account)[:_RECENT])


def _open_old(account: Account, chance: Chance, at: datetime) -> bool:
    return _open(account, chance, at, _sent(account)[_RECENT:])


def _open_twice(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody open an e-mail twice in a minute."""
    found = _recipient(account, chance, _sent(account), at)
    if found is None:
        return False
    for _ in range(2):
        account.add_open(*found, device_type="mobile", at=at)
    return True


def _click(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody open an e-mail and click a link in it."""
    linked = [activity for activity in _sent(account) if activity.links]
    found = _recipient(account, chance, linked, at)
    if found is None:
        return False
    activity, contact = found
    device = chance.pick(invention.DEVICES)
    account.add_open(activity, contact, device_type=device, at=at)
    link = chance.pick(activity.links)
    account.add_click(activity, contact, link, device_type=device, at=at)
    return True


def _forward(account: Account, chance: Chance, at: datetime) -> bool:
    found = _recipient(account, chance, _sent(account), at)
    if found is None:
        return False
    account.add_forward(*found, at=at)
    return True


def _opt_out_from(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody leave through the link in an e-mail."""
    found = _recipient(account, chance, _sent(account), at)
    if found is None or not found[1].is_active:
        return False
    account.opt_out_from(*found, reason=chance.pick(invention.REASONS), at=at)
    return True


def _opt_out(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody leave who does not say through which e-mail."""
    contact = someone(account, chance, is_mailable)
    if contact is None:
        return False
    account.opt_out(contact, reason=chance.pick(invention.REASONS), at=at)
    return True


def _rename(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lives)
    names = {None} if contact is None else {None, contact.last_name}
    other = someone(account, chance, lambda each: each.last_name not in names)
    if contact is None or other is None:
        return False
    account.rename(contact, contact.first_name, other.last_name, at=at)
    return True


def _move(account: Account, chance: Chance, at: datetime) -> bool:
    """Give somebody another e-mail address."""
    contact = someone(account, chance, is_mailable)
    if contact is None or contact.email_address is None:
        return False
    mailbox = contact.email_address.address.partition("@")[0][:40]
    account.change_address(contact, f"{mailbox}.{chance.below(10**6)}@example.org", at=at)
    return True


def _arrive(account: Account, chance: Chance, at: datetime) -> bool:
    """Add a contact."""
    number = len(account.contacts) + 1
    parents = [someone(account, chance, lives) for _ in range(2)]
    names = [
        getattr(parent, part) if parent is not None else None
        for parent, part in zip(parents, ("first_name", "last_name"), strict=True)
    ]
    contact = account.add_contact(
        f"newcomer{number}@example.com",
        first_name=names[0],
        last_name=names[1],
        permission=chance.pick(("implicit", "explicit", "pending_confirmation")),
        source=chance.pick(("Account", "Contact")),
        lists=chance.some(open_lists(account), 2),
        at=at,
    )
    if account.custom_fields:
        fill_in(account, contact, chance.pick(list(account.custom_fields.values())), chance)
    return True


def _delete(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lives)
    if contact is None:
        return False
    account.delete_contact(contact, at=at)
    return True


def _revive(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lambda each: each.deleted_at is not None)
    if contact is None or chance.happens(1 / 2):
        return False
    account.revive(contact, at=at)
    return True


def _confirm(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lambda each: each.permission == "pending_confirmation")
    if contact is None or contact.deleted_at is not None:
        return False
    account.confirm(contact, at=at)
    return True


def _join(account: Account, chance: Chance, at: datetime) -> bool:
    lists = open_lists(account)
    contact = someone(account, chance, is_mailable)
    if contact is None or not lists:
        return False
    account.join(contact, chance.pick(lists), at=at)
    return True


def _leave(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lambda each: bool(each.list_memberships))
    if contact is None:
        return False
    account.leave(contact, account.lists[chance.pick(contact.list_memberships)], at=at)
    return True


def _tag(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lives)
    if contact is None or not account.tags:
        return False
    account.tag(contact, chance.pick(list(account.tags.values())), at=at)
    return True


def _answer(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody say something in a custom field."""
    contact = someone(account, chance, lives)
    if contact is None or not account.custom_fields:
        return False
    fill_in(account, contact, chance.pick(list(account.custom_fields.values())), chance)
    account.touch(contact, source="Contact", at=at)
    return True


def _resend(account: Account, chance: Chance, at: datetime) -> bool:
    """Send an old campaign again to those who did not open it."""
    old = [
        campaign
        for campaign in account.campaigns.values()
        if campaign.current_status == "Done"
        and campaign.primary.non_opener_resend is None
        and not any(each.role == "resend" for each in campaign.activities)
        and (campaign.last_sent_date or at) < at - _DAY
    ]
    if not old:
        return False
    account.resend(chance.pick(old), at=at)
    return True


def _write(account: Account, chance: Chance, at: datetime) -> bool:
    """Write a campaign to some lists, or to a segment, and schedule it for the day after."""
    subject = chance.pick(invention.SUBJECTS)
    segments = [each.segment_id for each in account.segments.values() if each.deleted_at is None]
    to_segment = bool(segments) and chance.happens(0.3)
    campaign = account.add_campaign(
        f"{subject}, {at:%Y-%m-%d} #{len(account.campaigns) + 1}"[:80],
        type_code=NEWSLETTER,
        subject=subject,
        lists=() if to_segment else chance.some(open_lists(account), 3),
        segment_id=chance.pick(segments) if to_segment else None,
        at=at,
    )
    account.add_link(campaign.primary, chance.pick(invention.PAGES))
    account.schedule(campaign, at + timedelta(hours=chance.randint(6, 30)), at=at)
    return True


#: What happens on a day: how often, and what it does; a happening that finds nobody fails.
HAPPENINGS: dict[str, tuple[int, Callable[[Account, Chance, datetime], bool]]] = {
    "recent e-mail opened": (12, _open_recent),
    "old e-mail opened": (6, _open_old),
    "e-mail opened twice in a minute": (1, _open_twice),
    "link clicked": (6, _click),
    "e-mail forwarded": (1, _forward),
    "opt-out from an e-mail": (2, _opt_out_from),
    "opt-out": (1, _opt_out),
    "contact renamed": (3, _rename),
    "address changed": (1, _move),
    "contact added": (4, _arrive),
    "contact deleted": (1, _delete),
    "contact revived": (1, _revive),
    "contact confirmed": (1, _confirm),
    "list joined": (3, _join),
    "list left": (2, _leave),
    "contact tagged": (2, _tag),
    "custom field filled in": (2, _answer),
    "campaign sent again": (1, _resend),
    "campaign written": (1, _write),
    **AFFAIRS,
    **boxoffice.HAPPENINGS,
    **second_thoughts.HAPPENINGS,
    **ventures.HAPPENINGS,
}
