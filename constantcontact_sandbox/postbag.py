"""The campaigns of a believable account, and what people did with them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox import invention
from constantcontact_sandbox.mailings import AB_TEST, CAMPAIGN_TYPES, CUSTOM_CODE, NEWSLETTER
from constantcontact_sandbox.townsfolk import QUIET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.chance import Chance
    from constantcontact_sandbox.records import Activity, Campaign, Contact, ContactList, Status

_SINCE = timedelta(days=2 * 365)
_LEGACY_FORMAT = 2
_LARGEST_AUDIENCE = 2_000  # a million contacts do not mean a billion events

#: How people take an e-mail, how often they read it and what they do then: the more often a word
#: stands here, the likelier it is.
_MOODS = (*("ignore",) * 64, *("read",) * 33, *("bounce",) * 3)
_READINGS = (*(1,) * 13, *(2,) * 5, 3, 4)
_AFTERTHOUGHTS = (*("none",) * 193, *("opt out",) * 3, *("forward",) * 3, "complain")

_COMMON = (NEWSLETTER, CUSTOM_CODE, AB_TEST)
_RARE = tuple(code for code in CAMPAIGN_TYPES if code not in _COMMON)


def _type_code(number: int) -> int:
    rare = _RARE[number // 3 % len(_RARE)]
    return (NEWSLETTER, rare, NEWSLETTER, AB_TEST, CUSTOM_CODE, rare)[number % 6]


def _every(nth: int, number: int, *, first: int) -> bool:
    return number % nth == first


@dataclass
class Postbag:
    """The campaigns of the account, and what people did with them."""

    account: Account
    leaving: dict[str, datetime]
    oldest_first: Sequence[Contact] = ()

    def deliver(self, campaigns: int) -> None:
        """Add the campaigns, the oldest first, those not yet sent last."""
        account, chance = self.account, self.account.chance
        self.oldest_first = list(reversed(account.newest_contacts()))
        unsent = _unsent(campaigns)
        sent = campaigns - len(unsent)
        step = (_SINCE - timedelta(days=2)) / max(sent, 1)
        for number in range(sent):
            moment = account.born - _SINCE + step * number
            moment += timedelta(minutes=chance.randint(0, 600))
            self._send_campaign(number, moment, chance)
        for number, status in enumerate(unsent):
            self._leave_unsent(number, status)

    def _send_campaign(self, number: int, moment: datetime, chance: Chance) -> None:
        account = self.account
        campaign = self._write(number, moment, chance)
        ready = moment + timedelta(minutes=chance.randint(5, 300))
        lists = campaign.primary.contact_list_ids
        nobody = _every(25, number, first=9)
        if _every(5, number, first=2):
            account.request_resend(campaign, delay=timedelta(days=chance.randint(2, 6)), at=ready)
        account.send(campaign, () if nobody else self._audience(lists, ready, chance), at=ready)
        winner = campaign.primary.remainder
        if winner is not None and self._is_past(winner.until):
            account.pick_winner(campaign, at=winner.until)
        self._react(campaign.primary, ready, chance)
        wish = campaign.primary.non_opener_resend
        if wish is not None and wish.resend_date is not None and self._is_past(wish.resend_date):
            self._send_again(campaign, wish.resend_date, chance)
        if _every(11, number, first=7):
            account.remove_campaign(campaign, at=ready + timedelta(days=20))

    def _write(self, number: int, moment: datetime, chance: Chance) -> Campaign:
        account = self.account
        subject = invention.SUBJECTS[number % len(invention.SUBJECTS)]
        campaign = account.add_campaign(
            f"{subject}, {moment:%Y-%m-%d} #{number + 1}"[:80],
            type_code=_type_code(number),
            subject=subject,
            lists=chance.some([each for each in account.lists.values() if _takes_mail(each)], 3),
            at=moment,
        )
        primary = campaign.primary
        primary.preheader = "You don't want to miss this." if number % 2 else None
        if campaign.type_code == AB_TEST:
            account.try_subject(
                campaign,
                f"{subject}?",
                test_size=chance.pick((10, 30, 50)),
                winner_wait_duration=chance.pick((6, 12, 24, 48)),
                at=moment,
            )
        if _every(9, number, first=8):
            primary.format_type, primary.preheader = _LEGACY_FORMAT, None
            primary.document_properties = {
                "greeting_name_type": "F",
                "greeting_salutation": "Dear",
                "text_content": "<Text>Our news in plain words</Text>",
            }
        for page in chance.some(invention.PAGES, 4):
            account.add_link(primary, page)
        if _every(4, number, first=1):
            account.add_link(
                primary, "https://bakery.example.com/tell-me-more", adds_to=_first(account.lists)
            )
        return campaign

    def _audience(
        self, lists: Sequence[str], moment: datetime, chance: Chance
    ) -> Sequence[Contact]:
        known = bisect_right(self.oldest_first, moment, key=lambda contact: contact.created_at)
        some = chance.sample(self.oldest_first[:known], min(known, 2 * _LARGEST_AUDIENCE))
        wanted = set(lists)
        return [
            contact
            for contact in some
            if self._may_get_mail(contact, moment)
            and not wanted.isdisjoint(contact.list_memberships)
        ][:_LARGEST_AUDIENCE]

    def _may_get_mail(self, contact: Contact, moment: datetime) -> bool:
        email = contact.email_address
        if email is None or email.permission_to_send in ("not_set", "pending_confirmation"):
            return False
        left = self.leaving.get(contact.contact_id) or email.opt_out_date
        return left is None or left > moment

    def _send_again(self, campaign: Campaign, moment: datetime, chance: Chance) -> None:
        account = self.account
        late = [
            contact
            for contact in account.non_openers(campaign.primary)
            if self._may_get_mail(contact, moment)
        ]
        resent = account.resend(campaign, late, at=moment)
        self._react(resent, moment, chance)

    def _react(self, activity: Activity, sent: datetime, chance: Chance) -> None:
        for number, send in enumerate(list(activity.sends)):
            contact = self.account.contacts[send.contact_id]
            mood = chance.pick(_MOODS) if number else "read"
            if mood == "bounce":
                self._come_back(activity, contact, send.at, chance)
            elif mood == "read":
                self._read(activity, contact, send.at, chance)
        self._read_twice_in_a_minute(activity, sent)

    def _come_back(
        self, activity: Activity, contact: Contact, sent: datetime, chance: Chance
    ) -> None:
        moment = sent + timedelta(seconds=chance.randint(5, 7200))
        if self._is_past(moment):
            self.account.add_bounce(activity, contact, chance.pick(invention.BOUNCES), at=moment)

    def _read(self, activity: Activity, contact: Contact, sent: datetime, chance: Chance) -> None:
        account = self.account
        moment = sent
        device = chance.pick(invention.DEVICES)
        for _ in range(chance.pick(_READINGS)):
            moment += timedelta(seconds=60 + int(chance.expovariate(1 / 40_000)))
            if not self._is_past(moment):
                return
            account.add_open(activity, contact, device_type=device, at=moment)
            if activity.links and chance.happens(0.25):
                link = chance.pick(activity.links)
                click = moment + timedelta(seconds=chance.randint(2, 200))
                account.add_click(activity, contact, link, device_type=device, at=click)
        moment += timedelta(seconds=chance.randint(20, 600))
        if self._is_past(moment):
            self._think_again(activity, contact, moment, chance)

    def _think_again(
        self, activity: Activity, contact: Contact, moment: datetime, chance: Chance
    ) -> None:
        account = self.account
        thought = chance.pick(_AFTERTHOUGHTS)
        if thought == "opt out" and contact.is_active:
            reason = chance.pick(invention.REASONS)
            account.opt_out_from(activity, contact, reason=reason, at=moment)
        elif thought == "forward":
            account.add_forward(activity, contact, at=moment)
        elif thought == "complain":
            account.add_abuse(activity, contact, at=moment)

    def _read_twice_in_a_minute(self, activity: Activity, sent: datetime) -> None:
        """Repeat what real reports hold: two events that the minute cannot tell apart."""
        readers = [self.account.contacts[each.contact_id] for each in activity.sends[:2]]
        minute = (sent + timedelta(minutes=90)).replace(second=10)
        if not readers or not self._is_past(minute + timedelta(minutes=1)):
            return
        same, other = readers[0], readers[-1]
        account, later = self.account, minute + timedelta(seconds=35)
        for moment in (minute, later):
            account.add_open(activity, same, device_type="mobile", at=moment)
            if activity.links:
                account.add_click(activity, same, device_type="mobile", at=moment)
        account.add_open(activity, other, device_type="computer", at=minute)
        account.add_open(activity, other, device_type="tablet", at=later)

    def _is_past(self, moment: datetime) -> bool:
        return moment < self.account.born - QUIET / 2

    def _leave_unsent(self, number: int, status: Status) -> None:
        account = self.account
        moment = account.born - timedelta(days=3 * number + 1, hours=5)
        campaign = account.add_campaign(
            f"{status}: {invention.SUBJECTS[number % len(invention.SUBJECTS)]} ({number + 1})",
            lists=[_first(account.lists)],
            at=moment,
        )
        account.add_link(campaign.primary, invention.PAGES[0])
        if status == "Scheduled":
            coming = account.born + timedelta(hours=20)
            account.schedule(campaign, coming, at=moment)
        elif status == "Executing":
            account.begin(campaign, at=account.born - QUIET / 2)
        elif status == "Error":
            account.fail(campaign, 3, at=moment)
        elif status == "Removed":
            account.remove_campaign(campaign, at=moment)


def _unsent(campaigns: int) -> Sequence[Status]:
    """Name the states of the campaigns that were not sent: each state once, then more drafts."""
    states: list[Status] = ["Draft", "Scheduled", "Removed", "Error", "Executing"]
    drafts: list[Status] = ["Draft"] * (campaigns // 20)
    return states[: campaigns // 2] + drafts


def _takes_mail(contact_list: ContactList) -> bool:
    return contact_list.deleted_at is None and contact_list.channel == "email"


def _first(lists: dict[str, ContactList]) -> ContactList:
    return next(iter(lists.values()))
