"""What else a believable account does: texts, landing pages, automations, social networks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox import invention
from constantcontact_sandbox.automations import Goal
from constantcontact_sandbox.chance import Chance
from constantcontact_sandbox.text_campaigns import agreed
from constantcontact_sandbox.townsfolk import QUIET

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.landing_pages import LandingPage
    from constantcontact_sandbox.records import Contact
    from constantcontact_sandbox.social import Network

_TEXTS = ("Rye is back", "Free rolls today 🥖", "Closed on Monday", "Your order is ready")
_GOALS = (
    Goal("post_purchase_followup", "Follow up on a purchase"),
    Goal("goal_undefined", "All from-scratch paths"),
    Goal("up_sell_and_cross_sell", "Sell something else"),
)
#: What each automation is called, whether it began as a template, and what became of it.
_AUTOMATIONS = (
    ("Welcome", False, "drafted"),
    ("Birthday", True, "edited"),
    ("Welcome back", False, "promoted"),
    ("Thank you", True, "edited"),
    ("We miss you", False, "paused"),
)
_PAGES = ("Join the bakery", "Win a loaf")
_NETWORKS: tuple[Network, ...] = ("facebook", "instagram", "linkedin", "tiktok")
_HASHTAGS = ("bread", "rye", "sourdough", "bakery", "boston_food", "local2026")
_GROUPS = 7  # more than a page shows
_TRIES = 60
_MOST_VISITORS = 40
_LARGEST_AUDIENCE = 2_000


def undertake(account: Account, text_campaigns: int) -> None:
    """Add texts, and some landing pages, automations and social networks."""
    chance = Chance(f"{account.seed}:ventures")
    for number in range(text_campaigns):
        _send_texts(account, number, account.born - timedelta(days=5 + 20 * number), chance)
    if text_campaigns:
        account.add_text_campaign("A draft", at=account.born - timedelta(days=1))
    _put_up_pages(account, chance)
    _automate(account)
    _socialise(account)


# Texts


def _send_texts(account: Account, number: int, at: datetime, chance: Chance) -> None:
    campaign = account.add_text_campaign(
        f"{_TEXTS[number % len(_TEXTS)]} #{number + 1}", tracks_opens=number % 2 == 0, at=at
    )
    known = account.newest_contacts(until=at)
    drawn = chance.sample(known, min(len(known), _LARGEST_AUDIENCE))
    audience = [each for each in drawn if agreed(each)]
    missed = {each.contact_id for each in audience if chance.happens(0.05)}
    account.send_texts(campaign, audience, undelivered=missed, at=at)
    for each in audience:
        if each.contact_id not in missed and chance.happens(0.4):
            later = at + timedelta(minutes=chance.randint(1, 600))
            if campaign.tracks_opens:
                account.add_text_open(campaign, each, at=later)
            account.add_text_click(campaign, each, at=later)


def _text(account: Account, chance: Chance, at: datetime) -> bool:
    """Send another text."""
    _send_texts(account, len(account.text_campaigns), at, chance)
    return True


def _answer_text(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody click the link in a text, or want no more of them."""
    found = [
        (campaign, each.contact_id)
        for campaign in account.text_campaigns.values()
        for each in campaign.delivers
        if each.at < at
    ]
    if not found:
        return False
    campaign, contact_id = chance.pick(found)
    contact = account.contacts[contact_id]
    if chance.happens(0.2) and agreed(contact):
        account.answer_stop(campaign, contact, at=at)
    else:
        account.add_text_click(campaign, contact, at=at)
    return True


# Landing pages


def _put_up_pages(account: Account, chance: Chance) -> None:
    contacts = account.newest_contacts()
    for name in _PAGES:
        page = account.add_landing_page(name, *invention.PAGES[:3])
        for guest in chance.sample(contacts, min(len(contacts), _MOST_VISITORS)):
            if guest.email_address is None:
                continue
            span = account.born - QUIET / 2 - guest.created_at
            at = guest.created_at + span * chance.random()
            _visit_page(account, page, guest, chance, at)


def _visit_page(
    account: Account, page: LandingPage, guest: Contact, chance: Chance, at: datetime
) -> None:
    device = chance.pick(invention.DEVICES)
    account.open_page(page, guest, device_type=device, at=at)
    if chance.happens(0.3):
        account.open_page(page, guest, device_type=device, at=at + timedelta(seconds=20))
    if chance.happens(0.5):
        account.click_on_page(page, guest, chance.pick(page.links), device_type=device, at=at)
    note = chance.pick((account.sign_up_on_page, account.update_on_page, None, None))
    if note is not None:
        note(page, guest, at=at)
    if guest.sms_channel is not None and chance.happens(0.5):
        account.opt_in_on_page(page, guest, at=at)


