"""What the people who keep a believable account do: choose contacts, and treat many at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, get_args

from constantcontact_sandbox.bulk_activities import BulkKind
from constantcontact_sandbox.chance import Chance
from constantcontact_sandbox.crowd import open_lists
from constantcontact_sandbox.segments import Criteria
from constantcontact_sandbox.townsfolk import QUIET

if TYPE_CHECKING:
    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.bulk_activities import EndState

_KINDS: tuple[BulkKind, ...] = get_args(BulkKind)
_JOB_AGES = (400, 12, 9, 8, 7, 6, 5, 3, 2, 1)  # in days; older ones than ten do not show
#: How the jobs of some days ended, when not well, and with which errors.
_ENDS: dict[int, tuple[EndState, tuple[str, ...]]] = {
    7: ("failed", ("The file is empty.",)),
    6: ("cancelled", ()),
    5: ("timed_out", ()),
}


def keep_office(account: Account) -> None:
    """Add segments and bulk activities; chance has a seed of its own here."""
    chance = Chance(f"{account.seed}:office")
    _choose_contacts(account, chance)
    _treat_many(account, chance)


def _choose_contacts(account: Account, chance: Chance) -> None:
    lists, tags = open_lists(account), list(account.tags.values())
    opened = account.born - timedelta(days=300)
    for number, (name, criteria) in enumerate(
        (
            ("Everybody", Criteria()),
            ("Regulars 🥖", Criteria.of(tags=tags[:2])),
            ("Customers who are vegan", Criteria.of(lists=lists[1:2], tags=tags[3:4])),
            ("Asleep: did not open the last 3", Criteria.of(not_opened=3)),
            ("Wholesale, asleep", Criteria.of(lists=lists[-1:], not_opened=5)),
            ("Christmas 2019", Criteria.of(tags=tags[-1:])),
        )
    ):
        moment = opened + timedelta(days=40 * number, minutes=chance.below(1440))
        segment = account.add_segment(name, criteria, at=moment)
        if number % 2:
            account.rename_segment(segment, name, at=moment + timedelta(hours=chance.below(400)))
    account.delete_segment(segment, at=account.born - timedelta(days=20))


def _treat_many(account: Account, chance: Chance) -> None:
    """Do jobs of each kind and with each end; the last two are not done yet."""
    contacts = len(account.contacts)
    for number, days in enumerate(_JOB_AGES):
        kind = _KINDS[number % len(_KINDS)]
        moment = account.born - timedelta(days=days) + timedelta(minutes=chance.below(600))
        name = f"contacts-{moment:%Y-%m-%d}.csv" if kind == "contacts_file_import" else None
        job = account.add_bulk_activity(kind, source_file_name=name, at=moment)
        account.begin_bulk_activity(job, contacts, at=moment + timedelta(seconds=20))
        end = moment + timedelta(minutes=chance.randint(1, 9))
        state, errors = _ENDS.get(days, ("completed", ()))
        account.end_bulk_activity(job, state, errors=errors, at=end)
    last = account.born - QUIET
    running = account.add_bulk_activity("add_list_memberships", at=last)
    account.begin_bulk_activity(running, contacts, at=last)
    account.add_bulk_activity("contact_exports", at=last)