def _visit(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody visit a landing page."""
    contacts, pages = account.newest_contacts(), list(account.landing_pages.values())
    for _ in range(_TRIES if contacts and pages else 0):
        guest = chance.pick(contacts)
        if guest.email_address is not None and guest.deleted_at is None:
            _visit_page(account, chance.pick(pages), guest, chance, at)
            return True
    return False


# Automations


def _automate(account: Account) -> None:
    lists = list(account.lists.values())
    for number, (name, from_template, fate) in enumerate(_AUTOMATIONS):
        at = account.born - timedelta(days=200 - 30 * number)
        automation = account.add_automation(
            name,
            joined=None if from_template or not lists else lists[number % len(lists)],
            goal=_GOALS[number % len(_GOALS)],
            from_template=from_template,
            at=at,
        )
        if fate != "drafted":
            account.promote(automation, at=at + timedelta(hours=1))
        if fate == "edited":
            account.extend(automation, 24, at=at + timedelta(days=1))
        elif fate == "paused":
            account.pause(automation, at=at + timedelta(days=2))
    account.add_automation("Hello by text", channel="sms", at=account.born - timedelta(days=9))


def _draft(account: Account, chance: Chance, at: datetime) -> bool:
    """Draft an automation, and perhaps let it begin."""
    number = len(account.automations) + 1
    automation = account.add_automation(f"Path {number}", goal=chance.pick(_GOALS), at=at)
    if chance.happens(0.5):
        account.promote(automation, at=at)
    return True


def _edit(account: Account, chance: Chance, at: datetime) -> bool:
    """Change an automation in one way or another."""
    if not account.automations:
        return False
    automation = chance.pick(list(account.automations.values()))
    way = chance.below(4)
    if way == 0:
        account.rename_automation(automation, f"{automation.name[:40]} ({at:%d %b})", at=at)
    elif way == 1:
        account.extend(automation, chance.pick((6, 24, 48)), at=at)
    elif automation.status == "ACTIVE" and not automation.has_news:
        account.pause(automation, at=at)
    else:
        account.promote(automation, at=at)
    return True


def _drop(account: Account, chance: Chance, _: datetime) -> bool:
    """Remove an automation, unless it is the last."""
    automations = list(account.automations.values())
    if not automations[1:]:
        return False
    account.remove_automation(chance.pick(automations))
    return True


# Social networks


def _socialise(account: Account) -> None:
    for number, network in enumerate(_NETWORKS):
        connection = account.connect(network, "examplebakery")
        for name in ("The Example Bakery", "Bakery Workshops")[: 1 + number % 2]:
            account.add_profile(connection, name)
    account.spoil(connection, "The token has expired.", 401)
    account.connect("facebook", "adabaker")
    for number in range(_GROUPS):
        account.add_hashtag_group(f"Group {number + 1}", *_HASHTAGS[: 1 + number % len(_HASHTAGS)])


def _add_profile(account: Account, chance: Chance, at: datetime) -> bool:
    connections = list(account.social_connections.values())
    if not connections:
        return False
    account.add_profile(chance.pick(connections), f"Stall of {at:%d %B}")
    return True


def _remove_profile(account: Account, chance: Chance, _: datetime) -> bool:
    if not account.social_profiles:
        return False
    account.remove_profile(chance.pick(list(account.social_profiles.values())))
    return True


def _change_hashtags(account: Account, chance: Chance, at: datetime) -> bool:
    """Keep other hashtags than before."""
    groups = list(account.hashtag_groups.values())
    if len(groups) > 1:
        account.remove_hashtag_group(chance.pick(groups))
    account.add_hashtag_group(f"Of {at:%d %B}", *chance.some(_HASHTAGS, 3))
    return True


#: What happens on a day: how often, and what it does.
HAPPENINGS: dict[str, tuple[int, Callable[[Account, Chance, datetime], bool]]] = {
    "text sent": (1, _text),
    "text answered": (3, _answer_text),
    "landing page visited": (3, _visit),
    "automation drafted": (1, _draft),
    "automation edited": (1, _edit),
    "automation removed": (1, _drop),
    "social profile added": (1, _add_profile),
    "social profile removed": (1, _remove_profile),
    "hashtags changed": (1, _change_hashtags),
}
